"""Permutation importance, against plain computation."""

import hashlib

import numpy as np
import pytest

from benchmarks import compare
from benchmarks.evaluation.permutation_importance import ModalityFeatures, permute
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.runner import benchmark
from featurestore import registry
from featurestore.errors import BadValue
from heads import Block, Frames, Inputs
from tests.support.fake_store import FakeStore

SESSIONS = "leave-one-session-out"


def ran(out, store=None, **options):
    lines = []
    asked = BenchmarkConfig.parse(**{"heads": ("logistic",), "features": "both", "protocol": SESSIONS, **options})
    benchmark(store or FakeStore(), asked, out, say=lines.append)
    return results.read(out), lines


def written(out):
    return {path.name: path.read_bytes() for path in (out / "runs").iterdir()}


@pytest.mark.parametrize(("modality", "columns"), [("audio", slice(0, 6)), ("text", slice(6, 13))])
def test_a_permuted_run_is_the_fitted_head_on_permuted_rows(tmp_path, modality, columns):
    found, _ = ran(tmp_path, heads=("logistic", "svm"), seeds=(3,), permute=True)
    fold, store = found.folds[1], FakeStore()
    train, test = sorted(fold.train), sorted(fold.test)
    X, Z = (store.matrix(["audio.mean", "text.mean", "text.logits"], ids)[0] for ids in (train, test))
    lots = [hashlib.sha256(f"3:{fold.name}:{modality}:{name}".encode()).hexdigest() for name in test]
    Z[:, columns] = Z[np.argsort(lots), columns]
    own = [control for control in found.controls if control.record.permuted == modality]
    assert [control.name for control in own] == [f"{head} on both, {modality} permuted" for head in ("logistic", "svm")]
    for control in own:
        (run,) = [run for run in control.runs if run.record.fold == fold.name]
        head = registry.load("heads", control.record.head)(**run.record.params)
        head.fit(X, [found.about["classes"][name] for name in train])
        assert run.ids == tuple(test)
        np.testing.assert_allclose(run.answers.probabilities, head.predict_proba(Z), atol=1e-8)
        (base,) = [system for system in found.systems if system.name == control.record.system]
        assert base.pooled[0].prediction != control.pooled[0].prediction


def test_a_modality_is_permuted_as_a_whole_and_the_other_stays():
    Z = np.arange(40.0).reshape(10, 4)
    blocks = (Block("text.mean", "text", (1,)), Block("audio.mean", "audio", (2,)), Block("text.logits", "text", (1,)))
    frames = tuple(Frames(name, name[:-7], [np.full((1, 1), row) for row in Z[:, 0]]) for name in ("text.frames", "x"))
    ids = [f"u{row}" for row in range(10)]
    permuted = ModalityFeatures("text", ("text.mean", "text.logits", "text.frames"))
    found = permute(Inputs(Z, blocks, frames), permuted, ids, "1", 0)
    moved = found.X
    assert np.array_equal(np.concatenate(found.frames[0].rows)[:, 0], moved[:, 0])
    assert np.array_equal(np.concatenate(found.frames[1].rows)[:, 0], Z[:, 0])
    assert np.array_equal(moved[:, 1:3], Z[:, 1:3])
    order = (moved[:, 0] / 4).astype(int)
    assert sorted(order) == list(range(10)) != list(order)
    assert np.array_equal(moved[:, 3], Z[order, 3])
    assert np.array_equal(Z, np.arange(40.0).reshape(10, 4))


def test_sets_of_one_modality_are_not_permuted(tmp_path):
    found, _ = ran(tmp_path, features="text,audio,both", permute=True)
    assert [control.name for control in found.controls] == [
        f"logistic on both, {name} permuted" for name in ("text", "audio")
    ]
    with pytest.raises(BadValue, match="nothing to permute: no feature set has both modalities\n  got: text, au"):
        ran(tmp_path / "b", features="text,audio", permute=True)


def test_controls_do_not_change_other_runs_and_finished_ones_are_skipped(tmp_path):
    plain, _ = ran(tmp_path)
    before = written(tmp_path)
    both, lines = ran(tmp_path, permute=True, train_sizes=(0.5,))
    assert "12 runs, 3 of them done already" in lines
    assert "6 fits make the other 9: permuted runs share a fitted head" in lines
    assert [system.runs[0].record.digest for system in both.systems] == [plain.systems[0].runs[0].record.digest]
    assert before.items() <= written(tmp_path).items()
    after = written(tmp_path)
    gone = both.controls[0].runs[1].record.digest
    (tmp_path / "runs" / f"{gone}.json").unlink()
    again, lines = ran(tmp_path, permute=True, train_sizes=(0.5,))
    assert "12 runs, 11 of them done already" in lines
    assert sum(line.startswith("1/1 logistic on both, fold 2") for line in lines) == 1
    changed = [name for name, content in written(tmp_path).items() if after[name] != content]
    assert changed in ([], [f"{gone}.json"])  # its seconds may differ
    assert [control.name for control in again.controls] == [control.name for control in both.controls]


def test_controls_are_in_a_table_of_their_own(tmp_path):
    ran(tmp_path, heads=("prior", "logistic"), permute=True, train_sizes=(0.25,))
    summary, text = compare.read_summary(tmp_path)
    assert [row["system"] for row in summary["leaderboard"]] == ["logistic on both", "prior on both"]
    assert len(summary["pairs"]) == 1
    rows = {row["control"]: row for row in summary["controls"]}
    assert len(rows) == 2 * 3
    row = rows["logistic on both, text permuted"]
    own, whole = row["metrics"]["accuracy"], summary["leaderboard"][0]["metrics"]["accuracy"]
    assert own["minus_system"] == pytest.approx(own["value"] - whole["value"], abs=1e-5) != 0
    assert rows["prior on both, audio permuted"]["metrics"]["accuracy"]["minus_system"] == 0
    assert rows["logistic on both, train size 0.25"]["train"] == 12
    assert "## Controls" in text
    assert "(permutation importance, Breiman 2001)" in text
