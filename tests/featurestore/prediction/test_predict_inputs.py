"""Prediction with heads that take more than a matrix, against the head on stored features."""

import csv
import dataclasses

import numpy as np
import pytest

from benchmarks.evaluation.fold_features import FoldFeatures
from benchmarks.fitting.fit import fit_and_save
from featurestore.errors import BadValue, Mismatch
from featurestore.extraction.extract import extract_encoder
from featurestore.head_inputs import make_turns, place_turns
from featurestore.prediction import bundle as bundles
from featurestore.prediction.predict import predict
from featurestore.spec import EncoderSpec, parse_feature
from featurestore.store import Store
from tests.support import tiny
from tests.support.quick_heads import quick_params

TURNS = 6


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store of five dialogues of two speakers, the last turn of each without a label."""
    folder = tmp_path_factory.mktemp("dialogues")
    rows = [
        dataclasses.replace(
            row,
            dialogue=f"d{number // TURNS}",
            speaker=f"{number // TURNS}{'AB'[number % 2]}",
            label="" if number % TURNS == TURNS - 1 else row.label,
        )
        for number, row in enumerate(tiny.utterances(30, folder / "corpus"))
    ]
    made = tiny.store(folder / "store", rows, folder / "corpus")
    for family, name in (("wav2vec2-group", "audio"), ("deberta-v2", "text")):
        spec = EncoderSpec(name, str(tiny.checkpoint(family, folder / name)))
        extract_encoder(made, spec, optional=["frames", "layers"], jobs=1, device="cpu")
    return Store(made.path)


def fit(store, folder, head, features=None, **params):
    given = [f"{name}={value}" for name, value in quick_params(head, epochs=3).items()]
    given += [f"{name}={value}" for name, value in params.items()]
    fit_and_save(store, head=head, params=given, features=features, out=folder / "bundle")
    return bundles.load(folder / "bundle")


def expect(store, bundle, ids):
    """Return the probabilities that the bundle's head gives to stored features of some utterances."""
    specs = tuple(map(parse_feature, bundle.features))
    words = {row.id: row.text for row in store.utterances}
    inputs = dataclasses.replace(
        FoldFeatures(specs, specs).read(store, ids),
        turns=make_turns(ids, place_turns(store.utterances)),
        words=tuple(words[one] for one in ids),
    )
    return bundle.head.predict_proba(inputs)


def write_table(store, path, rows, columns=("id", "audio", "text", "dialogue", "speaker")):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            absolute = dataclasses.replace(row, audio=str(store.root / row.audio))
            writer.writerow([getattr(absolute, column) for column in columns])
    return path


def probabilities(found):
    assert not any(one.reason for one in found)
    return [list(one.probabilities.values()) for one in found]


@pytest.mark.parametrize(
    ("head", "features"),
    [("attention", None), ("attention", "audio.frames"), ("mdre", None), ("bc-lstm", "audio.mean,text.layers")],
)
def test_a_table_is_predicted_as_from_stored_features(store, tmp_path, head, features):
    bundle = fit(store, tmp_path, head, features)
    table = write_table(store, tmp_path / "t.csv", store.utterances)
    found = predict(tmp_path / "bundle", table=table)
    ids = [row.id for row in store.utterances]
    assert [one.id for one in found] == ids
    np.testing.assert_allclose(probabilities(found), expect(store, bundle, ids), atol=1e-4)


def test_dialogues_are_told_apart_by_their_column_and_not_by_the_order_of_the_rows(store, tmp_path):
    bundle = fit(store, tmp_path, "bc-lstm", "audio.mean")
    mixed = sorted(store.utterances, key=lambda row: (int(row.id[-2:]) % TURNS, row.dialogue))
    found = predict(tmp_path / "bundle", table=write_table(store, tmp_path / "t.csv", mixed))
    ids = [row.id for row in mixed]
    np.testing.assert_allclose(probabilities(found), expect(store, bundle, ids), atol=1e-4)
    alone = [expect(store, bundle, [one])[0] for one in ids]
    assert np.abs(np.array(alone) - probabilities(found)).max() > 1e-3  # context matters


def test_a_single_utterance_is_predicted_alone_and_it_is_said(store, tmp_path):
    bundle = fit(store, tmp_path, "bc-lstm", "audio.mean")
    row, lines = store.utterances[3], []
    found = predict(tmp_path / "bundle", audio=store.root / row.audio, say=lines.append)
    np.testing.assert_allclose(probabilities(found), expect(store, bundle, [row.id]), atol=1e-4)
    (line,) = lines
    assert line.startswith("no context: this bundle reads the turns around an utterance, and it is predicted alone")


def test_rows_without_a_dialogue_are_predicted_alone_and_counted(store, tmp_path):
    bundle = fit(store, tmp_path, "bc-lstm", "audio.mean")
    rows = [dataclasses.replace(row, dialogue="") if number < 2 else row for number, row in enumerate(store.utterances)]
    lines = []
    rows.append(dataclasses.replace(rows[-1], id="late", start="soon"))  # a row that cannot be read
    columns = ("id", "audio", "text", "dialogue", "speaker", "start")
    found = predict(tmp_path / "bundle", table=write_table(store, tmp_path / "t.csv", rows, columns), say=lines.append)
    assert found.pop().reason.startswith("the row ")
    assert "no context for 2 of 31 rows: they name no dialogue, and each is predicted alone" in lines
    np.testing.assert_allclose(probabilities(found)[:1], expect(store, bundle, [rows[0].id]), atol=1e-4)


def test_a_table_without_dialogues_is_refused_by_a_head_that_reads_them(store, tmp_path):
    fit(store, tmp_path, "bc-lstm", "audio.mean")
    table = write_table(store, tmp_path / "t.csv", store.utterances, ("id", "audio"))
    with pytest.raises(BadValue, match="reads dialogues, and no row of .* names one\n.*\n  do: .*--column dialogue="):
        predict(tmp_path / "bundle", table=table)


def test_an_ambiguous_order_is_refused(store, tmp_path):
    fit(store, tmp_path, "bc-lstm", "text.mean")
    rows = [dataclasses.replace(row, start=1.0, end=2.0, audio="") for row in store.utterances]
    table = write_table(store, tmp_path / "t.csv", rows, ("id", "text", "dialogue", "start", "end"))
    with pytest.raises(Mismatch, match=r"the order of .*\(row 1\) and .*\(row 2\) in dialogue d0 is ambiguous"):
        predict(tmp_path / "bundle", table=table)


def test_a_row_that_fails_is_no_context_of_the_others(store, tmp_path):
    bundle = fit(store, tmp_path, "bc-lstm", "audio.mean")
    rows = [
        dataclasses.replace(row, audio="no.wav") if number == 2 else row for number, row in enumerate(store.utterances)
    ]
    found = predict(tmp_path / "bundle", table=write_table(store, tmp_path / "t.csv", rows))
    assert "no such file" in found[2].reason
    ids = [row.id for row in rows if row.audio != "no.wav"]
    np.testing.assert_allclose(probabilities([*found[:2], *found[3:]]), expect(store, bundle, ids), atol=1e-4)


def test_transcripts_are_read_where_there_is_no_feature(store, tmp_path):
    bundle = fit(store, tmp_path, "text-cnn", embedding="own")
    assert bundle.features == ()
    row = store.utterances[4]
    found = predict(tmp_path / "bundle", text=row.text)
    np.testing.assert_allclose(probabilities(found), expect(store, bundle, [row.id]), atol=1e-5)
    with pytest.raises(BadValue, match="this bundle needs a transcript"):
        predict(tmp_path / "bundle", audio=store.root / row.audio)
    rows = [dataclasses.replace(one, text="") if one is row else one for one in store.utterances]
    found = predict(tmp_path / "bundle", table=write_table(store, tmp_path / "t.csv", rows))
    assert [one.reason for one in found] == ["no transcript" if one is row else "" for one in store.utterances]
