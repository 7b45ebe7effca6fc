import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.folds import cut
from benchmarks.protocols import holdout
from featurestore import registry
from featurestore.errors import Mismatch
from featurestore.manifest import Utterance

PROTOCOLS = registry.names("protocols")
INDEPENDENT = [name for name in PROTOCOLS if registry.module("protocols", name).SPEAKER_INDEPENDENT]
BY_ORDER = {"paper-tail"}  # cut by the order of the manifest, and says so
SCHEME = {"ang": "angry", "hap": "happy", "exc": "happy", "sad": "sad"}  # leaves `xxx` and '' out


@st.composite
def manifests(draw):
    """Random corpora of 2 to 4 sessions with two speakers each, every class in each of them."""
    rows = []
    for session in range(1, draw(st.integers(2, 4)) + 1):
        for gender in "FM":
            extra = draw(st.lists(st.sampled_from([*SCHEME, "xxx", ""]), max_size=12))
            for label in [*SCHEME, *extra]:
                speaker = f"Ses{session:02}{gender}"
                name = f"{speaker}_{len(rows):03}"
                rows.append(Utterance(name, label=label, speaker=speaker, session=str(session)))
    return draw(st.permutations(rows))


def kept(utterances, scheme=SCHEME):
    return {row.id: scheme[row.label] for row in utterances if row.label in scheme}


def cut_or_skip(protocol, utterances, classes, seed=0):
    """The folds; a corpus that the protocol rightly refuses is not an example."""
    try:
        return cut(protocol, utterances, classes, seed)
    except Mismatch as refusal:
        assume("tests a class that it never trains on" not in str(refusal))
        raise


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(manifests(), st.integers(0, 3))
def test_folds_are_disjoint_complete_and_reproducible(protocol, utterances, seed):
    classes = kept(utterances)
    folds = cut_or_skip(protocol, utterances, classes, seed)
    for fold in folds:
        assert not set(fold.train) & set(fold.test)
        assert set(fold.train) | set(fold.test) == set(classes)
        assert len(fold.train) + len(fold.test) == len(classes)
    assert len({fold.name for fold in folds}) == len(folds)
    assert folds == cut(protocol, utterances, classes, seed)


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name not in BY_ORDER])
@given(manifests(), st.randoms(use_true_random=False))
def test_the_order_of_the_manifest_does_not_matter(protocol, utterances, random):
    def sets(rows):
        folds = cut_or_skip(protocol, rows, kept(rows))
        return [(fold.name, set(fold.train), set(fold.test)) for fold in folds]

    shuffled = list(utterances)
    random.shuffle(shuffled)
    assert sets(utterances) == sets(shuffled)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(manifests())
def test_ids_stay_in_manifest_order(protocol, utterances):
    place = {row.id: number for number, row in enumerate(utterances)}
    for fold in cut_or_skip(protocol, utterances, kept(utterances)):
        for ids in (fold.train, fold.test):
            assert list(ids) == sorted(ids, key=place.get)


@pytest.mark.parametrize("protocol", INDEPENDENT)
@given(manifests())
def test_speakers_are_apart_where_the_protocol_says_so(protocol, utterances):
    speaker = {row.id: row.speaker for row in utterances}
    for fold in cut(protocol, utterances, kept(utterances), 0):
        assert not {speaker[name] for name in fold.train} & {speaker[name] for name in fold.test}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_says_what_it_is(protocol):
    assert registry.summary("protocols", protocol)


@given(manifests(), st.integers(0, 3))
def test_holdout_is_the_same_under_every_scheme(utterances, seed):
    every = {row.id: row.label for row in utterances}
    (all_labels,), (four,) = holdout.folds(utterances, every, seed), holdout.folds(utterances, kept(utterances), seed)
    assert set(four.test) <= set(all_labels.test)
    assert set(four.train) <= set(all_labels.train)


def test_holdout_takes_a_fifth_of_each_label_and_the_seed_draws():
    utterances = [Utterance(f"{label}{number:03}", label=label) for label in SCHEME for number in range(50)]
    (first,), (second,) = (cut("holdout", utterances, kept(utterances), seed) for seed in (0, 1))
    assert first.name == "holdout"
    assert [sum(name.startswith(label) for name in first.test) for label in SCHEME] == [10] * 4
    assert first.test != second.test
    assert first.test[:5] == ("ang001", "ang015", "ang017", "ang020", "ang030")  # pinned: figures rest on it


def test_paper_tail_cuts_iemocap_as_the_paper_does():
    sizes = {"1": 1365, "2": 1348, "3": 1533, "4": 1512, "5": 1622}  # six-class turns by session, facts of the corpus
    utterances = [Utterance(f"{s}_{n:04}", label="sad", session=s) for s, size in sizes.items() for n in range(size)]
    (fold,) = cut("paper-tail", utterances, {row.id: "sad" for row in utterances})
    assert (fold.name, len(fold.train), len(fold.test)) == ("tail", 5904, 1476)
    assert {name[0] for name in fold.test} == {"5"}
    assert sum(name[0] == "5" for name in fold.train) == 146


def test_folds_are_named_after_their_group_in_natural_order():
    utterances = [
        Utterance(f"{session}{speaker}{number}", label="sad", session=session, speaker=speaker)
        for session, speaker in [("10", "Bo"), ("2", "Al"), ("1", "al10"), ("1", "al9")]
        for number in range(2)
    ]
    classes = {row.id: "sad" for row in utterances}
    assert [fold.name for fold in cut("leave-one-session-out", utterances, classes)] == ["1", "2", "10"]
    assert [fold.name for fold in cut("leave-one-speaker-out", utterances, classes)] == ["Al", "Bo", "al9", "al10"]


@pytest.mark.parametrize("column", ["session", "speaker"])
def test_a_missing_group_is_named_with_the_fix(column):
    utterances = [Utterance("a", label="sad", session="1", speaker="A"), Utterance("b", label="sad")]
    with pytest.raises(Mismatch) as caught:
        cut(f"leave-one-{column}-out", utterances, {"a": "sad", "b": "sad"})
    assert str(caught.value) == (
        f"1 of 2 utterances have no {column}, b among them\n"
        f"  expected: a {column} for every utterance that the label scheme keeps\n"
        f"  do: fill the column {column} of the manifest, or take another protocol: cli list protocols"
    )


@pytest.mark.parametrize("column", ["session", "speaker"])
def test_one_group_cannot_be_left_out(column):
    rows = [Utterance(name, label="sad", session="1", speaker="1") for name in "ab"]
    with pytest.raises(Mismatch, match=f"leaving one {column} out needs at least two\n  got: 1\n  do: fill the column"):
        cut(f"leave-one-{column}-out", rows, {"a": "sad", "b": "sad"})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_exports_two_names(protocol):
    module = registry.module("protocols", protocol)
    assert module.__all__ == ["SPEAKER_INDEPENDENT", "folds"]
    assert isinstance(module.SPEAKER_INDEPENDENT, bool)
