import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from featurestore import plugins, registry
from featurestore.errors import NotFound, Unavailable, UnknownName
from tests.support import fork_server

HEAD = '''"""{line}"""
from heads.prior import PriorHead

__all__ = ["{name}"]
KIND = "heads"


class {name}(PriorHead):
    """As the prior."""
'''


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Isolate each test: no plug-in of another one, and no memory of its warnings and imports."""
    monkeypatch.setenv(plugins.VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def forget():
    """Forget warnings, entry points and imports, of tests of other files too."""
    registry._warn_once.cache_clear()
    plugins._entry_points.cache_clear()
    for name in [name for name in sys.modules if name.startswith(("emofuse_plugins", "kit"))]:
        del sys.modules[name]


def write(path, text=None, name="Mine", line="My head."):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD.format(name=name, line=line) if text is None else text)
    return path


def install(folder, monkeypatch, points, name="kit", files=()):
    """Write a distribution with entry points by group into a folder on the path."""
    folder.mkdir(exist_ok=True)
    information = folder / f"{name}-1.2.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (information / "top_level.txt").write_text(f"{name}\n")
    (information / "RECORD").write_text("".join(f"{file},,\n" for file in (f"{name}/__init__.py", *files)))
    groups = "".join(f"[emofuse.{kind}]\n{lines}\n" for kind, lines in points.items())
    (information / "entry_points.txt").write_text(groups)
    monkeypatch.syspath_prepend(str(folder))


def test_a_file_is_found_by_its_name_and_its_kind():
    registry.add_plugins([write(Path("my_head.py"))])
    assert "my-head" in registry.names("heads")
    assert all("my-head" not in registry.names(kind) for kind in registry.PACKAGES if kind != "heads")
    assert registry.summary("heads", "my-head") == "My head."
    assert registry.describe_origin("heads", "my-head") == f"plug-in {Path('my_head.py').resolve()}"
    assert registry.load("heads", "my-head")().fit([[0.0], [1.0]], ["a", "b"]).predict_proba([[3.0]]).tolist() == [
        [0.5, 0.5]
    ]


def test_the_project_says_where_its_own_are():
    assert registry.describe_origin("heads", "svm") == "package heads"
    assert registry.describe_origin("checks", "text-shared") == "package benchmarks.checks"
    assert registry.describe_source("heads", "svm") == {}


def test_listing_imports_nothing():
    registry.add_plugins([write(Path("my_head.py"), 'KIND = "heads"\nraise SystemExit("imported")')])
    assert registry.summary("heads", "my-head") == ""
    with pytest.raises(Unavailable, match=r"plug-in .*my_head.py cannot be used: its import fails with SystemExit"):
        registry.load("heads", "my-head")


def test_a_file_that_is_not_there():
    with pytest.raises(NotFound, match=r"^no plug-in file none.py\n  do: check the path given by --plugin$"):
        registry.add_plugins(["none.py"])


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("bad.py", 'KIND = "heads"\nx = (', "SyntaxError: '(' was never closed (bad.py, line 2)"),
        ("bad.py", "x = 1", 'it has no line KIND = one of "corpora", "encoders", "heads", "protocols", "checks"'),
        ("bad.py", 'KIND = "head"', "'head' is no kind: KIND = one of \"corpora\""),
        ("bad.py", "KIND = [1]", "it has no line KIND"),
        ("_bad.py", 'KIND = "heads"', "its name must be that of a Python module, such as my_head.py"),
        ("bad-one.py", 'KIND = "heads"', "its name must be that of a Python module, such as my_head.py"),
        ("bad.txt", 'KIND = "heads"', "its name must be that of a Python module, such as my_head.py"),
        ("svm.py", 'KIND = "heads"', "there is a head 'svm' in package heads"),
    ],
)
def test_a_broken_file_is_named_once_and_left_out(name, text, reason, caplog):
    before = registry.names("heads")
    registry.add_plugins([write(Path(name), text)])
    assert registry.names("heads") == before
    (line,) = caplog.messages
    assert line.startswith(f"plug-in {Path(name).resolve()} is left out: {reason}")
    assert "\n" not in line


def test_a_file_in_the_environment_that_is_not_there_is_left_out(monkeypatch, caplog):
    monkeypatch.setenv(plugins.VARIABLE, "/no/such.py")
    registry.add_plugins()
    assert caplog.messages == ["plug-in /no/such.py is left out: there is no such file"]


def test_of_two_files_of_one_name_the_first_is_taken(caplog):
    registry.add_plugins([write(Path("a/one.py"), line="First."), write(Path("b/one.py"), line="Second.")])
    assert registry.summary("heads", "one") == "First."
    first, second = (f"plug-in {Path(folder, 'one.py').resolve()}" for folder in "ab")
    assert caplog.messages == [f"{second} is left out: there is a head 'one' in {first}"]


def test_files_of_two_kinds_may_have_one_name():
    check = '"""A check."""\n__all__ = ["check"]\nKIND = "checks"\ndef check(results): ...\n'
    registry.add_plugins([write(Path("a/one.py")), write(Path("b/one.py"), check)])
    assert registry.module("heads", "one").KIND == "heads"
    assert registry.module("checks", "one").KIND == "checks"


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("heads", "", "it has no __all__, which a module of heads has"),
        ("heads", "__all__ = ['a', 'b']", "its __all__ does not name exactly one class"),
        ("heads", "__all__ = ['A']\nclass A: ...", "A is not a subclass of heads.Head"),
        ("heads", "import no_such_module", "its import fails with ModuleNotFoundError: No module named 'no_such_mo"),
        ("encoders", "__all__ = ['A']", "it has no identify, which a module of encoders has"),
        ("protocols", "__all__ = []\nfolds = 1", "it has no SPEAKER_INDEPENDENT, groups, which a module of protoco"),
        ("corpora", "CARD = 1", "it has no utterances, which a module of corpora has"),
    ],
)
def test_a_module_that_does_not_keep_its_contract_is_named(kind, text, reason):
    registry.add_plugins([write(Path("mine.py"), f'KIND = "{kind}"\n{text}')])
    with pytest.raises(Unavailable) as caught:
        registry.load(kind, "mine")
    assert str(caught.value).startswith(f"plug-in {Path('mine.py').resolve()} cannot be used: {reason}")
    assert "\n  do: " in str(caught.value)


def test_going_through_all_leaves_out_what_cannot_be_imported(caplog):
    registry.add_plugins([write(Path("bad.py"), 'KIND = "checks"\n1 / 0')])
    assert [name for name, _ in registry.import_modules("checks")] == [
        name for name in registry.names("checks") if name != "bad"
    ]
    (line,) = caplog.messages
    assert line.endswith("bad.py cannot be used: its import fails with ZeroDivisionError: division by zero")


def test_an_installed_module_is_found_by_its_entry_point(tmp_path, monkeypatch):
    write(tmp_path / "site" / "kit" / "__init__.py", "raise RuntimeError('imported')")
    write(tmp_path / "site" / "kit" / "head.py")
    install(tmp_path / "site", monkeypatch, {"heads": "kit_head = kit.head"})
    assert "kit-head" in registry.names("heads")
    assert registry.summary("heads", "kit-head") == "My head."
    assert registry.describe_origin("heads", "kit-head") == "kit 1.2"
    assert registry.describe_source("heads", "kit-head") == {"distribution": "kit 1.2"}
    with pytest.raises(Unavailable, match="kit 1.2 cannot be used: its import fails with RuntimeError: imported"):
        registry.load("heads", "kit-head")
    (tmp_path / "site" / "kit" / "__init__.py").write_text("")
    assert registry.load("heads", "kit-head").__name__ == "Mine"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("kit.none", "kit-head of kit 1.2 is left out: ModuleNotFoundError: No module named 'kit.none'"),
        ("other.none", "kit-head of kit 1.2 is left out: ModuleNotFoundError: No module named 'other'"),
        ("kit.head:Mine", "kit-head of kit 1.2 is left out: its entry point names kit.head:Mine, and not a module"),
        ("kit.bad", "kit-head of kit 1.2 is left out: SyntaxError: "),
    ],
)
def test_a_broken_entry_point_is_named_and_left_out(value, reason, tmp_path, monkeypatch, caplog):
    write(tmp_path / "site" / "kit" / "__init__.py", "")
    write(tmp_path / "site" / "kit" / "bad.py", "x = (")
    install(tmp_path / "site", monkeypatch, {"heads": f"kit-head = {value}"})
    assert "kit-head" not in registry.names("heads")
    assert caplog.messages[0].startswith(reason)


def test_a_head_that_was_rewritten_has_another_digest():
    file = write(Path("my_head.py"))
    registry.add_plugins([file])
    before = registry.hash_source("heads", "my-head")
    assert registry.hash_source("heads", "my-head") == before != registry.hash_source("heads", "prior")
    file.write_text(file.read_text() + "\n# rewritten\n")
    assert registry.hash_source("heads", "my-head") != before


def test_what_a_file_names_is_loaded_only_where_the_user_gave_it(caplog):
    file = write(Path("my_head.py"))
    registry.add_plugins([file])
    recorded = registry.describe_source("heads", "my-head")
    assert recorded == {"file": "my_head.py", "sha256": plugins.hashlib.sha256(file.read_bytes()).hexdigest()}
    assert registry.load_recorded("heads", "my-head", recorded, where=Path("b")).__name__ == "Mine"
    assert caplog.messages == []
    file.write_text(file.read_text() + "\n# rewritten\n")
    registry.load_recorded("heads", "my-head", recorded, where=Path("b"))
    assert caplog.messages[0].endswith("has changed since b was made with it: its predictions may differ")
    os.environ[plugins.VARIABLE] = ""
    with pytest.raises(UnknownName) as caught:
        registry.load_recorded("heads", "my-head", recorded, where=Path("b"))
    assert str(caught.value) == (
        "b needs the plug-in of head 'my-head', which is not given\n"
        f"  expected: my_head.py (sha256 {recorded['sha256']})\n"
        "  do: give the file: cli --plugin my_head.py …"
    )


def test_a_dotted_path_in_a_file_is_imported_only_from_an_installed_distribution(tmp_path, monkeypatch):
    write(tmp_path / "kit" / "__init__.py", "raise SystemExit('run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for recorded in ({}, {"distribution": "kit 1.2"}):
        with pytest.raises(UnknownName, match="b needs head 'kit.Forest', which is not in an installed distribution"):
            registry.load_recorded("heads", "kit.Forest", recorded, where=Path("b"))
    path = "sklearn.tree.DecisionTreeClassifier"
    recorded = registry.describe_source("heads", path)
    assert recorded["distribution"].startswith("scikit-learn ")
    assert path == registry.load_recorded("heads", path, recorded, where=Path("b")).PATH


def test_a_worker_process_finds_them_and_reads_what_was_pickled_of_them():
    registry.add_plugins([write(Path("my_head.py"))])
    head = registry.load("heads", "my-head")
    assert head.__module__ == "emofuse_plugins.heads.my_head"
    done = fork_server.run_program(print_names, head.__module__, environment=os.environ)
    assert done.stdout == "['Mine']\n", done.stderr


def print_names(module):
    print(importlib.import_module(module).__all__)


def test_a_line_about_a_plugin_goes_to_standard_error(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from featurestore import registry; registry.add_plugins(); registry.names('heads')"],
        env=os.environ | {plugins.VARIABLE: "/no/such.py"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "plug-in /no/such.py is left out: there is no such file\n")


def test_a_head_that_defines_too_little_is_named():
    registry.add_plugins(
        [write(Path("mine.py"), 'KIND = "heads"\n__all__ = ["A"]\nfrom heads import Head\nclass A(Head): ...')]
    )
    with pytest.raises(
        Unavailable, match="mine.py cannot be used: A does not define _fit, _predict_proba, load_weights, "
    ):
        registry.load("heads", "mine")
