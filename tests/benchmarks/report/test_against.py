"""Two benchmarks are compared on the test utterances of both, as by plain computation."""

import re

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import recall_score

import cli
from benchmarks.grid import results
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render import exports
from featurestore.errors import BadValue
from tests.support import fake_results
from tests.support.fake_results import Drawn
from tests.support.report_page import render
from tests.support.report_schema import check_content

MLP, SVM = Drawn("mlp", seeds=2), Drawn("svm")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Write a benchmark of 120 utterances, and one of the first 80 by another protocol with a better svm and no mlp."""
    here, there = (tmp_path_factory.mktemp(name) for name in ("here", "there"))
    fake_results.write(here, (SVM, MLP))
    fake_results.write(there, (Drawn("svm", skill=3.0), Drawn("prior")), n=80, about={"protocol": "holdout"})
    return here, there


def restricted(read, name, ids):
    system = next(system for system in read.systems if system.name == name)
    rows = [read.ids.index(one) for one in ids]
    return [([one.truth[row] for row in rows], [one.prediction[row] for row in rows]) for one in system.pooled]


def test_a_system_is_compared_on_the_test_utterances_of_both(folders):
    here, there = map(results.read, folders)
    found = build_content(here, there)["against"]
    common = sorted(set(here.ids) & set(there.ids))
    assert (found["protocol"], found["n"], found["over"]) == ("holdout", len(common), "speakers")
    assert len(common) == 80
    (one,) = found["systems"]
    recalls = [
        np.mean([recall_score(*answers, average="macro") for answers in restricted(read, "svm on both", common)])
        for read in (here, there)
    ]
    assert one["system"] == "svm on both"
    assert [one["here"], one["there"], one["value"]] == pytest.approx([*recalls, recalls[0] - recalls[1]], abs=1e-5)
    assert one["low"] < one["value"] < one["high"] < 0
    assert one["leak"] == {"here": "", "there": ""}
    assert "leaked" not in one
    assert one["p"] < 0.05


def test_a_benchmark_against_itself_differs_in_nothing(folders):
    read = results.read(folders[0])
    for one in build_content(read, read)["against"]["systems"]:
        assert (one["value"], one["low"], one["high"], one["p"]) == (0, 0, 0, 1)


def test_the_command_reports_the_comparison(folders, tmp_path):
    here, there = map(str, folders)
    page = tmp_path / "report.html"
    done = CliRunner().invoke(cli.main, ["report", here, "--against", there, "--out", str(page)])
    assert done.exit_code == 0, done.output
    assert "here minus there" in page.read_text("utf-8")
    assert "Against protocol holdout" in exports.format_markdown(build_content(*map(results.read, folders)), {})


def test_leaks_of_either_benchmark_are_named_and_marked(tmp_path):
    here = (Drawn("svm", leak="tuned on 7 here"), MLP, Drawn("xgb", leak="too"))
    there = (SVM, Drawn("mlp", seeds=2, leak="tuned on 9 there"), Drawn("xgb", leak="too"), Drawn("prior"))
    read = [results.read(fake_results.written(tmp_path / name, made)) for name, made in (("a", here), ("b", there))]
    found = build_content(*read)
    leaks = {one["system"]: (one["leak"], one["leaked"]) for one in found["against"]["systems"]}
    assert leaks["svm on both"] == ({"here": "tuned on 7 here", "there": ""}, True)
    assert leaks["mlp on both"] == ({"here": "", "there": "tuned on 9 there"}, True)
    text = exports.format_markdown(found, {}).partition("## Against")[2].partition("## Confusion")[0]
    rows = [re.sub(r"[-−+\d.,\[\] ]+", "", line) for line in text.splitlines() if " on both " in line and "|" in line]
    assert rows == ["|svmonboth|!||!||", "|mlponboth||!|!||", "|xgbonboth|!|!|!||"]
    assert "! leaked: svm on both, here: tuned on 7 here\n" in text
    assert "! leaked: mlp on both, there: tuned on 9 there\n" in text
    page, _ = render(found)
    page = page.partition("Compared with another benchmark")[2].partition("<h2")[0]
    marks = [row.count('class="leaked">!</span>') for row in page.split("<tr>") if "</th><td" in row]
    assert marks == [2, 2, 3]
    assert "<li>svm on both, here: tuned on 7 here</li>" in page
    check_content(found)


def test_benchmarks_with_nothing_in_common_are_an_error(folders, tmp_path):
    here = results.read(folders[0])
    fake_results.write(tmp_path, (Drawn("xgb"),))
    with pytest.raises(BadValue, match="no system in common\n  expected: svm on both, mlp on both\n  got: xgb on both"):
        build_content(here, results.read(tmp_path))
    fake_results.write(tmp_path / "seeds", (SVM,), classes=("x", "y", "z", "ang", "exc", "fru"))
    with pytest.raises(BadValue, match="or other true classes"):
        build_content(here, results.read(tmp_path / "seeds"))
