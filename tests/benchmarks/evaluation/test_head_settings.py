"""`cli list heads --settings`: every setting of every head, with its default and meaning."""

import json

import pytest
from click.testing import CliRunner

import cli
from benchmarks.evaluation.baselines import is_baseline
from benchmarks.evaluation.settings_list import list_settings
from featurestore import registry
from heads import name_taken


def invoke(*arguments, code=0):
    result = CliRunner().invoke(cli.main, ["list", *arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize("head", registry.names("heads"))
def test_every_setting_is_there_with_its_default_its_meaning_and_its_space(head):
    kind, found = registry.load("heads", head), list_settings(head)
    assert {name: setting.default for name, setting in found.items()} == kind().get_params()
    assert {name: setting.search for name, setting in found.items() if setting.search} == kind.SPACE
    assert all(len(setting.meaning) > 10 for setting in found.values())


def test_the_list_shows_every_setting_as_text_and_as_json():
    text = invoke("heads", "--settings").stdout
    content = json.loads(invoke("heads", "--settings", "--json").stdout)
    assert list(content) == registry.names("heads")
    for head, described in content.items():
        assert f"{head}: {described['summary']}" in text
        for name, setting in described["settings"].items():
            shown = tuple(setting["default"]) if isinstance(setting["default"], list) else setting["default"]
            assert f"  {name}={shown}: {setting['meaning'].split()[0]}" in text
    assert content["logistic"]["settings"]["C"]["search"] == [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]


def test_the_list_says_what_each_head_takes():
    heads, regressors = invoke("heads").stdout.split("\n\nregressors, for --target valence,activation,dominance:\n")
    lines = {line.split()[0]: line for line in heads.splitlines()}
    content = json.loads(invoke("heads", "--settings", "--json").stdout)
    for head, described in content.items():
        taken = name_taken(registry.load("heads", head))
        assert described["takes"] == taken
        assert lines[head].split(described["summary"])[0].removeprefix(head).strip() == ", ".join(taken)
    assert content["bc-lstm"]["takes"] == ["blocks", "dialogue"]
    assert [line.split()[0] for line in regressors.splitlines()] == registry.names("regressors")
    assert regressors == invoke("regressors").stdout


def test_the_list_shows_every_setting_of_regressors():
    content = json.loads(invoke("regressors", "--settings", "--json").stdout)
    assert list(content) == registry.names("regressors")
    for name, described in content.items():
        defaults = registry.load("regressors", name)().get_params()
        assert json.loads(json.dumps(defaults)) == {
            one: setting["default"] for one, setting in described["settings"].items()
        }
        assert all(len(setting["meaning"]) > 10 for setting in described["settings"].values())
    assert "loss=mse: " in invoke("regressors", "--settings").stdout


@pytest.mark.parametrize("kind", ["corpora", "encoders", "protocols", "labels"])
def test_settings_of_other_kinds_are_refused(kind):
    output = invoke(kind, "--settings", code=2).output
    assert f"--settings is for heads and regressors, not for {kind}: cli list heads --settings" in output


def test_baselines_are_known_by_their_tag():
    assert [head for head in registry.names("heads") if is_baseline(head)] == ["prior"]
