"""Runs that keep utterances which lack a modality: what they read, learn and predict, against plain computation."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.evaluation.hidden_modality import HiddenModality, count_lacking, hide, list_lacking
from benchmarks.evaluation.run import execute
from benchmarks.evaluation.run_spec import digest
from benchmarks.evaluation.sides import read_sides
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from featurestore import registry
from featurestore.errors import BadValue, Mismatch
from heads import Block, Inputs
from tests.support.fake_store import FakeStore, conversations, corpus
from tests.support.quick_heads import quick_params

IDS = [row.id for row in corpus() if row.label]
WITHOUT = {"text": dict.fromkeys(IDS[1::5], "no transcript"), "audio": dict.fromkeys(IDS[3::7], "no audio file")}
NONE = sorted(set(WITHOUT["text"]) & set(WITHOUT["audio"]))


def open_store(rows=None, **options):
    return FakeStore(rows or corpus(), lacking=WITHOUT, **options)


def planned(store=None, lines=None, heads=("logistic",), **options):
    given_options = {"features": "both", "protocol": "leave-one-session-out", "missing": ("mask",), **options}
    config = BenchmarkConfig.parse(heads, **given_options)
    return plan(store or open_store(), config, ([] if lines is None else lines).append)


def read(store, spec, *, streamed=False):
    return read_sides(store, spec, frozenset(), streamed=streamed)


def test_utterances_that_lack_a_modality_stay_and_those_without_any_are_named():
    lines = []
    found = planned(lines=lines)
    assert found.dropped == dict.fromkeys(NONE, "no audio file")
    tested = [one for fold in found.folds for one in fold.test]
    assert sorted(tested) == sorted(set(IDS) - set(NONE))
    assert lines[1].startswith(f"{len(NONE)} of {len(IDS)} utterances have no features and are left out: {NONE[0]} (")
    counts = {name: len(set(ids) - set(NONE)) for name, ids in WITHOUT.items()}
    assert {name: len(ids) for name, ids in found.lacking.items()} == counts
    for name, why in (("audio", "no audio file"), ("text", "no transcript")):
        first = next(one for one in IDS if one in WITHOUT[name] and one not in NONE)
        assert any(
            line.startswith(f"{counts[name]} of {len(IDS)} utterances lack {name} and stay: {first} ({why}), ")
            for line in lines
        )
    dropping = planned(missing=("drop",))
    assert dropping.dropped.keys() == WITHOUT["text"].keys() | WITHOUT["audio"].keys()
    assert "missing" not in dropping.describe_data()
    assert found.describe_data()["missing"]["lacking"] == found.lacking


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("normalize", ["none", "global", "speaker"])
def test_what_is_there_is_read_and_normalized_by_the_rows_that_have_it(normalize, streamed):
    store, full = open_store(), FakeStore()
    spec = planned(store, normalize=(normalize,)).specs[0]
    train, test, scaling = read(store, spec, streamed=streamed)
    X = {
        side: full.matrix(spec.features, ids)[0] for side, ids in (("a", spec.training), ("b", sorted(spec.fold.test)))
    }
    speakers = {row.id: row.speaker for row in full.utterances}
    for modality, columns in (("audio", slice(0, 6)), ("text", slice(6, 13))):
        ids = {"a": spec.training, "b": sorted(spec.fold.test)}
        there = {side: np.array([one not in WITHOUT[modality] for one in own]) for side, own in ids.items()}
        expected = {side: X[side][there[side], columns].astype(np.float64) for side in ids}
        if normalize == "global":
            mean, scale = expected["a"].mean(0), expected["a"].std(0)
            expected = {side: (values - mean) / scale for side, values in expected.items()}
            np.testing.assert_allclose(scaling.mean[columns], mean, rtol=1e-4, atol=1e-6)
        if normalize == "speaker":  # no speaker is on both sides
            for side, own in ids.items():
                names = np.array([speakers[one] for one in own])[there[side]]
                for name in set(names):
                    rows = expected[side][names == name]
                    expected[side][names == name] = (rows - rows.mean(0)) / rows.std(0)
        for side, inputs in (("a", train), ("b", test)):
            assert np.array_equal(inputs.present[modality], there[side])
            np.testing.assert_allclose(inputs.X[:][there[side], columns], expected[side], rtol=1e-4, atol=1e-4)
            assert not inputs.X[:][~there[side], columns].any() or normalize == "none"


def test_a_masked_run_is_the_head_on_filled_columns_and_indicators():
    store, full = open_store(), FakeStore()
    found = planned(store)
    spec = found.specs[0]
    result = execute(store, spec, (None, HiddenModality("audio", 1.0)))
    sides = []
    fill = np.zeros(13)
    for ids in (spec.training, sorted(spec.fold.test)):
        X = full.matrix(spec.features, ids)[0].astype(np.float64)
        there = np.column_stack([[one not in WITHOUT[name] for one in ids] for name in ("audio", "text")])
        columns = np.repeat(there, [6, 7], axis=1)
        fill = fill if sides else np.array([X[columns[:, column], column].mean() for column in range(13)])
        sides.append((X, there, columns))

    def show(X, there, columns):
        return np.column_stack([np.where(columns, X, fill), there])

    head = registry.load("heads", "logistic")()
    head.fit(show(*sides[0]), [spec.classes[one] for one in spec.training])
    X, there, columns = sides[1]
    np.testing.assert_allclose(result.answers[0].probabilities, head.predict_proba(show(*sides[1])), atol=1e-5)
    there = there.copy()
    there[there.all(axis=1), 0] = False
    hidden = head.predict_proba(show(X, there, np.repeat(there, [6, 7], axis=1)))
    np.testing.assert_allclose(result.answers[1].probabilities, hidden, atol=1e-5)
    tested = set(spec.fold.test)
    lacking = {name: len(tested & set(ids)) for name, ids in WITHOUT.items()}
    complete = len(tested) - sum(lacking.values())
    assert result.answers[0].lacking == {"complete": complete, **dict(sorted(lacking.items()))}
    assert result.answers[1].lacking == {"audio": lacking["audio"] + complete, "text": lacking["text"]}
    assert result.params == registry.load("heads", "logistic")().get_params()


@st.composite
def incomplete(draw):
    count = draw(st.integers(1, 30))
    absent = draw(st.lists(st.sampled_from(["", "audio", "text"]), min_size=count, max_size=count))
    present = {name: np.array([one != name for one in absent]) for name in ("audio", "text")}
    blocks = (Block("audio.mean", "audio", (1,)), Block("text.mean", "text", (1,)))
    return Inputs(np.zeros((count, 2)), blocks, present=present)


@given(incomplete(), st.floats(0.05, 1), st.floats(0.05, 1), st.sampled_from(["audio", "text"]), st.integers(0, 3))
def test_a_share_of_the_complete_utterances_loses_a_modality(inputs, one, other, modality, seed):
    ids = [f"u{row}" for row in range(len(inputs))]
    small, large = (hide(inputs, HiddenModality(modality, share), ids, "1", seed) for share in sorted((one, other)))
    complete = count_lacking(inputs).get("complete", 0)
    for share, found in ((min(one, other), small), (max(one, other), large)):
        assert complete - count_lacking(found).get("complete", 0) == round(share * complete)
        for before, after in zip(list_lacking(inputs), list_lacking(found), strict=True):
            assert after == before or (before, after) == ("", modality)
    assert not (small.present[modality] < large.present[modality]).any()
    order = np.random.default_rng(seed).permutation(len(ids))
    again = hide(inputs.select(order), HiddenModality(modality, one), [ids[row] for row in order], "1", seed)
    first = hide(inputs, HiddenModality(modality, one), ids, "1", seed)
    assert list_lacking(again) == [list_lacking(first)[row] for row in order]


def test_every_share_is_a_run_of_its_own_with_the_same_fit():
    store = open_store()
    found = planned(store, missing=("mask", "both-trained"), seeds=(0, 1), features="text,both")
    both = [spec for spec in found.specs if spec.feature_set == "both" and spec.fold.name == "1"]
    systems = {(spec.system, spec.seed) for spec in both}
    assert systems == {
        ("logistic on both, missing mask", 0),
        *(("logistic on both, missing both-trained", seed) for seed in (0, 1)),
    }
    hidden = [str(spec.hidden) for spec in both if spec.missing.mode == "mask"]
    shares = [f"{share} % without {name}" for name in ("text", "audio") for share in (20, 50, 80, 100)]
    assert hidden == ["None", *shares]
    assert not any(spec.hidden for spec in found.specs if spec.feature_set == "text")
    digests = [digest(store, spec, {}) for spec in both]
    assert len(set(digests)) == len(digests)


def test_a_run_that_drops_has_the_digest_of_earlier_versions(monkeypatch):
    contents = []
    real = json.dumps
    monkeypatch.setattr(json, "dumps", lambda content, **options: contents.append(content) or real(content, **options))
    for missing in ("drop", "mask"):
        digest(open_store(), planned(missing=(missing,)).specs[1], {})
    assert {"missing", "hidden"} & contents[0].keys() == set()
    assert contents[1]["missing"] == ["mask", 0.0]
    assert contents[1]["hidden"] == ["text", 0.2]


@pytest.mark.parametrize("head", ["bc-lstm", "attention", "layers", "sklearn.naive_bayes.GaussianNB"])
def test_heads_of_every_kind_are_run_and_searched(head):
    features = {"attention": "both", "layers": "audio.layers+text.mean"}.get(head, "audio.mean+text.mean")
    params = quick_params(head)
    if "epochs" in params:
        params |= {"epochs": 1}
    found = planned(
        open_store(conversations()),
        heads=(head,),
        features=features,
        missing=("both-trained",),
        search=0 if "." in head else 1,
        inner_folds=1,
    )
    spec = dataclasses.replace(found.specs[0], params=params | found.specs[0].params)
    (plain, hidden) = execute(open_store(conversations()), spec, (None, HiddenModality("text", 1.0))).answers
    assert "complete" in plain.lacking
    assert "complete" not in hidden.lacking
    assert not np.allclose(plain.probabilities, hidden.probabilities, atol=1e-7)


def test_turns_that_lack_a_modality_are_context_too():
    rows = tuple(row for row in conversations())
    context = [row.id for row in rows if not row.label]
    store = FakeStore(rows, lacking={"text": dict.fromkeys(context, "no transcript")})
    masked, dropping = (
        planned(store, heads=("bc-lstm",), features="audio.mean+text.mean", missing=(missing,)).specs[0]
        for missing in ("mask", "drop")
    )
    assert set(masked.surroundings.context_ids) == set(context)
    assert dropping.surroundings.context_ids == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"missing": ("keep",)}, "unknown value 'keep' of --missing\n  expected: drop, mask, both-trained"),
        ({"missing": ("drop", "mask")}, "--missing drop cannot be compared with others: they test utterances that"),
        ({"missing": ("both-trained",), "modality_dropout": 0.0}, "invalid rate of modality dropout 0\n"),
        ({"modality_dropout": 0.3}, "--modality-dropout is a setting of --missing both-trained\n  got: --missing mask"),
        (
            {"flaws": True},
            "--flaws compares complete utterances\n  got: --missing mask\n  do: leave one of the two out",
        ),
        (
            {"features": "text,audio"},
            "no modality can be masked: no feature set has both text and audio\n  got: text, au",
        ),
        (
            {"heads": ("text-cnn",), "params": ["text-cnn.embedding=own"], "features": None},
            "head text-cnn cannot be masked: it reads the words of transcripts, and nothing stands in for them\n",
        ),
    ],
)
def test_what_cannot_be_masked_is_refused(options, message):
    with pytest.raises(BadValue) as caught:
        planned(FakeStore(conversations()), **options)
    assert message in str(caught.value)


def test_a_fold_without_a_modality_in_training_is_refused():
    store = FakeStore(lacking={"text": {row.id: "no transcript" for row in corpus() if row.session != "1"}})
    with pytest.raises(Mismatch, match="fold 1: no training utterance has text\n  do: extract its features"):
        planned(store)
