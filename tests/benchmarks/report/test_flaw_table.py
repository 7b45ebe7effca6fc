"""Protocol flaws and dialogue context in the report: page, Markdown and results.json."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.evaluation.flaws import BEST_EPOCH
from benchmarks.grid import results
from benchmarks.report import write_report as write_module
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render import exports
from benchmarks.report.render.flaw_table import SENTENCE
from benchmarks.report.write_report import make_report, write_report
from benchmarks.statistics.formatting import format_percent, format_points
from benchmarks.statistics.metrics import METRIC
from tests.support.fake_results import Drawn, written
from tests.support.report_page import render

BASE = (Drawn("svm", skill=0.4), Drawn("mlp", seeds=2, skill=0.5, context="whole dialogue"), Drawn("prior"))
FLAWS = (
    *(replace(one, flaw="random-utterance", skill=1.5) for one in BASE[:2]),
    replace(BASE[1], flaw=BEST_EPOCH, skill=0.9),
)
RECALL = "unweighted_average_recall"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("flaws"), (*BASE, *FLAWS))


@pytest.fixture(scope="module")
def content(folder):
    return build_content(results.read(folder))


@pytest.fixture(scope="module")
def page(folder):
    make_report(folder, folder / "out" / "report.html")
    return (folder / "out" / "report.html").read_text("utf-8")


def test_flaws_are_grouped_by_the_systems_of_the_leaderboard(content):
    rows = content["flaws"]["rows"]
    assert [(row["system"], row["flaw"]) for row in rows] == [
        ("mlp on both", "random-utterance"),
        ("mlp on both", BEST_EPOCH),
        ("svm on both", "random-utterance"),
    ]
    systems = {row["system"]: row["metrics"][RECALL]["value"] for row in content["leaderboard"]}
    assert len(systems) == 3
    for row in rows:
        own = row["metrics"][RECALL]
        assert own["minus_system"] == pytest.approx(own["value"] - systems[row["system"]], abs=1e-5) != 0
        assert row["difference"]["value"] == pytest.approx(own["minus_system"], abs=1e-5)  # all utterances are common
        assert row["difference"]["n"] == row["n"] == 120
    assert [row["epochs"] for row in rows] == [[], [3, 3, 4, 4], []]
    assert content["flaws"]["left_out"] == ["dialogue-letter is left out: no letters"]


def test_flaws_are_in_a_section_of_the_page_and_of_the_markdown(page, content):
    text = exports.format_markdown(content, {})
    for place in (page[page.index('id="flaws"') :], text.partition("## Protocol flaws\n")[2]):
        section = re.split(r'<h2 id="provenance"|\n## ', place)[0]
        assert SENTENCE in section
        assert "flaw: best epoch on test (epochs 3 to 4)" in section
        assert "dialogue-letter is left out: no letters." in section
        assert section.count("flaw: random-utterance") == 2
        for row in content["flaws"]["rows"]:
            own = row["metrics"][METRIC]
            assert f"{format_percent(own['value'])}" in section
            assert format_points(row["difference"]["value"]) in section
    assert '<a href="#flaws">Protocol flaws</a>' in page
    assert "10. Provenance" in page
    line = next(line for line in text.splitlines() if line.startswith("| svm on both") and "flaw: random" in line)
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells[5:] == ["120", "120", "0 of 10", "–"]


def test_flaws_are_in_no_other_export(content):
    for text in (exports.format_csv(content), exports.format_latex(content)):
        assert "random-utterance" not in text
        assert BEST_EPOCH not in text
    assert len(list(csv.DictReader(io.StringIO(exports.format_csv(content))))) == 3 + 1  # and a published figure
    assert content["controls"] == []
    assert {one["first"] for one in content["pairs"]} | {one["second"] for one in content["pairs"]} == {
        "svm on both",
        "mlp on both",
        "prior on both",
    }


def test_a_report_without_flaws_does_not_change(tmp_path, content):
    plain = written(tmp_path, [replace(one, context="") for one in BASE])
    found = build_content(results.read(plain))
    write_report(found, tmp_path / "report.html")
    assert "flaws" not in found
    for name in ("report.html", "report.md", "results.json"):
        text = (tmp_path / name).read_text("utf-8")
        assert "rotocol flaws" not in text
        assert "whole dialogue" not in text
        assert '"context"' not in text
    assert "9. Provenance" in (tmp_path / "report.html").read_text("utf-8")
    assert found["pairs"] == content["pairs"]


def test_leaked_flaws_are_marked(tmp_path):
    leaky = replace(FLAWS[0], leak="tuned on 30 of them")
    found = build_content(results.read(written(tmp_path, (*BASE, leaky))))
    page, text = render(found)
    (row,) = found["flaws"]["rows"]
    assert row["metrics"]["accuracy"]["leaked"]
    section = page[page.index('id="flaws"') :]
    assert section.count('title="leaked: an encoder') == 2
    for place in (section, text):
        assert "! leaked: svm on both, protocol random-utterance: tuned on 30 of them." in place


def test_heads_that_read_dialogues_are_marked_with_a_note(page, content):
    contexts = {row["system"]: row.get("context") for row in content["leaderboard"]}
    assert contexts == {"mlp on both": "whole dialogue", "svm on both": None, "prior on both": None}
    note = "whole dialogue: the head reads the whole dialogue, later turns and turns without a label included"
    assert note in content["notes"]
    assert f"<li>{note}.</li>" in page
    assert page.count('<th scope="row">mlp on both <span class="soft">(whole dialogue)</span></th>') == 1
    assert "of memory; reads of a dialogue: whole dialogue.</p>" in page
    text = exports.format_markdown(content, {})
    header, _, *rows = [line for line in text.splitlines() if line.startswith("| ")][:5]
    assert header.rstrip("| ").endswith("context")
    assert [row.split("|")[2].strip() for row in rows if row.rstrip("| ").endswith("whole dialogue")] == ["mlp on both"]
    assert f"Note: {note}." in text


def test_approximated_systems_are_noted(tmp_path):
    drawn = (replace(BASE[0], approximation="Nystroem, because 20,000 rows > 15,000"), *BASE[1:])
    read = results.read(written(tmp_path, drawn))
    runs = len(read.systems[0].runs)
    (note,) = [one for one in build_content(read)["notes"] if "approximated" in one]
    assert note == (
        f"svm on both is approximated in {runs} of {runs} runs, the first of them by Nystroem, because 20,000 rows > "
        "15,000"
    )


def test_past_turns_are_noted_apart(tmp_path):
    drawn = (replace(BASE[0], context="past turns"), BASE[1])
    notes = build_content(results.read(written(tmp_path, drawn)))["notes"]
    assert [note for note in notes if "the head reads" in note] == [
        "whole dialogue: the head reads the whole dialogue, later turns and turns without a label included",
        "past turns: the head reads the earlier turns of the dialogue, turns without a label included",
    ]


def test_results_with_flaws_match_the_schema(folder, page, content):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(write_module.__file__).parent / "results.schema.json").read_text("utf-8"))
    stored = json.loads((folder / "out" / "results.json").read_text("utf-8"))
    assert stored == content
    jsonschema.validate(stored, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(stored | {"flaws": {**stored["flaws"], "rows": [{}]}}, schema)
