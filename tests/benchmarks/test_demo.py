"""The whole chain, end to end, on a demo corpus that is small enough for a test."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

import cli
from benchmarks import demo
from featurestore.corpora import demo as corpus
from featurestore.finetuning import demo_encoders, demo_models
from featurestore.store import Store
from tests.support.report_schema import check_content


def here(function, tasks, engine):
    """Replace `run_each`: call in this process, where the test has made everything small."""
    return [function(*task) for task in tasks]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(corpus, "PER_LABEL", 2)
    monkeypatch.setattr(demo_encoders, "run_each", here)
    for modality, settings in demo_models.SETTINGS.items():
        monkeypatch.setitem(demo_models.SETTINGS, modality, dataclasses.replace(settings, epochs=1))


def test_the_demo_runs_and_prints_the_place_of_everything(small, tmp_path):
    path = tmp_path / "demo"
    result = CliRunner().invoke(cli.main, ["demo", "--store", str(path)])
    assert result.exit_code == 0, result.output
    assert "  text: epoch 1 of 1: " in result.stderr  # both encoders train at once
    assert "it proves the pipeline, not the science" in result.stdout
    assert f"store    {path}\nbundles  {path / 'bundles'}\ntable    {path / 'demo.md'}" in result.stdout
    assert f"report   {path / 'benchmark' / 'report.html'}\n" in result.stdout
    assert f"| whole dialogue | {demo.DIALOGUE_HEADS[-1]} " in result.stdout
    assert (path / "dialogues" / "benchmark" / "report.html").is_file()
    assert (path / "benchmark" / "report.html").is_file()
    assert (path / "demo.md").read_text() == result.stdout
    summary = json.loads((path / "benchmark" / "results.json").read_text("utf-8"))
    check_content(summary)
    compared = {
        (row["head"], row["feature_set"]): row["metrics"]["accuracy"]["value"] for row in summary["leaderboard"]
    }
    fitted = {(head, name) for head in demo.HEADS for name in ("text", "audio", "both")}
    assert {key for key in compared if key[0] != "prior"} == fitted
    assert [head for head, _ in compared].count("prior") == 1  # the same predictions on every feature set
    assert {row["shuffled"] for row in summary["controls"]} == {"text", "audio"}
    assert len(list((path / "bundles").glob("*/head.json"))) == 1 + 3 * 3
    store = Store(path)
    assert len(store.utterances) == 10 * 6 * 2
    held_out = json.loads((path / "checkpoints" / "audio" / "finetune.json").read_text())["held_out"]["count"]
    for encoder in ("audio", "text"):
        assert len(store.trained_on(encoder)) == len(store.utterances) - held_out
    again = CliRunner().invoke(cli.main, ["demo", "--store", str(path), "--json"])
    rows = json.loads(again.stdout)["rows"]
    assert [row["metrics"]["accuracy"]["n"] for row in rows] == [held_out] * len(rows)
    assert again.stderr.count("0 encoded now, 120 reused") == 3
    assert "tuning" not in again.stderr
    assert "20 runs, 20 of them done already" in again.stderr
    assert "15 runs, 15 of them done already" in again.stderr
    own = json.loads(again.stdout)["dialogues"]["rows"]
    assert {(row["head"], row.get("context", "")) for row in own} == {
        ("prior", ""),
        ("logistic", ""),
        ("emocaps", "whole dialogue"),
    }
    sets = {"text only": "text", "audio only": "audio", demo.FUSED: "both"}
    for row in rows[1:]:  # table and benchmark have the same heads
        found = compared[row["head"], sets[row["modality"]]]
        assert found == pytest.approx(row["metrics"]["accuracy"]["value"], rel=1e-5)  # results.json has six digits


def test_every_head_of_the_demo_is_installed():
    from featurestore import registry

    assert {*demo.HEADS, *demo.DIALOGUE_HEADS} < set(registry.names("heads"))
