"""A baseline that gives the same predictions on every feature set is one system, in comparisons and in tables."""

from dataclasses import replace

from benchmarks.grid import results
from benchmarks.report.analysis.against import compare_benchmarks
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render.summary_markdown import render_summary
from tests.support.fake_results import Drawn, written
from tests.support.report_schema import check_content

ONCE = (Drawn("svm"), Drawn("svm", "text"), Drawn("prior"))
AGAIN = (Drawn("prior", "text"), Drawn("prior", "audio"))
NOTE = (
    "prior gives the same predictions whatever the features, so it is counted once: prior on both stands for prior on "
    "text, prior on audio"
)


def read(folder, drawn):
    return results.read(written(folder, drawn, n=60))


def name(systems):
    return [system.name for system in systems]


def test_repetitions_change_no_comparison(tmp_path):
    once, again = (build_content(read(tmp_path / str(len(one)), one)) for one in (ONCE, ONCE + AGAIN))
    assert len(again["pairs"]) == 3
    assert again["pairs"] == once["pairs"]
    assert [row["system"] for row in again["leaderboard"]] == [row["system"] for row in once["leaderboard"]]
    assert [row["group"] for row in again["leaderboard"]] == [row["group"] for row in once["leaderboard"]]
    assert "(3 systems)" in again["sentence"]


def test_what_a_baseline_stands_for_is_said_everywhere(tmp_path):
    once, again = (build_content(read(tmp_path / str(len(one)), one)) for one in (ONCE, ONCE + AGAIN))
    rows = {row["system"]: row for row in again["leaderboard"]}
    assert rows["prior on both"]["equals"] == ["prior on text", "prior on audio"]
    assert [row for row in (*once["leaderboard"], rows["svm on both"]) if "equals" in row] == []
    assert NOTE in again["notes"]
    assert f"Note: {NOTE}." in render_summary(again)
    assert not [note for note in once["notes"] if "counted once" in note]
    check_content(again)


def test_controls_of_repetitions_are_left_out(tmp_path):
    controls = [Drawn("prior", kind, train_size=0.5) for kind in ("both", "text")] + [Drawn("svm", train_size=0.5)]
    found = read(tmp_path, (*ONCE, *AGAIN, *controls, Drawn("prior", "audio", flaw="random-utterance")))
    assert name(found.controls) == ["prior on both, train size 0.5", "svm on both, train size 0.5"]
    assert found.flaws == ()


def test_other_predictions_and_other_heads_are_not_merged(tmp_path):
    found = read(tmp_path, (*ONCE, Drawn("prior", "text", skill=1.0), Drawn("svm", "audio", skill=0.0)))
    assert name(found.systems) == ["svm on both", "svm on text", "prior on both", "prior on text", "svm on audio"]
    assert not any(system.equals for system in found.systems)


def test_the_first_without_a_leak_stands_for_the_others(tmp_path):
    found = read(tmp_path, (Drawn("svm"), Drawn("prior", leak="tuned on 30 of them"), *AGAIN))
    assert name(found.systems) == ["svm on both", "prior on text"]
    assert found.systems[1].equals == ("prior on both", "prior on audio")


def test_it_is_compared_with_the_same_baseline_of_another_benchmark(tmp_path):
    here, there = read(tmp_path / "here", ONCE + AGAIN), read(tmp_path / "there", (Drawn("prior", "audio"),))
    (found,) = compare_benchmarks(replace(here), there)["systems"]
    assert (found["system"], found["value"]) == ("prior on both", 0.0)
