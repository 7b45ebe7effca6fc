"""What each protocol splits by, and what it refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurestore.errors import Mismatch
from featurestore.folds.fold import split
from featurestore.manifest import Utterance
from featurestore.protocols import holdout
from tests.support.manifests import SCHEME, apply_scheme, manifests


@settings(max_examples=20)
@given(manifests(), st.integers(0, 3))
def test_holdout_is_the_same_under_every_scheme(utterances, seed):
    every = {row.id: row.label for row in utterances}
    (all_labels,) = holdout.folds(utterances, every, seed)
    (four,) = holdout.folds(utterances, apply_scheme(utterances), seed)
    assert set(four.test) <= set(all_labels.test)
    assert set(four.train) <= set(all_labels.train)


def test_holdout_tests_a_seeded_fifth_of_each_label():
    utterances = [Utterance(f"{label}{number:03}", label=label) for label in SCHEME for number in range(50)]
    (first,), (second,) = (split("holdout", utterances, apply_scheme(utterances), seed) for seed in (0, 1))
    assert first.name == "holdout"
    assert [sum(one.startswith(label) for one in first.test) for label in SCHEME] == [10] * 4
    assert first.test != second.test
    assert first.test[:5] == ("ang001", "ang015", "ang017", "ang020", "ang030")  # pinned: published figures use it


def test_paper_tail_splits_iemocap_like_the_paper():
    sizes = {"1": 1365, "2": 1348, "3": 1533, "4": 1512, "5": 1622}  # six-class turns of the corpus by session
    utterances = [Utterance(f"{s}_{n:04}", label="sad", session=s) for s, size in sizes.items() for n in range(size)]
    (fold,) = split("paper-tail", utterances, {row.id: "sad" for row in utterances})
    assert (fold.name, len(fold.train), len(fold.test)) == ("tail", 5904, 1476)
    assert {one[0] for one in fold.test} == {"5"}
    assert sum(one[0] == "5" for one in fold.train) == 146


def test_folds_are_named_after_their_group_in_natural_order():
    utterances = [
        Utterance(f"{session}{speaker}{number}", label="sad", session=session, speaker=speaker)
        for session, speaker in [("10", "Bo"), ("2", "Al"), ("1", "al10"), ("1", "al9")]
        for number in range(2)
    ]
    classes = {row.id: "sad" for row in utterances}
    assert [fold.name for fold in split("leave-one-session-out", utterances, classes)] == ["1", "2", "10"]
    assert [fold.name for fold in split("leave-one-speaker-out", utterances, classes)] == ["Al", "Bo", "al9", "al10"]


@pytest.mark.parametrize("column", ["session", "speaker"])
def test_a_missing_group_is_an_error_with_the_fix(column):
    utterances = [Utterance("a", label="sad", session="1", speaker="A"), Utterance("b", label="sad")]
    with pytest.raises(Mismatch) as caught:
        split(f"leave-one-{column}-out", utterances, {"a": "sad", "b": "sad"})
    assert str(caught.value) == (
        f"1 of 2 utterances have no {column}, for example b\n"
        f"  expected: a {column} for every utterance that the label scheme keeps\n"
        f"  do: fill the column {column} of the manifest, or use another protocol: cli list protocols"
    )


@pytest.mark.parametrize("column", ["session", "speaker"])
def test_a_single_group_cannot_be_left_out(column):
    rows = [Utterance(utterance_id, label="sad", session="1", speaker="1") for utterance_id in "ab"]
    with pytest.raises(Mismatch, match=f"leaving one {column} out needs at least two\n  got: 1\n  do: fill the column"):
        split(f"leave-one-{column}-out", rows, {"a": "sad", "b": "sad"})


def test_official_uses_the_partitions_of_the_corpus():
    partitions = ["Train", "Train", "Development", "Test1", "Test2"]
    rows = [Utterance(f"u{number}", label="sad", partition=name) for number, name in enumerate(partitions)]
    classes = {row.id: "sad" for row in rows}
    assert [(f.name, f.train, f.dev, f.test) for f in split("official", rows, classes)] == [
        ("test1", ("u0", "u1"), ("u2",), ("u3",)),
        ("test2", ("u0", "u1"), ("u2",), ("u4",)),
    ]


def test_official_tests_each_fold_of_the_corpus():
    rows = [
        Utterance(utterance_id, label="sad", partition=name)
        for utterance_id, name in (("a", "fold_1"), ("b", "fold_10"), ("c", "fold_2"), ("d", "fold_2"))
    ]
    assert [(f.name, f.train, f.dev, f.test) for f in split("official", rows, dict.fromkeys("abcd", "sad"))] == [
        ("fold_1", ("b", "c", "d"), (), ("a",)),
        ("fold_2", ("a", "b"), (), ("c", "d")),
        ("fold_10", ("a", "c", "d"), (), ("b",)),
    ]


@pytest.mark.parametrize(
    ("partition", "message"),
    [
        ("", "1 of 1 utterances have no partition, for example a"),
        ("odd", "not hold training, dev and test\n"),
    ],
)
def test_official_refuses_unknown_partitions(partition, message):
    with pytest.raises(Mismatch, match=message):
        split("official", [Utterance("a", label="sad", partition=partition)], {"a": "sad"})


def test_cross_corpus_needs_two_stores():
    with pytest.raises(Mismatch) as caught:
        split("cross-corpus", [Utterance("a", label="sad")], {"a": "sad"})
    assert str(caught.value) == (
        "protocol cross-corpus needs two stores\n"
        "  do: cli benchmark --store TRAINED --test-store TESTED --protocol cross-corpus"
    )


def test_speaker_kfold_makes_five_folds_of_whole_speakers():
    rows = [Utterance(f"{s}-{n}", label="sad", speaker=f"S{s}") for s in range(12) for n in range(3)]
    folds = split("speaker-kfold", rows, {row.id: "sad" for row in rows})
    assert [fold.name for fold in folds] == [f"speaker-{number}" for number in range(1, 6)]
    assert sorted(len(fold.test) // 3 for fold in folds) == [2, 2, 2, 3, 3]
