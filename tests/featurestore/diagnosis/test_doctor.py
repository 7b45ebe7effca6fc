"""`cli doctor`: output, exit codes, and nothing that ends in a traceback."""

import json
import sys

import pytest
from click.testing import CliRunner

import cli
import featurestore
from featurestore.diagnosis import diagnose as diagnosis
from featurestore.diagnosis.diagnose import Diagnosis
from featurestore.diagnosis.machine_check import MachineCheck


def call(*words):
    return CliRunner().invoke(cli.main, ["doctor", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def quick(monkeypatch):
    """Leave the imports of packages out."""
    monkeypatch.setattr("featurestore.diagnosis.imports._import_group", lambda *_: {})


def test_this_machine_works(tmp_path):
    result = call("--store", tmp_path, "--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["works"]) == (0, True), result.stdout
    groups = {check["group"]: [] for check in answer["checks"]}
    for check in answer["checks"]:
        groups[check["group"]].append(check["name"])
        assert check["state"] in ("ok", "missing", "broken")
        assert "\n" not in check["line"]
    assert list(groups) == ["required", "extras", "machine", "store", "hub"]
    assert {"python", "torch", "transformers", "h5py", "numpy", "soundfile"} <= set(groups["required"])
    assert {"egemaps", "handmade", "demo", "dask", "ray", "test", "dev", "docs"} <= set(groups["extras"])
    assert groups["machine"] == ["gpu", "cores", "memory", "threads"]
    assert groups["store"] == ["space", "writing"]
    assert groups["hub"] == ["connection", "cache"]


def test_a_page_shows_states_lines_and_commands(quick, tmp_path):
    result = call("--store", tmp_path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "required"
    assert lines[1].startswith("  ok       python")
    assert lines[-1] == "everything required works"
    offline = next(number for number, line in enumerate(lines) if "HF_HUB_OFFLINE=1" in line)
    assert lines[offline].startswith("  missing  connection")
    assert lines[offline + 1].strip() == "do: unset HF_HUB_OFFLINE"


def test_a_broken_store_folder_ends_with_exit_code_one(quick, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    result = call("--store", tmp_path)
    assert result.exit_code == 1
    assert f"broken   writing          cannot write into {tmp_path}: Permission denied" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 problem: writing"


@pytest.mark.parametrize("package", ["psutil", "packaging.requirements", "huggingface_hub", "joblib", "numpy"])
def test_a_package_that_is_missing_ends_no_check_but_its_own(quick, tmp_path, monkeypatch, package):
    own = ("packages", "requirements", "gpu", "resources", "store_disk", "hub")
    for module in ("featurestore.networks.memory", *(f"featurestore.diagnosis.{name}" for name in own)):
        monkeypatch.delitem(sys.modules, module, raising=False)  # to be imported again
        monkeypatch.delattr(module, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    result = call("--store", tmp_path, "--json")
    assert result.exit_code in (0, 1)
    answer = json.loads(result.stdout)
    assert {check["group"] for check in answer["checks"]} == {"required", "machine", "store", "hub"} | (
        {"extras"} if package != "packaging.requirements" else set()
    )
    assert package in json.dumps([check for check in answer["checks"] if check["state"] == "broken"])


def test_only_what_is_required_decides():
    ok = MachineCheck("required", "torch", "ok", "2", required=True)
    broken = MachineCheck("extras", "dask", "broken", "no", "pip install 'emofuse[dask]'")
    assert Diagnosis((ok, broken)).is_working
    assert not Diagnosis((ok, MachineCheck("required", "h5py", "broken", "no", required=True))).is_working


def test_the_command_is_the_function(quick, tmp_path):
    assert featurestore.diagnose is diagnosis.diagnose
    assert featurestore.diagnose(tmp_path).is_working


def test_a_folder_that_is_no_project_is_broken(monkeypatch, tmp_path):
    monkeypatch.setattr("featurestore.diagnosis.requirements.PROJECT", "no-such-project")
    found = diagnosis.diagnose(tmp_path)
    assert not found.is_working
    assert found.checks[0].line == "no-such-project is not installed, so its requirements are unknown"
    assert found.checks[0].do == "pip install -e ."
