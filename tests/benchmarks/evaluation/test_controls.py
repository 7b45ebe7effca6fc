"""Controls: shuffled modalities and shares of the training part, against plain computation."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks.evaluation import controls
from benchmarks.grid import compare, results
from benchmarks.grid.asked import Asked
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
    said = []
    asked = Asked(**{"heads": ("logistic",), "features": "both", "protocol": SESSIONS, **options})
    benchmark(store or FakeStore(), asked, out, say=said.append)
    return results.read(out), said


def written(out):
    return {path.name: path.read_bytes() for path in (out / "runs").iterdir()}


@pytest.mark.parametrize(("modality", "columns"), [("audio", slice(0, 6)), ("text", slice(6, 13))])
def test_a_shuffled_run_is_the_fitted_head_on_permuted_rows(tmp_path, modality, columns):
    found, _ = ran(tmp_path, heads=("logistic", "svm"), seeds=(3,), shuffle=True)
    fold, store = found.folds[1], FakeStore()
    train, test = sorted(fold.train), sorted(fold.test)
    X, Z = (store.matrix(["audio.mean", "text.mean", "text.logits"], ids)[0] for ids in (train, test))
    lots = [hashlib.sha256(f"3:{fold.name}:{modality}:{name}".encode()).hexdigest() for name in test]
    Z[:, columns] = Z[np.argsort(lots), columns]
    own = [control for control in found.controls if control.card.shuffled == modality]
    assert [control.name for control in own] == [f"{head} on both, {modality} shuffled" for head in ("logistic", "svm")]
    for control in own:
        (run,) = [run for run in control.runs if run.card.fold == fold.name]
        head = registry.load("heads", control.card.head)(**run.card.params)
        head.fit(X, [found.about["classes"][name] for name in train])
        assert run.ids == tuple(test)
        np.testing.assert_allclose(run.answers.probabilities, head.predict_proba(Z), atol=1e-8)
        (base,) = [system for system in found.systems if system.name == control.card.system]
        assert base.pooled[0].prediction != control.pooled[0].prediction


def test_a_modality_is_moved_as_a_whole_and_the_other_stays():
    Z = np.arange(40.0).reshape(10, 4)
    blocks = {"text.mean": 1, "audio.mean": 2, "text.logits": 1}
    ids = [f"u{row}" for row in range(10)]
    moved = controls.shuffled(Z, blocks, controls.Shuffle("text", ("text.mean", "text.logits")), ids, "1", 0)
    assert np.array_equal(moved[:, 1:3], Z[:, 1:3])
    order = (moved[:, 0] / 4).astype(int)
    assert sorted(order) == list(range(10)) != list(order)
    assert np.array_equal(moved[:, 3], Z[order, 3])
    assert np.array_equal(Z, np.arange(40.0).reshape(10, 4))


def test_sets_of_one_modality_are_not_shuffled(tmp_path):
    found, _ = ran(tmp_path, features="text,audio,both", shuffle=True)
    assert [control.name for control in found.controls] == [
        f"logistic on both, {name} shuffled" for name in ("text", "audio")
    ]
    with pytest.raises(
        BadValue, match="there is nothing to shuffle: no feature set has both modalities\n  got: text, au"
    ):
        ran(tmp_path / "b", features="text,audio", shuffle=True)


def test_controls_leave_ordinary_runs_as_they_are_and_finished_ones_are_skipped(tmp_path):
    plain, _ = ran(tmp_path)
    before = written(tmp_path)
    both, said = ran(tmp_path, shuffle=True, shares=(0.5,))
    assert "12 runs, 3 of them done already" in said
    assert [system.runs[0].card.digest for system in both.systems] == [plain.systems[0].runs[0].card.digest]
    assert before.items() <= written(tmp_path).items()
    after = written(tmp_path)
    gone = both.controls[0].runs[1].card.digest
    (tmp_path / "runs" / f"{gone}.json").unlink()
    again, said = ran(tmp_path, shuffle=True, shares=(0.5,))
    assert "12 runs, 11 of them done already" in said
    assert sum(line.startswith("1/1 logistic on both, fold 2") for line in said) == 1
    changed = [name for name, content in written(tmp_path).items() if after[name] != content]
    assert changed in ([], [f"{gone}.json"])  # its seconds may differ
    assert [control.name for control in again.controls] == [control.name for control in both.controls]


def test_smaller_shares_lie_within_larger_ones_and_keep_every_class():
    kept = {share: controls.reduced(FOLD, share, CLASSES, 7) for share in (0.1, 0.25, 0.5)}
    assert set(kept[0.1].train) < set(kept[0.25].train) < set(kept[0.5].train) < set(FOLD.train)
    assert Counter(CLASSES[name] for name in kept[0.1].train) == {"ang": 5, "hap": 5, "sad": 2}
    assert Counter(CLASSES[name] for name in kept[0.5].train) == {"ang": 25, "hap": 25, "sad": 2}
    assert {fold.test for fold in kept.values()} == {FOLD.test}
    backwards = Fold("1", FOLD.train[::-1], FOLD.test)
    assert set(controls.reduced(backwards, 0.25, CLASSES, 7).train) == set(kept[0.25].train)
    assert set(controls.reduced(FOLD, 0.25, CLASSES, 8).train) != set(kept[0.25].train)


def test_every_head_learns_from_the_same_share_and_says_so(tmp_path):
    found, _ = ran(tmp_path, heads=("logistic", "svm"), seeds=(0, 1), shares=(0.5, 0.25))
    assert [control.name for control in found.controls] == [
        f"{head} on both, {share} of training" for head in ("logistic", "svm") for share in (0.25, 0.5)
    ]
    assert {run.card.train for control in found.controls for run in control.runs if run.card.share == 0.5} == {24}
    assert [control.seeds for control in found.controls] == [[0, 1]] * 4  # what is in a share is drawn, for each head
    (run,) = [run for run in found.controls[2].runs if (run.card.fold, run.card.seed) == ("1", 1)]
    fold, store, label = found.folds[0], FakeStore(), found.about["classes"]
    lots = sorted(fold.train, key=lambda name: hashlib.sha256(f"1:{name}".encode()).hexdigest())
    ids = sorted(name for wanted in ("ang", "hap", "sad") for name in [one for one in lots if label[one] == wanted][:4])
    features = list(run.card.features)
    head = registry.load("heads", "svm")(**run.card.params)
    head.fit(store.matrix(features, ids)[0], [label[name] for name in ids])
    Z = store.matrix(features, sorted(fold.test))[0]
    np.testing.assert_allclose(run.answers.probabilities, head.predict_proba(Z), atol=1e-8)


def test_a_search_sees_the_same_share_of_the_dev_part(tmp_path):
    found, _ = ran(tmp_path, heads=("svm",), search=1, shares=(0.5,))
    (control,) = found.controls
    assert {(run.card.train, run.card.dev, run.card.tune) for run in control.runs} == {(12, 12, 1)}
    (curve,) = build_content(found)["sizes"]
    assert [(point["share"], point["train"]) for point in curve["points"]] == [(0.5, 24), (1.0, 48)]


def test_controls_are_in_a_table_of_their_own(tmp_path):
    ran(tmp_path, heads=("prior", "logistic"), shuffle=True, shares=(0.25,))
    summary, text = compare.summary(tmp_path)
    assert [row["system"] for row in summary["leaderboard"]] == ["logistic on both", "prior on both"]
    assert len(summary["pairs"]) == 1
    rows = {row["control"]: row for row in summary["controls"]}
    assert len(rows) == 2 * 3
    row = rows["logistic on both, text shuffled"]
    own, whole = row["metrics"]["accuracy"], summary["leaderboard"][0]["metrics"]["accuracy"]
    assert own["minus_system"] == pytest.approx(own["value"] - whole["value"], abs=1e-5) != 0
    assert rows["prior on both, audio shuffled"]["metrics"]["accuracy"]["minus_system"] == 0
    assert rows["logistic on both, 0.25 of training"]["train"] == 12
    assert "## Controls" in text
    assert "(permutation importance, Breiman 2001)" in text


def test_shares_that_are_no_numbers_are_wrong_usage(tmp_path):
    line = ["benchmark", "--heads", "prior", "--out", str(tmp_path / "r"), "--shares"]
    for given, message in (("0.1,half", "in the list '0.1,half', 'half' is not a valid float"), (",", "names nothing")):
        result = CliRunner().invoke(cli.main, [*line, given])
        assert result.exit_code == 2
        assert message in result.output


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 1.5, float("nan")])
def test_what_is_no_share_is_said_before_anything_runs(tmp_path, share):
    with pytest.raises(
        BadValue, match=f"{share:g} is no share of the training part\n  expected: numbers above 0 and bel"
    ):
        ran(tmp_path, shares=(0.5, share))
    assert not (tmp_path / "runs").exists()
