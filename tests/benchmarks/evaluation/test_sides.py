"""What a head is given of each side of a fold: its dialogues, frames and transcripts."""

import dataclasses

import numpy as np
import pytest

from benchmarks.evaluation.run import execute
from benchmarks.evaluation.run_spec import digest
from benchmarks.evaluation.sides import read_sides
from benchmarks.fitting.fit import fit_head
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from featurestore.errors import BadValue, Mismatch, NotFound, UnknownName
from featurestore.head_inputs import list_taken
from tests.support.fake_store import FakeStore, conversations
from tests.support.quick_heads import construct, quick_params

SESSIONS = "leave-one-session-out"


def planned(store=None, lines=None, heads=("bc-lstm",), **options):
    given = {"features": None, "protocol": SESSIONS, **options}
    return plan(
        store or FakeStore(conversations()),
        BenchmarkConfig.parse(heads, **given),
        ([] if lines is None else lines).append,
    )


def read(store, spec):
    return read_sides(store, spec, list_taken(construct(spec.head, **spec.params)))


def name_rows(store, inputs):
    """Return the id of each row, found by its vector."""
    known = {tuple(store.matrix(["audio.mean"], [row.id])[0][0]): row.id for row in store.utterances}
    return [known[tuple(row[: store.shape("audio.mean")[0]])] for row in inputs.X]


def test_turns_without_a_class_join_the_side_of_their_dialogue():
    store = FakeStore(conversations())
    spec = planned(store).specs[0]
    train, test, _ = read(store, spec)
    assert spec.context == "whole dialogue"
    for inputs, sessions in ((train, "23"), (test, "1")):
        ids = name_rows(store, inputs)
        assert set(ids) == {row.id for row in store.utterances if row.session in sessions}
        context = set(range(len(ids))) - set(inputs.targets.tolist())
        assert {one for one in ids if one.endswith("_none")} == {ids[row] for row in context}
    assert [name_rows(store, test)[row] for row in test.targets] == sorted(spec.fold.test)


def test_of_a_dialogue_that_is_cut_each_side_sees_its_own_turns_alone():
    store = FakeStore(conversations())
    spec = planned(store, protocol="leave-one-speaker-out").specs[0]
    train, test, _ = read(store, spec)
    speakers = {row.id: row.speaker for row in store.utterances}
    assert {speakers[one] for one in name_rows(store, test)} == {spec.fold.name}
    assert spec.fold.name not in {speakers[one] for one in name_rows(store, train)}
    cut = {row.dialogue for row in store.utterances if row.speaker == spec.fold.name}
    without = {row.id: row.dialogue for row in store.utterances if row.id.endswith("_none")}
    rows = [*name_rows(store, train), *name_rows(store, test)]
    assert {without[one] for one in rows if one in without} == set(without.values()) - cut


def test_positions_follow_the_order_of_the_dialogue():
    rows = [dataclasses.replace(row, start=float(-number)) for number, row in enumerate(conversations())]
    rows = [dataclasses.replace(row, start=row.start + 1000) for row in rows]
    store = FakeStore(tuple(rows))
    train, _, _ = read(store, planned(store).specs[0])
    ids = name_rows(store, train)
    place = {row.id: number for number, row in enumerate(rows)}
    for dialogue in set(train.turns.dialogue):
        turns = np.flatnonzero(train.turns.dialogue == dialogue)
        ordered = [place[ids[row]] for row in turns[np.argsort(train.turns.position[turns])]]
        assert ordered == sorted(ordered, reverse=True)


def test_the_order_of_turns_is_part_of_a_run_only_for_heads_that_read_dialogues():
    store = FakeStore(conversations())
    swapped = [dataclasses.replace(row, start=1000.0 - number) for number, row in enumerate(store.utterances)]
    other = FakeStore(tuple(swapped))
    for head, same in (("logistic", True), ("bc-lstm", False)):
        first, second = (digest(one, planned(one, heads=(head,)).specs[0], {}) for one in (store, other))
        assert (first == second) == same


def test_speakers_are_normalized_over_all_their_turns():
    store = FakeStore(conversations())
    train, test, _ = read(store, planned(store, normalize=("speaker",)).specs[0])
    for inputs in (train, test):
        for speaker in set(inputs.turns.speaker):
            np.testing.assert_allclose(inputs.X[inputs.turns.speaker == speaker].mean(0), 0, atol=1e-5)


def test_a_turn_without_a_dialogue_is_normalized_over_those_of_its_speaker():
    rows = tuple(
        dataclasses.replace(row, dialogue="" if number % 7 == 0 else row.dialogue)
        for number, row in enumerate(conversations())
    )
    store = FakeStore(rows)
    spec = planned(store, normalize=("speaker",)).specs[0]
    train, test, _ = read(store, spec)
    alone = {row.id for row in rows if not row.dialogue}
    assert alone & set(spec.training)
    for inputs in (train, test):
        for speaker in set(inputs.turns.speaker):
            np.testing.assert_allclose(inputs.X[inputs.turns.speaker == speaker].mean(0), 0, atol=1e-5)


def test_what_an_encoder_was_fine_tuned_on_is_part_of_a_run_for_context_turns_too():
    plain, tuned = (FakeStore(conversations(), tuned={"text": frozenset(ids)}) for ids in ((), ("Ses02F_none",)))
    for head, same in (("logistic", True), ("bc-lstm", False)):
        first, second = (digest(one, planned(one, heads=(head,)).specs[0], {}) for one in (plain, tuned))
        assert (first == second) == same


def test_a_learning_curve_of_a_context_head_reads_the_drawn_turns_alone():
    store = FakeStore(conversations())
    (spec,) = [one for one in planned(store, train_sizes=(0.5,), fold="1").specs if one.train_size < 1]
    train, _, _ = read(store, spec)
    labelled = {one for one in name_rows(store, train) if not one.endswith("_none")}
    assert labelled == set(spec.fold.train)


def test_a_search_gives_inner_folds_of_dialogues_to_a_context_head():
    found = fit_head(
        FakeStore(conversations()),
        head="bc-lstm",
        params=quick_params("bc-lstm", epochs=2),
        protocol=SESSIONS,
        search=2,
    )
    assert found.searched.bundle.keys() == {"weight_decay"}


@pytest.mark.parametrize(("head", "given"), [("bc-lstm", {}), ("text-cnn", {"embedding": "own"})])
def test_a_bundle_is_fitted_on_everything_around_the_turns_that_a_fold_leaves_out(monkeypatch, head, given):
    """Leave some turns out of training in each fold, as `script-disjoint` does with copies of test utterances."""
    rows = tuple(
        dataclasses.replace(row, script=str(number % 7), text="I am sad." if number % 5 == 0 else f"Turn {number**3}.")
        for number, row in enumerate(conversations())
    )
    specs = []
    monkeypatch.setattr(
        "benchmarks.fitting.fit.execute",
        lambda store, spec, *changes: specs.append(spec) or execute(store, spec, *changes),
    )
    monkeypatch.setattr("benchmarks.fitting.fit.run_each", lambda run, tasks: [run(*task) for task in tasks])
    params = quick_params(head, epochs=1, **given)
    fit_head(FakeStore(rows), head=head, params=params, protocol="script-disjoint")
    first, last = specs[0], specs[-1]
    assert first.fold.unused
    assert set(last.training) > {*first.training, *first.fold.test}
    around = last.surroundings.turns or last.surroundings.words
    assert set(around) >= set(last.training)


@pytest.mark.parametrize(
    ("head", "features", "message"),
    [
        (
            "svm",
            "audio.frames",
            r"head svm reads one vector of an utterance, not all of its frames \(features",
        ),
        (
            "attention",
            "audio.mean",
            r"head attention reads frames, and these are none .*\n  do: .*ENCODER.frames",
        ),
        (
            "mdre",
            "text",
            r"head mdre needs audio and text, and there is no audio .*\n  do: .* audio.frames and text.frames$",
        ),
        ("text-cnn", "audio", "head text-cnn reads frames, and the set 'audio' is not of text alone"),
    ],
)
def test_features_that_a_head_cannot_read_are_refused(head, features, message):
    with pytest.raises(Mismatch, match=message):
        planned(heads=(head,), features=features)


def test_of_several_sets_those_that_a_head_cannot_read_are_left_out_and_named():
    lines = []
    found = planned(None, lines, heads=("logistic", "attention"), features="audio.mean,audio.frames,both")
    assert list(dict.fromkeys(spec.system for spec in found.specs)) == [
        "logistic on audio.mean",
        "logistic on both",
        "attention on audio.frames",
        "attention on both frames",
    ]
    assert [line for line in lines if line.startswith("left out")] == [
        "left out: head logistic reads one vector of an utterance, not all of its frames (features audio.frames)",
        "left out: head attention reads frames, and these are none (features audio.mean)",
    ]


@pytest.fixture
def vectors_only(monkeypatch):
    """Return the descriptions of the encoders of a store without frames and layers: one by hand, and a network."""
    described = {
        "audio": {"class": "egemaps", "checkpoint": "eGeMAPSv02"},
        "text": {"class": "hf-text", "checkpoint": "models/text"},
    }
    monkeypatch.setattr(FakeStore, "kinds", lambda self, encoder: ["mean"])
    monkeypatch.setattr(FakeStore, "describe", lambda self, encoder: described[encoder])
    return described


def test_a_baseline_reads_whatever_there_is():
    found = planned(heads=("prior",), features="audio.frames,audio.layers,audio.mean")
    result = execute(FakeStore(conversations()), found.specs[0])
    assert {spec.feature_set for spec in found.specs} == {"audio.frames", "audio.layers", "audio.mean"}
    np.testing.assert_allclose(result.answers[0].probabilities, 1 / 3)


def test_a_head_of_one_modality_is_in_no_system_that_is_called_by_both():
    lines = []
    found = planned(None, lines, heads=("text-cnn", "mdre"), features="text,both")
    assert {spec.system for spec in found.specs} == {"text-cnn on text frames", "mdre on both frames"}
    assert "left out: head text-cnn reads frames, and the set 'both' is not of text alone" in lines


def test_a_store_without_frames_names_the_command(vectors_only):
    command = "do: cli extract --store nowhere --encoder audio=egemaps --encoder text=models/text --frames$"
    with pytest.raises(NotFound, match=f"has no frames of any encoder\n.*\n.*\n  {command}"):
        planned(heads=("attention",))


def test_frames_that_are_asked_for_and_not_stored_name_the_command(vectors_only):
    command = "do: cli extract --store nowhere --encoder text=models/text --frames$"
    with pytest.raises(UnknownName, match=f"unknown feature 'text.frames'\n.*\n  {command}"):
        planned(heads=("attention",), features="text.frames")


def test_encoders_that_cannot_give_layers_are_left_out_of_the_command(vectors_only):
    with pytest.raises(NotFound, match="do: cli extract --store nowhere --encoder text=models/text --layers$"):
        planned(heads=("layers",))
    vectors_only["text"] = vectors_only["audio"]
    with pytest.raises(NotFound, match="do: extract an encoder that has layers"):
        planned(heads=("layers",))


def test_a_ready_set_without_the_kind_that_a_head_reads_is_left_out(monkeypatch):
    kinds = {"audio": ["mean"], "text": ["mean", "layers"]}
    monkeypatch.setattr(FakeStore, "kinds", lambda self, encoder: kinds[encoder])
    lines = []
    found = planned(None, lines, heads=("logistic", "layers"), features="text,audio")
    assert {spec.system for spec in found.specs} == {
        "logistic on text",
        "logistic on audio",
        "layers on text layers",
    }
    assert [line for line in lines if line.startswith("left out")] == [
        "left out: head layers reads layers, and the store has no feature for the set 'audio'"
    ]


def test_a_modality_that_a_store_lacks_is_to_be_extracted(monkeypatch):
    monkeypatch.setattr(FakeStore, "modality", lambda self, encoder: "audio")
    with pytest.raises(
        Mismatch, match="there is no text .*\n  do: extract an encoder of text: cli extract --store now"
    ):
        planned(heads=("emocaps",))


def test_frames_are_not_normalized():
    with pytest.raises(BadValue, match="audio.frames cannot be normalized\n  expected: --normalize none"):
        planned(heads=("attention",), normalize=("global",))


def test_a_corpus_without_dialogues_is_refused_by_a_head_that_reads_them():
    rows = tuple(dataclasses.replace(row, dialogue="") for row in conversations())
    with pytest.raises(Mismatch, match="head bc-lstm reads dialogues, and no utterance of fake names one\n  expected"):
        planned(FakeStore(rows))


def test_an_ambiguous_order_is_refused_only_by_a_head_that_reads_dialogues():
    rows = tuple(dataclasses.replace(row, start=1.0, end=2.0) for row in conversations())
    planned(FakeStore(rows), heads=("logistic",))
    with pytest.raises(Mismatch, match="ambiguous"):
        planned(FakeStore(rows))


def test_a_corpus_without_transcripts_is_refused_by_a_head_that_reads_them():
    rows = tuple(dataclasses.replace(row, text="") for row in conversations())
    with pytest.raises(Mismatch, match="head text-cnn reads transcripts, and no utterance has one"):
        planned(FakeStore(rows), heads=("text-cnn",), params=("text-cnn.embedding=own",))


def test_a_head_that_reads_transcripts_alone_needs_no_feature():
    found = planned(heads=("text-cnn",), params=("text-cnn.embedding=own",))
    assert {spec.system for spec in found.specs} == {"text-cnn on transcripts"}
    assert found.dropped == {}
    lines = []
    planned(None, lines, heads=("text-cnn",), params=("text-cnn.embedding=own",), features="audio")
    assert "left out: head text-cnn reads the words of transcripts and no features (features audio)" in lines
    train, _, _ = read(FakeStore(conversations()), found.specs[0])
    assert train.X.shape == (48, 0)
    assert set(train.words) == {"I am ang.", "I am hap.", "I am sad."}
