import dataclasses
from itertools import chain

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from featurestore import registry
from featurestore.errors import Mismatch
from featurestore.folds import near_copies
from featurestore.folds.fold import cut, digest, from_json, to_json
from featurestore.manifest import Utterance
from featurestore.protocols import cross_corpus, holdout

PROTOCOLS = registry.names("protocols")
INDEPENDENT = [name for name in PROTOCOLS if registry.module("protocols", name).SPEAKER_INDEPENDENT]
BY_ORDER = {"paper-tail"}  # cut by the order of the manifest, and says so
quick = settings(max_examples=20, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
TEXTS = ["Yes.", "yes", "", "I told you not to go", "He told you: not to go!", "We lost the letter again today", "Oh."]
REFUSALS = (
    "tests a class that it never trains on",
    "is empty",
    "cannot be cut into",
    "no dev part",
    "folds by script needs",
    "neither script",
)
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
                script = f"script{len(rows) % 5}"
                script = draw(st.sampled_from([script, script, script, ""]))
                # Most texts are nobody else's, or every script would share one with every other; and an utterance
                # that has neither is refused, which would leave hardly an example.
                own = f"Line {len(rows)}"
                text = draw(st.sampled_from([own] * 9 + [text for text in TEXTS if text or script]))
                partition = "test" if session == 1 else draw(st.sampled_from(["train", "train", "dev"]))
                rows.append(
                    Utterance(
                        name,
                        text=text,
                        label=label,
                        speaker=speaker,
                        session=str(session),
                        script=script,
                        partition=partition,
                    )
                )
    return draw(st.permutations(rows))


def suited(protocol, utterances):
    """The manifest as the protocol wants it: a pair of stores says whose an utterance is in its partition."""
    if protocol != "cross-corpus":
        return utterances
    sides = {"test": cross_corpus.TESTED}
    return [dataclasses.replace(row, partition=sides.get(row.partition, cross_corpus.TRAINED)) for row in utterances]


def kept(utterances, scheme=SCHEME):
    return {row.id: scheme[row.label] for row in utterances if row.label in scheme}


def cut_or_skip(protocol, utterances, classes, seed=0, **options):
    """The folds; a corpus that the protocol rightly refuses is not an example."""
    try:
        return cut(protocol, suited(protocol, utterances), classes, seed, **options)
    except Mismatch as refusal:
        assume(not any(text in str(refusal) for text in REFUSALS))
        raise


@pytest.mark.parametrize("dev", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@quick
@given(utterances=manifests(), seed=st.integers(0, 3))
def test_folds_are_disjoint_complete_and_reproducible(protocol, dev, utterances, seed):
    classes = kept(utterances)
    folds = cut_or_skip(protocol, utterances, classes, seed, dev=dev)
    partial = getattr(registry.module("protocols", protocol), "PARTIAL", False)
    for fold in folds:
        ids = [*fold.train, *fold.dev, *fold.test, *fold.unused]
        assert len(ids) == len(set(ids))
        assert set(ids) == set(classes) or partial
        assert bool(fold.dev) == dev or partial
    assert len({fold.name for fold in folds}) == len(folds)
    assert folds == cut_or_skip(protocol, utterances, classes, seed, dev=dev)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@quick
@given(manifests())
def test_dev_is_cut_by_the_same_grouping_and_leaves_every_class(protocol, utterances):
    classes, group = kept(utterances), registry.module("protocols", protocol).groups(utterances)
    if protocol == "official":
        utterances = [dataclasses.replace(row, partition=row.partition.replace("dev", "train")) for row in utterances]
    for plain, fold in zip(
        cut_or_skip(protocol, utterances, classes),
        cut_or_skip(protocol, utterances, classes, dev=True),
        strict=True,
    ):
        assert set(fold.train) | set(fold.dev) == set(plain.train)
        assert set(chain(*fold.turns)) <= set(fold.train)
        parts = [set(fold.dev), *map(set, fold.turns)]
        assert sum(map(len, parts)) == len(set().union(*parts))
        assert all(parts)
        for part in parts:
            others = set(plain.train) - part
            assert not {group[name] for name in others} & {group[name] for name in part}
            assert {classes[name] for name in others} == {classes[name] for name in plain.train}


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name not in BY_ORDER])
@quick
@given(manifests(), st.randoms(use_true_random=False))
def test_the_order_of_the_manifest_does_not_matter(protocol, utterances, random):
    def sets(rows):
        folds = cut_or_skip(protocol, rows, kept(rows))
        return [(fold.name, set(fold.train), set(fold.test)) for fold in folds]

    shuffled = list(utterances)
    random.shuffle(shuffled)
    assert sets(utterances) == sets(shuffled)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@quick
@given(manifests())
def test_ids_stay_in_manifest_order(protocol, utterances):
    place = {row.id: number for number, row in enumerate(utterances)}
    for fold in cut_or_skip(protocol, utterances, kept(utterances)):
        for ids in (fold.train, fold.test):
            assert list(ids) == sorted(ids, key=place.get)


@pytest.mark.parametrize("protocol", INDEPENDENT)
@quick
@given(manifests())
def test_speakers_are_apart_where_the_protocol_says_so(protocol, utterances):
    speaker = {row.id: row.speaker for row in utterances}
    for fold in cut_or_skip(protocol, utterances, kept(utterances)):
        assert not {speaker[name] for name in fold.train} & {speaker[name] for name in fold.test}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_says_what_it_is(protocol):
    assert registry.summary("protocols", protocol)


@quick
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
def test_a_protocol_exports_three_names(protocol):
    module = registry.module("protocols", protocol)
    assert module.__all__ == ["SPEAKER_INDEPENDENT", "folds", "groups"]
    assert isinstance(module.SPEAKER_INDEPENDENT, bool)


@quick
@given(manifests())
def test_no_script_and_no_text_is_shared_where_the_protocol_says_so(utterances):
    rows = {row.id: row for row in utterances}
    for fold in cut_or_skip("script-disjoint", utterances, kept(utterances)):
        train, test = ([rows[name] for name in part] for part in (fold.train, fold.test))
        assert not {row.script for row in train} & {row.script for row in test} - {""}
        assert not (
            {near_copies.normalised(row.text) for row in train} & {near_copies.normalised(row.text) for row in test}
        ) - {""}
        near = {"i told you not to go", "he told you not to go"}
        assert not all(near & {near_copies.normalised(row.text) for row in part} for part in (train, test))


def test_without_scripts_texts_that_a_chain_of_copies_links_stay_together():
    texts = {"a": "I told you not to go", "b": "he told you not to go", "c": "he told you not to stay", "d": "Oh no"}
    assert near_copies.components(texts) == {
        "a": "he told you not to go",
        "b": "he told you not to go",
        "c": "he told you not to go",
        "d": "oh no",
    }
    rows = [Utterance(f"{name}{n}", text=text, label="sad") for name, text in texts.items() for n in range(2)]
    folds = cut("script-disjoint", rows, {row.id: "sad" for row in rows})
    assert sorted(fold.test for fold in folds) == [("a0", "a1", "b0", "b1", "c0", "c1"), ("d0", "d1")]
    assert all(not fold.unused for fold in folds)


def test_a_phrase_of_several_scripts_is_left_out_of_training():
    rows = [
        Utterance(f"{script}{number}", text=text, label="sad", script=script)
        for script in "AB"
        for number, text in enumerate(["Yes!", f"Only {script}"])
    ]
    first, second = cut("script-disjoint", rows, {row.id: "sad" for row in rows})
    assert {first.unused, second.unused} == {("A0",), ("B0",)}


def test_neither_script_nor_text_is_said():
    with pytest.raises(Mismatch, match="1 of 1 utterances have neither script nor text, a among them\n  do: fill"):
        cut("script-disjoint", [Utterance("a", label="sad")], {"a": "sad"})


def test_official_partitions_are_taken_as_they_are():
    sides = ["Train", "Train", "Development", "Test1", "Test2"]
    rows = [Utterance(f"u{number}", label="sad", partition=side) for number, side in enumerate(sides)]
    classes = {row.id: "sad" for row in rows}
    assert [(f.name, f.train, f.dev, f.test) for f in cut("official", rows, classes)] == [
        ("test1", ("u0", "u1"), ("u2",), ("u3",)),
        ("test2", ("u0", "u1"), ("u2",), ("u4",)),
    ]


@pytest.mark.parametrize(
    ("partition", "message"),
    [("", "1 of 1 utterances have no partition, a among them"), ("odd", "are not training, dev and test\n  expected")],
)
def test_partitions_that_say_nothing_are_refused(partition, message):
    with pytest.raises(Mismatch, match=message):
        cut("official", [Utterance("a", label="sad", partition=partition)], {"a": "sad"})


def test_cross_corpus_wants_two_stores():
    with pytest.raises(Mismatch) as caught:
        cut("cross-corpus", [Utterance("a", label="sad")], {"a": "sad"})
    assert str(caught.value) == (
        "protocol cross-corpus needs two stores\n"
        "  do: cli benchmark --store TRAINED --test-store TESTED --protocol cross-corpus"
    )


def test_speaker_kfold_makes_five_folds_of_whole_speakers():
    rows = [Utterance(f"{s}-{n}", label="sad", speaker=f"S{s}") for s in range(12) for n in range(3)]
    folds = cut("speaker-kfold", rows, {row.id: "sad" for row in rows})
    assert [fold.name for fold in folds] == [f"speaker-{number}" for number in range(1, 6)]
    assert sorted(len(fold.test) // 3 for fold in folds) == [2, 2, 2, 3, 3]


def test_folds_come_back_from_disk_and_a_change_is_noticed():
    rows = [Utterance(f"{s}-{n}", label="sad", speaker=f"S{s}") for s in range(3) for n in range(3)]
    folds = cut("speaker-kfold", rows, {row.id: "sad" for row in rows}, dev=True)
    content = to_json(folds)
    assert from_json(content) == folds
    assert digest(folds) != digest(folds[1:])
    content["folds"][0]["train"] = content["folds"][0]["train"][1:]
    with pytest.raises(Mismatch, match="the folds were changed after they were written"):
        from_json(content)


def test_a_dev_part_that_cannot_be_cut_is_said():
    rows = [Utterance(f"{s}-{n}", label="sad", speaker=f"S{s}") for s in range(2) for n in range(3)]
    with pytest.raises(
        Mismatch, match="no dev part can be cut from the training part of fold speaker-1\n  expected: two"
    ):
        cut("speaker-kfold", rows, {row.id: "sad" for row in rows}, dev=True)
