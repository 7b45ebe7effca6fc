"""Learning curves over train sizes, against plain computation."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks.evaluation.learning_curve import reduce_training
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.runner import benchmark
from benchmarks.report.analysis.report_content import build_content
from featurestore import registry
from featurestore.errors import BadValue
from featurestore.folds.fold import Fold
from tests.support.fake_store import FakeStore

SESSIONS = "leave-one-session-out"
CLASSES = {f"u{number:03}": "sad" if number < 3 else ("ang", "hap")[number % 2] for number in range(104)}
FOLD = Fold("1", tuple(name for name in CLASSES if name != "u103"), ("u103",))


def ran(out, store=None, **options):
    lines = []
    asked = BenchmarkConfig.parse(**{"heads": ("logistic",), "features": "both", "protocol": SESSIONS, **options})
    benchmark(store or FakeStore(), asked, out, say=lines.append)
    return results.read(out), lines


def test_smaller_train_sizes_lie_within_larger_ones_and_keep_every_class():
    kept = {size: reduce_training(FOLD, size, CLASSES, 7) for size in (0.1, 0.25, 0.5)}
    assert set(kept[0.1].train) < set(kept[0.25].train) < set(kept[0.5].train) < set(FOLD.train)
    assert Counter(CLASSES[name] for name in kept[0.1].train) == {"ang": 5, "hap": 5, "sad": 2}
    assert Counter(CLASSES[name] for name in kept[0.5].train) == {"ang": 25, "hap": 25, "sad": 2}
    assert {fold.test for fold in kept.values()} == {FOLD.test}
    backwards = Fold("1", FOLD.train[::-1], FOLD.test)
    assert set(reduce_training(backwards, 0.25, CLASSES, 7).train) == set(kept[0.25].train)
    assert set(reduce_training(FOLD, 0.25, CLASSES, 8).train) != set(kept[0.25].train)


def test_every_head_learns_from_the_same_utterances_of_a_train_size(tmp_path):
    found, _ = ran(tmp_path, heads=("logistic", "svm"), seeds=(0, 1), train_sizes=(0.5, 0.25))
    assert [control.name for control in found.controls] == [
        f"{head} on both, train size {size}" for head in ("logistic", "svm") for size in (0.25, 0.5)
    ]
    assert {run.record.train for control in found.controls for run in control.runs if run.record.train_size == 0.5} == {
        24
    }
    assert [control.seeds for control in found.controls] == [[0, 1]] * 4  # the kept utterances are drawn, for each head
    (run,) = [run for run in found.controls[2].runs if (run.record.fold, run.record.seed) == ("1", 1)]
    fold, store, label = found.folds[0], FakeStore(), found.about["classes"]
    lots = sorted(fold.train, key=lambda name: hashlib.sha256(f"1:{name}".encode()).hexdigest())
    ids = sorted(name for wanted in ("ang", "hap", "sad") for name in [one for one in lots if label[one] == wanted][:4])
    features = list(run.record.features)
    head = registry.load("heads", "svm")(**run.record.params)
    head.fit(store.matrix(features, ids)[0], [label[name] for name in ids])
    Z = store.matrix(features, sorted(fold.test))[0]
    np.testing.assert_allclose(run.answers.probabilities, head.predict_proba(Z), atol=1e-8)


def test_a_search_reduces_the_dev_part_alike(tmp_path):
    found, _ = ran(tmp_path, heads=("svm",), search=1, train_sizes=(0.5,))
    (control,) = found.controls
    assert {(run.record.train, run.record.dev, run.record.search) for run in control.runs} == {(12, 12, 1)}
    (curve,) = build_content(found)["sizes"]
    assert [(point["share"], point["train"]) for point in curve["points"]] == [(0.5, 24), (1.0, 48)]


def test_train_sizes_that_are_not_numbers_are_wrong_usage(tmp_path):
    line = ["benchmark", "--heads", "prior", "--out", str(tmp_path / "r"), "--train-sizes"]
    for given, message in (
        ("0.1,half", "in the list '0.1,half', 'half' is not a valid float"),
        (",", "the list is empty"),
    ):
        result = CliRunner().invoke(cli.main, [*line, given])
        assert result.exit_code == 2
        assert message in result.output


@pytest.mark.parametrize("train_size", [0.0, 1.0, -0.5, 1.5, float("nan")])
def test_an_invalid_train_size_is_refused_before_anything_runs(tmp_path, train_size):
    with pytest.raises(BadValue, match=f"invalid train size {train_size:g}\n  expected: numbers above 0 and bel"):
        ran(tmp_path, train_sizes=(0.5, train_size))
    assert not (tmp_path / "runs").exists()
