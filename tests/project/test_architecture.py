"""The structure of the project: who may import whom, and where heavy libraries may be used."""

import ast
import graphlib
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("featurestore", "heads", "benchmarks")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SOURCES = [path for path in FILES if "speed" not in path.parts]
# What a package may not import, by the beginning of a module's name.
ABOVE = {
    "heads": ("featurestore", "benchmarks", "cli"),
    "featurestore": ("benchmarks", "heads", "cli"),
    "benchmarks": ("cli",),
}
# What a head is given, and what wraps any head; heads themselves are known by name alone.
HEAD_TYPES = {
    f"heads.{name}" for name in ("Block", "Frames", "Inputs", "MissingModalityHead", "StreamedMatrix", "Turns")
}
ONLY = {
    "h5py": {"featurestore/storage/hdf5.py"},
    "transformers": {"featurestore/encoders/", "featurestore/networks/", "featurestore/finetuning/"},
    "peft": {"featurestore/finetuning/"},
    "xgboost": {"heads/xgb.py", "heads/regressors/xgb.py"},
    "soundfile": {"featurestore/audio/", "featurestore/corpora/", "featurestore/releases/samples.py"},
    "av": {"featurestore/audio/"},
    "opensmile": {"featurestore/encoders/"},
    "librosa": {"featurestore/encoders/"},
    "pyarrow": {"featurestore/storage/parquet.py", "featurestore/storage/column_table.py"},
    "pickle": {"featurestore/importing/_unpickler.py"},
}


@cache
def parse(path):
    """Parse a source file, once per process."""
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path):
    """List the full name of everything that a file imports: modules, and names in modules. Once per process."""
    found = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def name(path):
    return path.relative_to(ROOT).as_posix()


MODULES = {name(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in FILES}


def imported_modules(path):
    """Return the project's modules that a file imports."""
    found = {full if full in MODULES else full.rpartition(".")[0] for full in imports(path)}
    return found & set(MODULES)


def room(module):
    """Return the folder of a module; a module at the top of a package is a room of its own."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    return module if package in PACKAGES else package


def test_packages_import_one_way():
    for path in FILES:
        above = ABOVE[path.relative_to(ROOT).parts[0]]
        wrong = [full for full in imports(path) if full.split(".")[0] in above and "speed" not in path.parts]
        wrong = [full for full in wrong if full not in HEAD_TYPES]
        assert not wrong, name(path)


def test_a_private_module_is_imported_in_its_own_package_and_those_within_it_alone():
    for path in FILES:
        own = name(path.parent).replace("/", ".")
        for module in imported_modules(path):
            package, _, leaf = module.rpartition(".")
            assert not leaf.startswith("_") or f"{own}.".startswith(f"{package}."), f"{name(path)} imports {module}"


def test_rooms_import_one_way():
    below = defaultdict(set)
    for module, path in MODULES.items():
        if module not in PACKAGES:  # their public API is loaded lazily
            below[room(module)] |= {room(other) for other in imported_modules(path)} - {room(module), *PACKAGES}
    list(graphlib.TopologicalSorter(below).static_order())  # a cycle raises CycleError with its rooms


@pytest.mark.parametrize("package", ONLY)
def test_a_heavy_library_is_known_in_few_places(package):
    users = {name(path) for path in SOURCES if any(module.split(".")[0] == package for module in imports(path))}
    assert users
    assert not [user for user in users if not any(user.startswith(place) for place in ONLY[package])]


def test_no_module_imports_another_that_imports_it():
    edges = {module: imported_modules(path) for module, path in MODULES.items() if module not in PACKAGES}
    assert [(a, b) for a, found in edges.items() for b in found if a < b and a in edges.get(b, ())] == []


@pytest.mark.parametrize("command", ["--help", "extract --help", "list heads", "list corpora", "list labels"])
def test_help_and_lists_load_nothing_heavy(command):
    code = (
        "import sys, cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'xgboost', 'h5py', 'pandas', 'scipy', 'librosa'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_report_is_made_without_networks_and_boosted_trees(tmp_path):
    folder = ROOT / "tests/compatibility/0.1.0/benchmark"
    code = (
        "import sys; from pathlib import Path; from benchmarks.report.write_report import make_report\n"
        "make_report(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "heavy = {'torch', 'transformers', 'xgboost', 'skops', 'h5py'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    words = [sys.executable, "-c", code, str(folder), str(tmp_path / "report.html")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_is_pickled_and_no_remote_code_is_trusted():
    for path in SOURCES:
        found = set(imports(path))
        assert not {"dill", "cloudpickle", "joblib.dump", "joblib.load"} & found, name(path)
        text = path.read_text("utf-8")
        assert not re.search(r"pickle\.(loads?|dumps?)\(", text), name(path)
        assert "trust_remote_code=True" not in text, name(path)
        assert "torch.load(" not in text, name(path)
