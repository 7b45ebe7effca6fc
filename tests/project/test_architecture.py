"""The shape of the project, held: who may import whom, who may know HDF5, transformers and torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for package in ("featurestore", "heads", "benchmarks")
    for path in (ROOT / package).rglob("*.py")
    if "speed" not in path.parts
)
# What each layer may not import, by the beginning of a module's name.
BELOW_STORE = ("errors", "registry", "files", "manifest", "labels", "spec", "schema")
ABOVE = tuple(f"featurestore.{name}" for name in ("store", "extract", "finetune", "predict", "encoders", "worker"))
ONLY = {
    "h5py": {"featurestore/storage/hdf5.py"},
    "transformers": {
        "featurestore/encoders/",
        "featurestore/finetuning/finetune.py",
        "featurestore/finetuning/data.py",
        "featurestore/finetuning/history.py",
        "featurestore/finetuning/silence.py",
        "featurestore/finetuning/starting_network.py",
        "featurestore/finetuning/training.py",
        "featurestore/finetuning/training_reporter.py",
        "featurestore/finetuning/demo_models.py",
        "featurestore/networks/checkpoint.py",
        "featurestore/networks/loading.py",
    },
    "xgboost": {"heads/xgb.py"},
    "soundfile": {"featurestore/audio/decode.py", "featurestore/corpora/"},
    "opensmile": {"featurestore/encoders/_opensmile.py"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_go_one_way(path):
    found = set(imports(path))
    if name(path).startswith("heads/"):
        assert not [module for module in found if module.startswith(("featurestore", "benchmarks", "cli"))]
    if name(path).startswith("featurestore/"):
        assert not [module for module in found if module.startswith(("benchmarks", "cli", "heads"))]
    if path.parent.name == "featurestore" and path.stem in BELOW_STORE:
        assert not [module for module in found if module.startswith(ABOVE)]
    assert "cli" not in found


@pytest.mark.parametrize("package", ONLY)
def test_a_heavy_library_is_known_in_few_places(package):
    users = {name(path) for path in SOURCES if any(module.split(".")[0] == package for module in imports(path))}
    assert users
    assert not [user for user in users if not any(user.startswith(place) for place in ONLY[package])]


def test_no_module_imports_another_that_imports_it():
    modules = {name(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in SOURCES}
    edges = {module: {other for other in imports(path) if other in modules} for module, path in modules.items()}
    mutual = [(a, b) for a, found in edges.items() for b in found if a < b and a in edges[b]]
    assert mutual == []


@pytest.mark.parametrize("command", ["--help", "extract --help", "list heads", "list corpora", "list labels"])
def test_help_and_lists_load_nothing_heavy(command):
    code = (
        "import sys, cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'xgboost', 'h5py', 'pandas', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_is_pickled_and_no_remote_code_is_trusted():
    for path in SOURCES:
        found = set(imports(path))
        assert not {"pickle", "dill", "cloudpickle", "joblib.dump", "joblib.load"} & found, name(path)
        text = path.read_text("utf-8")
        assert "trust_remote_code=True" not in text, name(path)
        assert "torch.load(" not in text, name(path)
