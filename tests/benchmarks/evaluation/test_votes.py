import dataclasses
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks.evaluation.hyperparameter_search import search
from benchmarks.evaluation.pair import Pair
from benchmarks.evaluation.soft_labels import SoftLabels
from benchmarks.evaluation.task import open_task
from benchmarks.fitting.fit import fit_and_save, fit_head
from benchmarks.statistics.rater_votes import RaterVotes
from featurestore.errors import BadValue, Mismatch
from featurestore.prediction import bundle as bundles
from featurestore.votes import find_winner, share_votes
from heads import Inputs
from heads.logistic import LogisticHead
from tests.support.fake_store import FakeStore
from tests.support.quick_heads import as_inputs
from tests.support.raters import CLASSES, make_voted_store, write_votes

SESSIONS = "leave-one-session-out"


def open_rated(store=None, **options):
    return open_task(store or make_voted_store(15), **{"labels": None, "protocol": SESSIONS, **options})


def change_votes(store, change):
    """Change the votes of the utterances for which a function of their number returns a text."""
    rows = [
        row if (text := change(number)) is None else dataclasses.replace(row, votes=text)
        for number, row in enumerate(store.utterances)
    ]
    return dataclasses.replace(store, utterances=tuple(rows))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7])
def test_agreement_keeps_the_turns_above_a_share(share):
    """The plain computation, from the votes in the manifest; a share that is reached exactly is not above."""
    plain, kept = open_rated(), open_rated(agreement=share)
    expected = {one for one in plain.classes if find_winner(plain.votes.choices[one])[1] > share}
    assert set(kept.classes) == expected
    assert kept.agreement.kept == len(expected) < len(plain.classes) or share == 0
    lost = [plain.classes[one] for one in plain.classes.keys() - expected]
    assert kept.agreement.left_out == {name: lost.count(name) for name in sorted(set(lost))}


def test_the_filter_is_the_same_in_every_part_and_moves_no_one():
    plain, kept = open_rated(), open_rated(agreement=0.5)
    for one, other in zip(plain.complete_folds({}, 0), kept.complete_folds({}, 0), strict=True):
        for part in ("train", "test"):
            assert set(getattr(other, part)) == {name for name in getattr(one, part) if name in kept.classes}
    assert kept.describe_data(kept.complete_folds({}, 0), (), {})["classes"].keys() == kept.classes.keys()


def test_what_the_filter_leaves_out_is_said():
    store = change_votes(make_voted_store(15), lambda number: "" if number < 3 else None)
    task = open_rated(store, agreement=0.5)
    (line,) = task.describe_missing({})
    assert re.fullmatch(
        r"agreement above 0.5 of the raters keeps \d+ of 120; leaves out \d+ for less agreement \([^)]+\); "
        r"leaves out 3 for no votes \([^)]+\)",
        line,
    )
    assert task.count_left_out() == {}


def test_a_label_that_is_no_winner_is_said():
    rows = [write_votes([("sad",)] * 3) if number < 5 else None for number in range(120)]
    task = open_rated(change_votes(make_voted_store(15), lambda number: rows[number]), agreement=0.5)
    others = sum(row.label != "sad" for row in make_voted_store(15).utterances[:5])
    assert task.agreement.other == others > 0
    assert task.agreement.describe().endswith(f"{others} of the kept have another class by votes than by label")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"agreement": 1.0}, BadValue, "invalid agreement 1\n  expected: a share of at least 0 and below 1"),
        ({"agreement": -0.1}, BadValue, "invalid agreement -0.1"),
        (
            {"store": FakeStore(), "agreement": 0.5},
            Mismatch,
            "--agreement needs votes, and no utterance has a vote for a class of the label scheme\n  expected: votes",
        ),
    ],
)
def test_an_agreement_that_cannot_be_used_is_refused(options, error, message):
    with pytest.raises(error) as caught:
        open_rated(**options)
    assert str(caught.value).startswith(message)


def test_a_share_that_nothing_reaches_is_refused():
    store = change_votes(make_voted_store(15), lambda number: write_votes([("sad",), ("angry",)]))
    with pytest.raises(
        Mismatch, match=r"no utterance has a class with more than 0\.5 of its raters\n  got: at most 0\.5"
    ):
        open_rated(store, agreement=0.5)


def test_the_votes_of_a_pair_are_of_each_side(tmp_path):
    """The second store calls angry `mad`, in its labels and in its votes."""
    mapping = tmp_path / "mad.json"
    mapping.write_text(json.dumps({"mad": "angry", **{name: name for name in CLASSES[1:]}}))
    other = make_voted_store(15, seed=1)
    other.utterances = tuple(
        dataclasses.replace(
            row, id=f"o{row.id}", label=row.label.replace("angry", "mad"), votes=row.votes.replace("angry", "mad")
        )
        for row in other.utterances
    )
    pair = Pair(make_voted_store(15), other, None, str(mapping))
    task = open_task(pair, labels=None, protocol="cross-corpus")
    assert task.votes.counts.rated == 240
    assert not task.votes.counts.left_out
    assert {name for one in task.votes.choices.values() for choice in one for name in choice} == set(CLASSES)


def test_rows_without_votes_have_their_label():
    distributions = {"a": {"sad": 0.5, "happy": 0.5}, "b": {"bored": 1.0}, "c": {"bored": 0.6, "sad": 0.4}}
    soft = SoftLabels.build(distributions, ["a", "b", "c", "d"], ["sad", "happy", "sad", "happy"])
    assert soft.names == ("happy", "sad")
    assert soft.shares.tolist() == [[0.5, 0.5], [1, 0], [0, 1], [1, 0]]
    assert soft.select(np.array([0, 2]), ["sad", "sad"]).tolist() == [[1.0], [1.0]]


def test_a_search_learns_the_votes_too(monkeypatch):
    """Every inner fit is given the distributions of its own rows."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), np.array(["happy", "sad"] * 30)
    ids = [str(number) for number in range(60)]
    soft = SoftLabels.build({one: {"happy": 0.3, "sad": 0.7} for one in ids[:50]}, ids, y)
    seen = []
    fit = LogisticHead.fit

    def watch(self, X, y, **options):
        seen.append(options["distributions"])
        return fit(self, X, y, **options)

    monkeypatch.setattr(LogisticHead, "fit", watch)
    inputs: Inputs = as_inputs(X)
    search(LogisticHead, {}, inputs, y, [number // 2 % 2 for number in range(60)], 1, 0, soft=soft)
    assert [one.shape for one in seen] == [(30, 2)] * 4  # two settings on two parts
    # the first part is of utterances 2, 3, 6, 7, …: of these 50, 51, 54, 55, 58 and 59 have no votes
    assert [tuple(row) for row in seen[0]] == [(0.3, 0.7)] * 24 + [(1.0, 0.0), (0.0, 1.0)] * 3


def test_fit_head_measures_the_votes_over_its_folds():
    """The figures are those of the probabilities that the heads of the folds give, computed again."""
    store = make_voted_store(15)
    task = open_rated(store)
    result = fit_head(store, head="logistic", protocol=SESSIONS, train_on="votes")
    probabilities, ids = [], []
    for fold in task.complete_folds({}, 0):
        train, test = sorted(fold.train), sorted(fold.test)
        y = [task.classes[one] for one in train]
        shares = np.array([[share_votes(task.votes.choices[one]).get(name, 0) for name in CLASSES] for one in train])
        matrices = (store.matrix(store.default_features(), part)[0] for part in (train, test))
        X, test_X = matrices
        probabilities.append(LogisticHead().fit(X, y, distributions=shares).predict_proba(test_X))
        ids += test
    votes = RaterVotes.from_choices([task.votes.choices[one] for one in ids], CLASSES)
    expected = votes.score(np.concatenate(probabilities)).values()
    assert {name: one.value for name, one in result.votes.head.items()} == pytest.approx(expected)
    assert result.votes.raters["rater_agreement"].value == pytest.approx(
        votes.score_raters()[0].values()["rater_agreement"]
    )
    assert result.votes.raters.keys() == {"soft_macro_f1", "rater_agreement", "soft_brier_score"}
    answer = result.to_json()
    assert answer["train_on"] == "votes"
    assert answer["votes"]["metrics"]["soft_log_loss"]["n"] == 120


def test_fit_head_on_labels_is_as_it_was():
    """Votes change nothing of what is learned from labels, and a corpus without any shows no such figures."""
    plain = change_votes(make_voted_store(15), lambda number: "")
    first, second = (fit_head(store, head="logistic", protocol=SESSIONS) for store in (make_voted_store(15), plain))
    assert first.to_json() | {"votes": None} == second.to_json() | {"votes": None}
    assert second.votes is None
    assert "train_on" not in first.to_json()
    assert "agreement" not in first.to_json()
    assert "against the votes" not in second.table()


def test_a_bundle_says_what_it_was_trained_on(tmp_path):
    store = make_voted_store(15)
    options = {"head": "logistic", "params": (), "features": None, "protocol": SESSIONS}
    fit_and_save(store, **options, out=tmp_path / "votes", train_on="votes", agreement=0.5)
    fit_and_save(store, **options, out=tmp_path / "labels")
    votes, labels = (bundles.load(tmp_path / name) for name in ("votes", "labels"))
    assert (votes.train_on, votes.agreement) == ("votes", 0.5)
    assert (labels.train_on, labels.agreement) == ("labels", None)
    assert {"train_on", "agreement"}.isdisjoint(json.loads((tmp_path / "labels/head.json").read_text("utf-8")))
    task = open_rated(store, agreement=0.5)
    ids = sorted(task.classes)
    shares = np.array([[share_votes(task.votes.choices[one]).get(name, 0) for name in CLASSES] for one in ids])
    X = store.matrix(store.default_features(), ids)[0]
    plain = LogisticHead().fit(X, [task.classes[one] for one in ids], distributions=shares)
    np.testing.assert_allclose(votes.head.predict_proba(X), plain.predict_proba(X))


def run(tmp_path, monkeypatch, *arguments, store=None):
    made = store or make_voted_store(15)
    monkeypatch.setattr("featurestore.store.Store", lambda path: dataclasses.replace(made, path=path))
    return CliRunner().invoke(cli.main, ["fit-head", "--store", str(tmp_path), "--protocol", SESSIONS, *arguments])


def test_by_the_command_line(tmp_path, monkeypatch):
    store = change_votes(make_voted_store(15), lambda number: "" if number < 3 else None)
    found = run(tmp_path, monkeypatch, "--head", "logistic", "--train-on", "votes", "--agreement", "0.3", store=store)
    assert found.exit_code == 0, found.output
    for line in (
        "votes: 117 utterances with 3.0 raters on average; 3 utterances without votes",
        "trained on votes",
        "against the votes of 3.0 raters on average, n = ",
        "each rater, by the others",
        "the votes themselves",
    ):
        assert f"\n{line}" in found.output
    assert found.output.count("agreement above 0.3 of the raters keeps ") == 2  # while it runs and in the answer


def test_utterances_without_votes_are_trained_on_their_label(tmp_path, monkeypatch):
    store = change_votes(make_voted_store(15), lambda number: "" if number < 3 else None)
    found = run(tmp_path, monkeypatch, "--head", "logistic", "--train-on", "votes", store=store)
    assert "3 utterances without a vote for a class: trained on the label alone" in found.output
    assert "n = 117, 3 without votes:" in found.output


@pytest.mark.parametrize(
    ("arguments", "store", "message"),
    [
        (
            ("--head", "svm", "--train-on", "votes"),
            None,
            "Error: head svm cannot train on votes: it learns fro",
        ),
        (
            ("--head", "mlp", "--train-on", "votes"),
            FakeStore(),
            "Error: --train-on votes needs votes, and no",
        ),
        (("--head", "mlp", "--agreement", "0.5"), FakeStore(), "Error: --agreement needs votes, and no utterance has"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path, monkeypatch, arguments, store, message):
    found = run(tmp_path, monkeypatch, *arguments, store=store)
    assert found.exit_code == 1
    assert message in found.output
    assert "Traceback" not in found.output


def test_votes_that_cannot_be_read_are_named_where_they_are_needed(tmp_path, monkeypatch):
    store = change_votes(make_voted_store(15), lambda number: "angry, sad")
    found = run(tmp_path, monkeypatch, "--head", "logistic", "--train-on", "votes", store=store)
    assert "got: 120 utterances with votes that cannot be read" in found.output
    assert run(tmp_path, monkeypatch, "--head", "logistic", store=store).exit_code == 0
