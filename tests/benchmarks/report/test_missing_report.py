"""Missing modalities in the report: curves, page, Markdown and results.json."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.runner import benchmark
from benchmarks.report import write_report as write_module
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render.missing_figure import draw_missing
from benchmarks.report.write_report import OWN
from benchmarks.statistics.formatting import format_percent
from benchmarks.statistics.metrics import METRIC
from featurestore.engines import Engine
from tests.benchmarks.statistics.plain_metrics import METRICS
from tests.support.fake_store import FakeStore, corpus
from tests.support.report_page import render

IDS = [row.id for row in corpus() if row.label]
WITHOUT = {"text": dict.fromkeys(IDS[1::5], "no transcript"), "audio": dict.fromkeys(IDS[2::5], "no audio file")}
HERE = Engine("loky", 1, device="cpu")  # in this process


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("missing")
    config = BenchmarkConfig.parse(
        ("prior", "logistic"),
        "audio,audio.mean+text.mean",
        protocol="leave-one-session-out",
        fold="1",
        seeds=(0, 1),
        missing=("mask", "both-trained"),
        permute=True,
    )
    benchmark(FakeStore(lacking=WITHOUT, spread=1.0), config, out, engine=HERE)
    return out


@pytest.fixture(scope="module")
def found(folder):
    return results.read(folder)


@pytest.fixture(scope="module")
def content(found):
    return build_content(found)


def test_each_system_of_both_modalities_has_a_curve_for_each(content, found):
    missing = content["missing"]
    assert (missing["modes"], missing["dropout"]) == (["mask", "both-trained"], 0.5)
    assert missing["lacking"] == {"audio": 14, "text": 15}
    both = [row["system"] for row in content["leaderboard"] if row["feature_set"] != "audio"]
    assert [curve["system"] for curve in missing["curves"]] == [name for name in both for _ in range(2)]
    assert {row["missing"] for row in content["leaderboard"]} == {"mask", "both-trained"}
    for curve in missing["curves"]:
        assert [point["share"] for point in curve["points"]] == [0, 0.2, 0.5, 0.8, 1]
        (system,) = [one for one in found.systems if one.name == curve["system"]]
        points = zip(
            curve["points"][1:], [one for one in found.hidden if one.record.system == system.name], strict=False
        )
        assert sum(curve["points"][0]["lacking"].values()) == 24
        for point, hidden in points:
            if hidden.record.hidden == curve["modality"]:
                values = [METRICS["accuracy"](one.truth, one.prediction) for one in hidden.pooled]
                assert point["accuracy"]["value"] == pytest.approx(sum(values) / len(values), abs=1e-5)
    seeds = {system.name: system.seeds for system in found.systems}
    assert seeds["logistic on audio, missing mask"] == [0]
    assert seeds["logistic on audio, missing both-trained"] == [0, 1]


def test_they_are_no_controls_and_their_counts_add_up(content):
    assert {row["shuffled"] for row in content["controls"]} == {"text", "audio"}
    assert not any("missing in" in row["control"] for row in content["controls"])
    for curve in content["missing"]["curves"]:
        first, *_, last = curve["points"]
        other = {"text": "audio", "audio": "text"}[curve["modality"]]
        assert last["lacking"][curve["modality"]] == first["lacking"][curve["modality"]] + first["lacking"]["complete"]
        assert last["lacking"].get(other, 0) == first["lacking"].get(other, 0)
        assert "complete" not in last["lacking"]
    assert any(
        re.fullmatch(r"\d+ test utterances lack text and are predicted without it", one) for one in content["notes"]
    )
    (check,) = [one for one in content["checks"] if one["check"] == "features-missing"]
    assert check["outcome"] == "passed"
    assert "14 lack audio and 15 lack text, and are predicted without it" in check["message"]


def test_page_markdown_and_figure_show_them(content):
    page, markdown = render(content)
    section = page[page.index("<h3>Missing modality</h3>") : page.index("<h3>Layers</h3>")]
    text = markdown.partition("## Missing modality\n")[2].partition("\n## ")[0]
    for place in (section, text):
        assert "Of the utterances with a class, 14 lack audio, 15 lack text." in place
        assert "50 % of the complete training utterances lose one modality" in place
        assert re.search(r"Predicted without text, of 24 test utterances: \d+ at 0 %, \d+ at 20 %", place)
        for curve in content["missing"]["curves"]:
            assert all(format_percent(point[METRIC]["value"]) in place for point in curve["points"])
    assert 'id="figure-missing"' in section
    (drawn,) = draw_missing(content)
    assert re.fullmatch(OWN, f"{drawn.name}.svg")
    text, audio = drawn.figure.axes
    assert [axes.get_xlabel() for axes in (text, audio)] == [
        f"test utterances without {name}, %" for name in ("text", "audio")
    ]
    names = [f"logistic on audio.mean+text.mean, missing {mode}" for mode in ("mask", "both-trained")]
    assert sorted(text.get_legend_handles_labels()[1]) == sorted(names)


def test_results_json_follows_its_schema(content):
    schema = json.loads((Path(write_module.__file__).parent / "results.schema.json").read_text("utf-8"))
    written = json.loads(json.dumps(content))
    jsonschema.validate(written["missing"], schema["properties"]["missing"] | {"$defs": schema["$defs"]})
    for row in written["leaderboard"]:
        jsonschema.validate(row, schema["$defs"]["system"] | {"$defs": schema["$defs"]})


def test_a_leaked_system_is_marked_in_its_curves(found):
    leaky = replace(found, systems=tuple(_leak(one) for one in found.systems))
    marked = {curve["system"]: curve.get("leaked") for curve in build_content(leaky)["missing"]["curves"]}
    assert set(marked.values()) == {True}


def _leak(system):
    return replace(
        system, runs=tuple(replace(run, record=replace(run.record, leak="tuned on it")) for run in system.runs)
    )


def test_a_report_of_complete_utterances_says_nothing_of_it(tmp_path):
    benchmark(FakeStore(), BenchmarkConfig.parse(("prior", "logistic"), "both"), tmp_path, engine=HERE)
    assert "missing" not in json.loads((tmp_path / "benchmark.json").read_text("utf-8"))
    assert not {"missing", "hidden"} & json.loads(next((tmp_path / "runs").glob("*.json")).read_text("utf-8")).keys()
    plain = build_content(results.read(tmp_path))
    assert "missing" not in plain
    assert not any("missing" in row for row in plain["leaderboard"])
    for text in render(plain):
        assert "issing modality" not in text
