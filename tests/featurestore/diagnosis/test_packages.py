"""Packages that are missing, outdated or broken, made for the test."""

import configparser
import sys

import pytest

from featurestore.diagnosis import packages
from featurestore.diagnosis.imports import ImportReport, try_imports
from featurestore.diagnosis.requirements import read_requirements
from tests.project.test_architecture import ROOT

BROKEN = {
    "an error": (
        "raise OSError('libmagic.so.1: cannot open shared object file')",
        "OSError: libmagic.so.1: cannot open",
    ),
    "an exit": ("import sys; sys.exit('no licence')", "SystemExit: no licence"),
    "a quick exit": ("import os; os._exit(3)", "its import ends Python with exit code 3"),
    "a crash": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its import ends Python with SIGSEGV"),
}


def check():
    """Return every check of the project's packages by name."""
    needed = read_requirements()
    reports = packages.import_packages(needed)
    found = [*packages.check_required(needed, reports), *packages.check_extras(needed, reports)]
    return {one.name: one for one in found}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_package_that_cannot_be_imported_is_broken_and_the_others_are_checked(install, project, kind):
    code, error = BROKEN[kind]
    install("good-one", code="print('noise on standard output')")
    install("bad-one", code=code)
    install("good-two")
    project("good-one>=1", "bad-one>=1", "good-two>=1")
    found = check()
    assert [(one.name, one.state) for one in found.values()] == [
        ("good-one", "ok"),
        ("bad-one", "broken"),
        ("good-two", "ok"),
    ]
    assert found["bad-one"].line.startswith(f"1.0 cannot be imported: {error}")
    assert found["bad-one"].do == "pip install --force-reinstall --no-deps 'bad-one==1.0'"
    assert found["good-two"].line == "1.0 (>=1)"


def test_an_import_that_hangs_is_broken(install):
    install("slow-one", code="import time; time.sleep(60)")
    install("good-one")
    found = try_imports(["slow-one", "good-one"], seconds=3)
    assert found["slow-one"].error == "its import does not end within 3 s"
    assert found["good-one"].error == ""


def test_missing_and_outdated_packages_name_the_command(install, project):
    install("old-one", "1.4")
    project("old-one>=2,<3", "no-such-package-here>=1")
    found = check()
    assert (found["old-one"].state, found["old-one"].line) == ("broken", "1.4, <3,>=2 is needed")
    assert found["old-one"].do == "pip install --upgrade 'old-one<3,>=2'"
    absent = found["no-such-package-here"]
    assert (absent.state, absent.required, absent.line) == ("broken", True, "not installed (>=1)")
    assert absent.do == "pip install 'no-such-package-here>=1'"


def test_extras_are_read_from_the_metadata(install, project):
    install("good-one", "1.0", "", 'Requires-Dist: deep-one>=2; extra == "more"', "Provides-Extra: more")
    install("deep-one", "1.0")
    install("bad-one", code="raise ImportError('no')")
    project(
        plain=["good-one"], deep=["good-one[more]"], absent=["no-such-package-here>=1"], both=["bad-one", "no-such"]
    )
    found = check()
    assert {name: one.state for name, one in found.items()} == {
        "plain": "ok",
        "deep": "broken",
        "absent": "missing",
        "both": "broken",
    }
    assert found["plain"].line == "good-one 1.0"
    assert found["deep"].line == "deep-one 1.0, >=2 is needed"
    assert found["absent"].line == "not installed: no-such-package-here>=1"
    assert found["absent"].do == "pip install 'emofuse[absent]'"
    assert found["both"].line == "bad-one 1.0 cannot be imported: ImportError: no"
    assert not any(one.required for one in found.values())


def test_packages_for_another_system_are_not_needed(install, project):
    project("no-such-package-here; sys_platform == 'win32'")
    assert check() == {}


def test_what_is_required_is_what_setup_cfg_says():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    needed = read_requirements()
    names = [line.split(">")[0].split("[")[0] for line in setup["options"]["install_requires"].split()]
    assert set(names) >= {one.name for one in needed.required}
    assert set(setup["options.extras_require"]) >= set(needed.extras)
    assert {one.name for one in needed.extras["dask"]} >= {"dask", "distributed"}


def test_libraries_inside_packages_are_named():
    found = try_imports(["soundfile", "h5py", "av", "espeakng-loader", "protobuf", "scikit-learn"])
    assert [one.error for one in found.values()] == [""] * 6
    assert found["soundfile"].library.startswith("libsndfile 1.")
    assert found["h5py"].library.startswith("HDF5 ")
    assert found["av"].library.startswith("FFmpeg ")
    assert found["espeakng-loader"].library.startswith("eSpeak NG 1.")
    assert found["scikit-learn"] == ImportReport()
    assert "av" not in sys.modules or sys.modules["av"].__version__


def test_a_wrong_version_of_python_is_broken(project, monkeypatch):
    project()
    monkeypatch.setattr("platform.python_version", lambda: "3.9.1")
    python, own = packages.check_python(read_requirements())
    assert (python.state, python.line) == ("broken", "3.9.1, >=3.11 is needed")
    assert own.line.startswith("9.9 in /")
