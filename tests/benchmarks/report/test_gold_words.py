"""Gold against recognized words in the report: page, Markdown and results.json."""

import json
from pathlib import Path

import pytest

from benchmarks.grid import results
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render import exports
from benchmarks.report.write_report import make_report
from benchmarks.statistics.formatting import format_interval, format_percent
from benchmarks.statistics.metrics import METRIC
from tests.support.fake_results import Drawn, written
from tests.support.report_schema import check_content

SCHEMA = Path(exports.__file__).parents[1] / "results.schema.json"
COUNT = {
    "word_error_rate": 0.3,
    "utterances": 120,
    "words": 1000,
    "substitutions": 200,
    "deletions": 60,
    "insertions": 40,
}
ERRORS = {"overall": COUNT, "by_label": {"ang": COUNT | {"word_error_rate": 0.4}}}
ERRORS |= {"without_words": 3, "not_transcribed": 1, "normalization": "none"}
DRAWN = (
    Drawn("svm", "text", ("text.mean",), skill=1.4),
    Drawn("svm", "heard", ("text-asr.mean",), skill=0.9),
    Drawn("mlp", "both", ("audio.mean", "text.mean"), seeds=2, skill=1.5),
    Drawn("mlp", "both heard", ("audio.mean", "text-asr.mean"), seeds=2, skill=1.2),
    Drawn("xgb", "heard", ("text-asr.mean",), skill=0.8),  # without a counterpart
    Drawn("xgb", "logits", ("text.logits",), skill=0.8),  # of another kind
    Drawn("text-cnn", "transcripts", ("audio.mean",), skill=1.0),
    Drawn("text-cnn", "asr.text", ("audio.mean",), skill=0.6),
    Drawn("prior", "text", ("text.mean",)),
    Drawn("prior", "heard", ("text-asr.mean",)),
)


def describe_encoders(known):
    """Describe the three encoders: their files by fold are those of a written benchmark."""
    made = {"class": "hf-text", "checkpoint": "a", "weights": "1" * 64}
    recognizer = {"transcript": {"name": "asr", "recognizer": "0" * 64}, "recognizer": {"class": "hf-ctc"}}
    return {
        "audio": known["audio"],
        "text": known["text"] | {"made": made},
        "text-asr": known["text"] | {"made": made | recognizer},
    }


def write(out, drawn=DRAWN, **about):
    """Write a benchmark whose encoder text-asr reads the transcript asr."""
    path = written(out, drawn) / results.ABOUT
    described = json.loads(path.read_text("utf-8"))
    described["encoders"] = describe_encoders(described["encoders"])
    described |= {"words": {"asr.text": "asr"}, "transcripts": {"asr": ERRORS}} | about
    path.write_text(json.dumps({name: one for name, one in described.items() if one is not None}), "utf-8")
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def content(folder):
    return build_content(results.read(folder))


def test_systems_that_differ_in_their_words_alone_are_compared(content):
    found = {(one["first"], one["second"]): one for one in content["recognized"]["systems"]}
    assert set(found) == {
        ("svm on heard", "svm on text"),
        ("mlp on both heard", "mlp on both"),
        ("text-cnn on asr.text", "text-cnn on transcripts"),
    }
    rows = {row["system"]: row["metrics"][METRIC] for row in content["leaderboard"]}
    pairs = {frozenset((one["first"], one["second"])): one for one in content["pairs"]}
    for (first, second), one in found.items():
        assert one["transcript"] == "asr"
        assert one["recognized"]["value"] == rows[first]["value"]
        assert one["gold"]["low"] == rows[second]["low"]
        assert one["value"] == pytest.approx(rows[first]["value"] - rows[second]["value"], abs=1e-5)
        assert one["low"] <= one["value"] <= one["high"]
        assert one["p_holm"] == pairs[frozenset((first, second))]["p_holm"]


def test_the_page_and_the_markdown_show_them_with_the_word_errors(folder, content):
    make_report(folder, folder / "out" / "report.html")
    page = (folder / "out" / "report.html").read_text("utf-8")
    text = (folder / "out" / "report.md").read_text("utf-8")
    (svm,) = (one for one in content["recognized"]["systems"] if one["head"] == "svm")
    section = text.partition("## Gold against recognized words\n")[2].partition("\n## ")[0]
    assert format_interval(svm["value"], svm["low"], svm["high"], "", difference=True) in section
    assert "| all   | 30.0" in section
    assert "| ang   | 40.0" in section
    assert "not counted: 3 utterances without words of the corpus, 1 that failed" in section
    shown = page[page.index('id="recognized"') : page.index("<h3>Permutation importance")]
    for part in (format_percent(svm["recognized"]["value"]), format_percent(svm["gold"]["value"]), "40.0", "1,000"):
        assert part in shown
    check_content((folder / "out" / "results.json").read_text("utf-8"))


def test_kinds_of_features_are_compared_on_the_words_of_the_corpus(content):
    heads = {one["head"]: one for one in content["modalities"]["heads"]}
    assert heads["svm"] == {"head": "svm", "systems": {"text": "svm on text"}, "unclear": {}}
    assert heads["mlp"]["systems"] == {"both": "mlp on both"}


def test_transcripts_without_a_counterpart_show_their_errors_alone(tmp_path):
    drawn = (Drawn("svm", "heard", ("text-asr.mean",)), Drawn("xgb", "heard", ("text-asr.mean",)))
    folder = write(tmp_path, drawn, transcripts={"asr": {"note": "no package jiwer"}})
    found = build_content(results.read(folder))
    assert found["recognized"] == {"transcripts": {"asr": {"note": "no package jiwer"}}, "systems": []}
    assert found["modalities"]["heads"][0]["systems"] == {"text": "svm on heard"}
    make_report(folder, folder / "out" / "report.html")
    page = (folder / "out" / "report.html").read_text("utf-8")
    assert "No system on recognized words has a counterpart" in page
    assert "Transcript asr: no word error rate: no package jiwer." in page


def test_leaked_systems_are_marked(tmp_path):
    drawn = (Drawn("svm", "text", ("text.mean",)), Drawn("svm", "heard", ("text-asr.mean",), leak="seen"))
    (one,) = build_content(results.read(write(tmp_path, drawn)))["recognized"]["systems"]
    assert one["leaked"] is True


def test_a_report_without_transcripts_does_not_change(tmp_path):
    folder = write(tmp_path, DRAWN[:1], transcripts=None, words=None)
    assert "recognized" not in build_content(results.read(folder))
    make_report(folder, folder / "out" / "report.html")
    for name in ("report.html", "report.md"):
        assert "recognized words" not in (folder / "out" / name).read_text("utf-8")
