"""Protocols by dialogue, and the two published splits that put speakers on both sides."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from featurestore import registry
from featurestore.errors import Mismatch
from featurestore.folds.fold import split
from featurestore.manifest import Utterance
from tests.support.iemocap_release import full_turns

WHOLE = ["dialogue-kfold", "dialogue-holdout", "dialogue-letter"]
# ten dialogues of four turns: both speakers of the session, each angry once and sad once
DIALOGUES = [f"Ses0{session}{letter}_impro01" for session in range(1, 6) for letter in "FM"]
TURNS = (("F", "ang"), ("M", "sad"), ("F", "sad"), ("M", "ang"))


def make_turns(dialogues=DIALOGUES):
    return [
        Utterance(
            f"{dialogue}_{letter}{number}",
            label=label,
            dialogue=dialogue,
            session=dialogue[4],
            speaker=dialogue[:5] + letter,
        )
        for dialogue in dialogues
        for number, (letter, label) in enumerate(TURNS)
    ]


def split_turns(protocol, rows, seed=0, **options):
    return split(protocol, rows, {row.id: row.label for row in rows if row.label}, seed, **options)


def values(rows, ids, column):
    among = set(ids)
    return {getattr(row, column) for row in rows if row.id in among}


@pytest.fixture(scope="module")
def corpus():
    """Return the turns of a corpus with IEMOCAP's dialogues and label counts."""
    return [
        Utterance(turn.id, label=turn.label, dialogue=turn.dialogue, speaker=f"{turn.id[:5]}{turn.id[-4]}")
        for turn in full_turns()
    ]


@pytest.mark.parametrize("protocol", WHOLE)
def test_no_dialogue_is_on_two_sides(protocol, corpus):
    for fold in split_turns(protocol, corpus, dev=True):
        parts = [values(corpus, ids, "dialogue") for ids in (fold.train, fold.dev, fold.test)]
        assert all(parts)
        assert sum(map(len, parts)) == len(set.union(*parts)) == 151


@pytest.mark.parametrize("protocol", [*WHOLE, "random-utterance"])
def test_speakers_are_on_both_sides(protocol, corpus):
    assert registry.module("protocols", protocol).SPEAKER_INDEPENDENT is False
    assert "training" in registry.summary("protocols", protocol)
    for fold in split_turns(protocol, corpus):
        assert values(corpus, fold.test, "speaker") <= values(corpus, fold.train, "speaker")


def test_a_kfold_tests_each_dialogue_once_with_balanced_classes():
    rows = make_turns()
    folds = split_turns("dialogue-kfold", rows)
    assert [fold.name for fold in folds] == [f"dialogue-{number}" for number in range(1, 6)]
    labels = {row.id: row.label for row in rows}
    for fold in folds:  # two of ten dialogues, each with two turns of a class
        assert len(values(rows, fold.test, "dialogue")) == 2
        assert Counter(labels[one] for one in fold.test) == {"ang": 4, "sad": 4}
    assert len(split_turns("dialogue-kfold", make_turns(DIALOGUES[:3]))) == 3


def test_a_holdout_tests_a_fifth_of_the_dialogues_drawn_by_the_seed():
    rows, drawn = make_turns(), []
    for seed in range(50):
        (fold,) = split_turns("dialogue-holdout", rows, seed)
        assert (fold.name, len(fold.train), len(fold.test)) == ("holdout", 32, 8)
        drawn.append(frozenset(values(rows, fold.test, "dialogue")))
    assert {len(dialogues) for dialogues in drawn} == {2}
    assert len(set(drawn)) > 20
    assert set().union(*drawn) == set(DIALOGUES)


def test_a_holdout_of_iemocap_is_about_a_fifth_of_dialogues_turns_and_labels(corpus):
    counts = Counter(row.label for row in corpus)
    for seed in range(3):
        (fold,) = split_turns("dialogue-holdout", corpus, seed)
        held_out = set(fold.test)
        tested = Counter(row.label for row in corpus if row.id in held_out)
        assert len(values(corpus, fold.test, "dialogue")) / 151 == pytest.approx(0.2, abs=0.04)
        assert len(fold.test) / len(corpus) == pytest.approx(0.2, abs=0.02)
        frequent = [label for label, count in counts.items() if count > 1000]
        assert [tested[label] / counts[label] for label in frequent] == pytest.approx([0.2] * len(frequent), abs=0.03)


def test_the_largest_dialogue_is_not_held_out_by_every_seed():
    large = [Utterance(f"large{number}", label="ang", dialogue="large", speaker="A") for number in range(8)]
    rows = [*make_turns(), *large]
    held_out = [
        "large" in values(rows, fold.test, "dialogue")
        for s in range(20)
        for fold in split_turns("dialogue-holdout", rows, s)
    ]
    assert 0 < sum(held_out) < 10


def test_a_holdout_is_the_same_under_every_scheme_and_in_any_order(corpus):
    (every,) = split_turns("dialogue-holdout", corpus)
    shuffled = random.Random(0).sample(corpus, len(corpus))
    four = {row.id: row.label for row in shuffled if row.label in ("ang", "hap", "exc", "sad", "neu")}
    (some,) = split("dialogue-holdout", shuffled, four)
    assert set(some.test) == set(every.test) & set(four)
    assert set(some.train) == set(every.train) & set(four)


def test_a_turn_without_label_and_dialogue_has_no_effect_on_a_holdout():
    rows = make_turns()
    (plain,) = split_turns("dialogue-holdout", rows)
    assert split_turns("dialogue-holdout", [Utterance("noise"), *rows]) == [plain]


def test_a_letter_is_tested_with_both_speakers_of_the_session():
    rows = make_turns([*DIALOGUES, "Ses01F_script01_1", "Ses03M_impro05a"])
    folds = {fold.name: fold for fold in split_turns("dialogue-letter", rows)}
    assert list(folds) == [f"0{session}{letter}" for session in range(1, 6) for letter in "FM"]
    assert [len(fold.test) for fold in folds.values()] == [8, 4, 4, 4, 4, 8, 4, 4, 4, 4]
    assert values(rows, folds["01F"].test, "dialogue") == {"Ses01F_impro01", "Ses01F_script01_1"}
    assert values(rows, folds["01F"].test, "speaker") == {"Ses01F", "Ses01M"}


def test_random_folds_cut_dialogues_and_keep_classes_balanced():
    rows = make_turns()
    folds = split_turns("random-utterance", rows)
    assert [fold.name for fold in folds] == [f"utterance-{number}" for number in range(1, 6)]
    labels = {row.id: row.label for row in rows}
    for fold in folds:
        assert Counter(labels[one] for one in fold.test) == {"ang": 4, "sad": 4}
        assert values(rows, fold.test, "dialogue") & values(rows, fold.train, "dialogue")
    assert folds != split_turns("random-utterance", rows, seed=1)


@pytest.mark.parametrize("protocol", WHOLE)
def test_a_missing_dialogue_is_an_error_with_the_fix(protocol):
    rows = make_turns()
    rows[5] = replace(rows[5], dialogue="")
    with pytest.raises(Mismatch) as caught:
        split_turns(protocol, rows)
    assert str(caught.value) == (
        "1 of 40 utterances have no dialogue, for example Ses01M_impro01_M1\n"
        "  expected: a dialogue for every utterance that the label scheme keeps\n"
        "  do: fill the column dialogue of the manifest, or use another protocol: cli list protocols"
    )


def test_dialogues_without_a_letter_are_an_error_with_the_fix():
    with pytest.raises(Mismatch) as caught:
        split_turns("dialogue-letter", make_turns(["Ses01F_impro01", "dia2_x", "dia1_x", "Ses01X_impro01", "Ses01F"]))
    assert str(caught.value) == (
        "4 of 5 dialogues have no session and letter in their name\n"
        "  expected: names as in IEMOCAP, such as Ses01F_impro01\n"
        "  got: Ses01F, Ses01X_impro01, dia1_x, …\n"
        "  do: --protocol dialogue-kfold, which splits dialogues of any name"
    )


FILL = "fill the column dialogue of the manifest, or use another protocol"


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ("dialogue-kfold", f"folds by dialogue needs at least two\n  got: Ses01F_impro01\n  do: {FILL}"),
        ("dialogue-holdout", f"holding out by dialogue needs at least two\n  got: Ses01F_impro01\n  do: {FILL}"),
        ("dialogue-letter", "leaving one letter out needs at least two\n  got: 01F\n  do: use another protocol"),
    ],
)
def test_a_single_dialogue_cannot_be_split(protocol, message):
    with pytest.raises(Mismatch, match=message):
        split_turns(protocol, make_turns(DIALOGUES[:1]))


def test_a_single_utterance_cannot_be_split_at_random():
    with pytest.raises(Mismatch, match="needs at least two\n  got: a\n  do: use another protocol"):
        split_turns("random-utterance", [Utterance("a", label="sad")])


def test_labels_too_rare_for_a_holdout_are_an_error():
    rows = [Utterance(f"u{n}{m}", label=f"rare{n}", dialogue=f"d{n}") for n in range(5) for m in range(2)]
    with pytest.raises(Mismatch, match="10 utterances cannot be split into 5 folds"):
        split_turns("dialogue-holdout", rows)
