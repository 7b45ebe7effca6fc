"""Rank and compare by another metric than the unweighted average recall: `--metric`."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import accuracy_score, f1_score

import cli
from benchmarks.evaluation.run_spec import digest
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render import exports
from benchmarks.report.render.report_figures import draw_figures
from benchmarks.report.write_report import make_report
from featurestore.errors import UnknownName
from tests.support.fake_results import Drawn, written
from tests.support.fake_store import FakeStore

DRAWN = (
    *(Drawn("svm", kind, skill=skill) for kind, skill in (("text", 0.5), ("both", 0.6))),
    Drawn("mlp", skill=0.55, seeds=2),
    Drawn("mlp", permuted="text", seeds=2, skill=0.3),
    Drawn("prior"),
    Drawn("svm", train_size=0.5, skill=0.4),
)
PLAIN = {
    "accuracy": accuracy_score,
    "macro_f1": lambda truth, found: f1_score(truth, found, average="macro"),
    "weighted_f1": lambda truth, found: f1_score(truth, found, average="weighted"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("metric"), DRAWN, n=60, classes=("ang", "hap", "neu"))


@pytest.fixture(scope="module")
def read(folder):
    return results.read(folder)


@pytest.mark.parametrize("metric", PLAIN)
def test_ranks_and_comparisons_follow_the_metric(read, metric):
    found = build_content(replace(read, headline=metric))
    plain = {
        one.name: np.mean([PLAIN[metric](answers.truth, answers.prediction) for answers in one.pooled])
        for one in (*read.systems, *read.controls)
    }
    assert found["metric"] == metric
    rows = found["leaderboard"]
    assert [row["system"] for row in rows] == sorted((row["system"] for row in rows), key=lambda name: -plain[name])
    for row in rows:
        assert row["metrics"][metric]["value"] == pytest.approx(plain[row["system"]], abs=1e-5)
    for pair in (*found["pairs"], *found["shuffled"]):
        assert pair["value"] == pytest.approx(plain[pair["first"]] - plain[pair["second"]], abs=1e-5)
    (curve,) = found["sizes"]
    assert [point[metric]["value"] for point in curve["points"]] == pytest.approx(
        [plain["svm on both, train size 0.5"], plain["svm on both"]], abs=1e-5
    )


def test_every_output_opens_with_the_metric_by_its_full_name(folder, tmp_path):
    content = make_report(folder, tmp_path / "report.html", metric="weighted_f1")
    assert "the highest weighted F1, " in content["sentence"]
    assert "unweighted" not in content["sentence"]
    assert "\nSystem & weighted f1 & unweighted average recall & accuracy & macro f1 & " in exports.format_latex(
        content
    )
    markdown = exports.format_markdown(content, {})
    header = next(line for line in markdown.splitlines() if line.startswith("| letters"))
    assert [cell.strip() for cell in header.split("|")[3:5]] == ["weighted f1 %", "accuracy %"]
    assert "of the difference in weighted F1 over speakers" in markdown
    assert "difference in weighted F1, points" in markdown
    assert "Last column: difference in weighted F1 over common seeds." in markdown
    page = (tmp_path / "report.html").read_text("utf-8")
    assert 'aria-sort="descending">weighted F1</th><th scope="col" data-first="descending">unweighted average' in page
    assert "systems, best weighted F1 first" in page
    assert "row minus column in weighted F1, in points" in page
    assert "<b>Weighted F1</b>: the mean F1 of the classes, each weighted" in page
    labels = {one.name: one.label for one in draw_figures(content)}
    assert labels["leaderboard"].startswith("accuracy and weighted F1 of 4 systems")
    assert labels["sizes"] == "weighted F1 over train sizes"


def test_the_benchmark_s_own_metric_is_the_default(read, folder):
    assert read.metric == "unweighted_average_recall"  # written before a benchmark recorded its metric
    own = replace(read, about={**read.about, "metric": "accuracy", "tune": 3})
    content = build_content(own)
    assert content["metric"] == "accuracy"
    assert content["sentence"].count("the highest accuracy, ") == 1
    other = build_content(replace(own, headline="macro_f1"))
    assert other["metric"] == "macro_f1"
    for found in (content, other):  # settings were chosen by the benchmark's own
        assert [note for note in found["notes"] if "3 drawn settings by accuracy on " in note]


def test_the_command_line_takes_it(folder, tmp_path):
    config = BenchmarkConfig.parse(["svm"], "audio.mean", metric="weighted_f1")
    assert "--metric weighted_f1 --out" in config.command(tmp_path, tmp_path)
    with pytest.raises(UnknownName) as problem:
        BenchmarkConfig.parse(["svm"], "audio.mean", metric="weighted-f1")
    assert str(problem.value) == (
        "unknown metric 'weighted-f1' to rank systems by\n"
        "  expected: one of accuracy, unweighted_average_recall, macro_f1, weighted_f1\n  do: did you mean weighted_f1?"
    )
    done = CliRunner().invoke(cli.main, ["report", str(folder), "--metric", "log_loss"])
    assert done.exit_code == 1
    assert "unknown metric 'log_loss' to rank systems by" in done.output


def test_only_a_search_by_another_metric_runs_anything_again():
    def identify(**options):
        config = BenchmarkConfig.parse(["svm"], "text.mean", **options)
        store = FakeStore()
        return [digest(store, spec, {}) for spec in plan(store, config, print).specs]

    assert identify(metric="weighted_f1") == identify()
    searched = [
        identify(search=2, metric=metric) for metric in ("weighted_f1", "unweighted_average_recall", "accuracy")
    ]
    assert identify(search=2) == searched[1]
    assert not any(set(one) & set(other) for one, other in pairwise(searched))
