import csv
import importlib
import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.fitting.fit import fit_and_save
from cli import main
from featurestore.encoders.hf_audio import HFAudio
from featurestore.encoders.hf_text import HFText
from featurestore.errors import BadValue, Mismatch
from featurestore.extraction.extract import extract_encoder
from featurestore.prediction.predict import predict, render
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.support import tiny

predicting = importlib.import_module("featurestore.prediction.predict")

FEATURES = "audio.mean,audio.frames[3],text.cls,text.layers[1]"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return a store with two encoders, and a bundle fitted on features of every kind."""
    folder = tmp_path_factory.mktemp("fitted")
    store = tiny.store(folder / "store", tiny.utterances(30, folder / "corpus"), folder / "corpus")
    for family, name in (("wav2vec2-group", "audio"), ("deberta-v2", "text")):
        spec = EncoderSpec(name, str(tiny.checkpoint(family, folder / name)))
        extract_encoder(store, spec, optional=["frames", "layers"], jobs=1, device="cpu")
    store = Store(store.path)
    result = fit_and_save(store, head="svm", params=(), features=FEATURES, out=folder / "bundle")
    return store, result


def test_new_speech_is_predicted_as_from_stored_features(fitted):
    store, result = fitted
    X, _, ids = store.matrix(FEATURES.split(","))
    expected = result.bundle.head.predict_proba(X)
    for row in (0, 7, 29):
        utterance = store.utterances[row]
        (found,) = predict(result.path, audio=str(store.root / utterance.audio), text=utterance.text)
        np.testing.assert_allclose(list(found.probabilities.values()), expected[ids.index(utterance.id)], atol=1e-4)
        assert found.emotion == result.bundle.head.predict(X)[row]
        assert list(found.probabilities) == list(result.bundle.classes)


def test_new_speech_is_normalized_as_the_training_data(fitted, tmp_path):
    store, _ = fitted
    names = FEATURES.split(",")
    result = fit_and_save(
        store,
        head="logistic",
        params=("C=1",),
        features=FEATURES,
        out=tmp_path / "b",
        protocol="leave-one-speaker-out",
        normalize="global",
    )
    assert result.bundle.fold is None
    X, _, _ = store.matrix(names)  # fitted on everything
    scaled = (X - X.mean(0, dtype=np.float64)) / X.std(0, dtype=np.float64)
    expected = result.bundle.head.predict_proba(scaled)
    utterance = store.utterances[7]
    (found,) = predict(tmp_path / "b", audio=str(store.root / utterance.audio), text=utterance.text)
    np.testing.assert_allclose(list(found.probabilities.values()), expected[7], atol=1e-3)
    assert np.abs(expected[7] - result.bundle.head.predict_proba(X)[7]).max() > 0.01


def test_a_table_is_predicted_row_by_row_with_reasons_for_bad_rows(fitted, tmp_path):
    store, result = fitted
    good = store.root / "clip000.wav"
    (tmp_path / "rows.csv").write_text(f"id,audio,text,label\na,{good},the dog,\nb,nowhere.wav,the dog,\nc,{good},,\n")
    found = predict(result.path, table=tmp_path / "rows.csv")
    assert [row.id for row in found] == ["a", "b", "c"]
    assert found[0].emotion in result.bundle.classes
    assert "no such file" in found[1].reason
    assert found[2].reason == "text: no transcript"
    assert json.loads(json.dumps(found[1].to_json()))["failed"].startswith("audio: no such file")
    assert "failed: audio: no such file" in render(found)


def test_few_rows_of_a_table_are_in_memory_together(fitted, tmp_path, monkeypatch):
    store, result = fitted
    lines = [f"r{row},{store.root / f'clip{row:03}.wav'},the dog" for row in range(5)]
    lines[2] = "r2,nowhere.wav,the dog"
    (tmp_path / "rows.csv").write_text("\n".join(["id,audio,text", *lines]) + "\n")
    expected = predict(result.path, table=tmp_path / "rows.csv")
    sizes = []
    monkeypatch.setattr(predicting, "_TOGETHER", 2)
    monkeypatch.setattr(
        predicting,
        "_predict_part",
        lambda *given, real=predicting._predict_part: sizes.append(len(given[2])) or real(*given),
    )
    assert predict(result.path, table=tmp_path / "rows.csv") == expected
    assert [row.id for row in expected if row.reason] == ["r2"]
    assert sizes == [2, 2, 1]


@pytest.fixture(scope="module")
def bundles(fitted, tmp_path_factory):
    """Return a folder of two bundles: one reads only text, the other only audio."""
    store, _ = fitted
    folder = tmp_path_factory.mktemp("bundles")
    for name in ("text", "audio"):
        fit_and_save(store, head="prior", params=(), features=f"{name}.mean", out=folder / name)
    return folder


TEXTS = ["the dog", "", "the cat", "   ", "", "the dog"]  # of six rows
EMPTY_ROW = "the row has neither audio nor text"


def write_rows(folder, name, texts, ids=()):
    """Write a table with a column text, and ids if there are any, in the format of its extension."""
    path = folder / name
    records = [{"text": text} for text in texts]
    if ids:
        records = [{"id": one, **record} for one, record in zip(ids, records, strict=True)]
    with path.open("w", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps(record) + "\n" for record in records)
        else:
            writer = csv.DictWriter(file, list(records[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(records)
    return path


def run_predict(*arguments):
    """Run the command, and return its exit code, its answers and its other output."""
    result = CliRunner().invoke(main, ["predict", *map(str, arguments), "--json"])
    assert "Traceback" not in result.output
    return result.exit_code, json.loads(result.stdout) if result.stdout else None, result.stderr


@pytest.mark.parametrize("ids", [(), "abcdef", "aaabbb"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl"])
def test_a_table_gets_one_answer_per_row_in_its_order(bundles, tmp_path, name, ids):
    code, found, _ = run_predict(bundles / "text", "--table", write_rows(tmp_path, name, TEXTS, ids))
    assert code == 3
    assert [answer.get("failed", "") for answer in found] == [EMPTY_ROW if not text.strip() else "" for text in TEXTS]
    names = [answer["id"] for answer in found]
    assert len(set(names)) == len(TEXTS)
    if ids:
        assert [one[0] for one in names] == list(ids)
    text = CliRunner().invoke(main, ["predict", str(bundles / "text"), "--table", str(tmp_path / name)])
    assert text.exit_code == 3
    assert [line.split()[0] for line in text.stdout.splitlines()] == names


def test_an_answer_does_not_depend_on_other_rows(fitted, tmp_path):
    store, result = fitted
    clips = [str(store.root / f"clip00{n}.wav") for n in range(3)]
    content = "id,audio,text\n" + "".join(f"same,{clip},the dog\n" for clip in clips)
    (tmp_path / "rows.csv").write_text(content)
    found = predict(result.path, table=tmp_path / "rows.csv")
    for clip, answer in zip(clips, found, strict=True):
        (alone,) = predict(result.path, audio=clip, text="the dog")
        assert answer.probabilities == alone.probabilities
    assert [answer.id for answer in found] == ["same", "same#2", "same#3"]


def test_a_table_without_a_good_row_gives_the_reason_of_each(bundles, tmp_path):
    code, found, _ = run_predict(bundles / "text", "--table", write_rows(tmp_path, "t.csv", ["", " "]))
    assert code == 1
    assert [answer["failed"] for answer in found] == [EMPTY_ROW] * 2


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("{clip},x,1", "has 'x' in the column start, which is not a number"),
        ("{clip},3,2", "ends at 2 s, not after its start at 3 s"),
        ("nowhere.wav,,", "audio: no such file"),
        (",,", "has neither audio nor text"),
    ],
)
def test_a_bad_row_carries_its_reason_and_the_others_are_predicted(fitted, bundles, tmp_path, cells, reason):
    clip = fitted[0].root / "clip000.wav"
    (tmp_path / "t.csv").write_text(f"audio,start,end\n{clip},,\n{cells.format(clip=clip)}\n{clip},,\n")
    code, found, _ = run_predict(bundles / "audio", "--table", tmp_path / "t.csv")
    assert code == 3
    assert ["failed" in answer for answer in found] == [False, True, False]
    assert reason in found[1]["failed"]


def test_a_value_of_a_wrong_type_fails_only_its_row(bundles, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "the dog"}\n{"text": ["a"]}\n{"text": NaN}\n{"text": Infinity}\n')
    code, found, _ = run_predict(bundles / "text", "--table", tmp_path / "t.jsonl")
    assert code == 3
    assert [answer.get("failed") for answer in found] == [
        None,
        "the row has a list in the column text",
        EMPTY_ROW,
        "the row has Infinity in the column text",
    ]


def test_a_table_without_a_needed_column_is_rejected(bundles, tmp_path):
    path = write_rows(tmp_path, "t.csv", ["the dog"])
    code, _, lines = run_predict(bundles / "audio", "--table", path)
    assert code == 1
    assert lines == (
        f"predicting {path} with {bundles / 'audio'}\n"
        f"Error: this bundle needs audio, and {path} has no column audio\n  got: columns text\n"
        "  do: say which column holds it: --column audio=NAME\n"
    )
    (tmp_path / "clips.csv").write_text("clip\na.wav\n")
    code, _, lines = run_predict(bundles / "audio", "--table", tmp_path / "clips.csv")
    assert "has no column audio or text\n  expected: audio or text; if known also" in lines  # a label is not needed
    assert "--column audio=NAME" in lines


def test_columns_with_other_names_are_read(bundles, tmp_path):
    (tmp_path / "t.csv").write_text("words\nthe dog\n")
    code, found, _ = run_predict(bundles / "text", "--table", tmp_path / "t.csv", "--column", "text=words")
    assert (code, len(found)) == (0, 1)


def test_oddities_of_a_table_are_reported(bundles, tmp_path):
    (tmp_path / "t.csv").write_text('id,text\na,"the\nb,dog"\nc,nan\n')
    code, found, lines = run_predict(bundles / "text", "--table", tmp_path / "t.csv")
    assert (code, len(found)) == (0, 2)
    assert "what looks like further rows" in lines
    assert "texts that look like a missing value" in lines


def test_ignored_input_is_reported(fitted, bundles):
    clip = fitted[0].root / "clip000.wav"
    for read, ignored in (("audio", "text"), ("text", "audio")):
        code, _, lines = run_predict(bundles / read, "--audio", clip, "--text", "the dog")
        assert code == 0
        assert lines == (
            f"predicting {clip} with {bundles / read}\n--{ignored} is ignored: this bundle reads only {read}\n"
        )


@pytest.mark.parametrize("arguments", [["--audio", "a.wav", "--audio", "b.wav"], ["--audio", "a.wav", "b.wav"]])
def test_several_clips_are_rejected_with_advice_to_use_a_table(bundles, arguments):
    code, _, lines = run_predict(bundles / "audio", *arguments)
    assert code == 2
    assert "one clip at a time, got " in lines
    assert "for one: --audio FILE; for many: --table FILE with a column audio" in lines


def test_segments_of_a_table_reach_the_encoder(fitted, bundles, tmp_path, monkeypatch):
    segments = []
    load = HFAudio.load
    monkeypatch.setattr(HFAudio, "load", lambda self, item: segments.append((item.start, item.end)) or load(self, item))
    clip = fitted[0].root / "clip000.wav"
    (tmp_path / "t.csv").write_text(f"audio,start,end\n{clip},0.1,0.3\n{clip},,\n")
    predict(bundles / "audio", table=tmp_path / "t.csv")
    assert segments == [(0.1, 0.3), (None, None)]


def test_predicting_with_hand_made_features_loads_no_network(tmp_path):
    store = tiny.store(tmp_path / "store", tiny.utterances(12, tmp_path / "corpus"), tmp_path / "corpus")
    extract_encoder(store, EncoderSpec("egemaps", "egemaps"), jobs=1, device="cpu")
    fit_and_save(Store(store.path), head="svm", params=(), features="egemaps.functionals", out=tmp_path / "bundle")
    code = (
        "import sys; from pathlib import Path; from featurestore.prediction.predict import predict\n"
        "print(predict(Path(sys.argv[1]), audio=sys.argv[2])[0].emotion != '')\n"
        "print(sorted({'torch', 'transformers', 'h5py', 'xgboost', 'dask'} & set(sys.modules)))"
    )
    arguments = [str(tmp_path / "bundle"), str(tmp_path / "corpus" / "clip000.wav")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n[]\n"


def test_a_table_needs_no_label_column(fitted, tmp_path):
    store, result = fitted
    (tmp_path / "rows.csv").write_text(f"audio,text\n{store.root / 'clip000.wav'},the dog\n")
    assert predict(result.path, table=tmp_path / "rows.csv")[0].emotion


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "nothing to predict\n  do: pass --audio and --text, or --table"),
        ({"text": "a"}, "this bundle needs audio\n  do: pass --audio FILE"),
        ({"audio": "x.wav"}, "this bundle needs a transcript\n  do: pass --text"),
        (
            {"audio": "x.wav", "table": "t.csv"},
            "both a table and an utterance to predict\n  do: pass either --table",
        ),
        (
            {"audio": "x.wav", "text": "a", "encoders": ["video=x"]},
            "this bundle has no encoder video\n",
        ),
        (
            {"audio": "x.wav", "text": "a", "encoders": ["x"]},
            "'x' does not name an encoder of the bundle\n",
        ),
    ],
)
def test_missing_or_wrong_input_is_rejected(fitted, given, message):
    with pytest.raises(BadValue, match=message):
        predict(fitted[1].path, **given)


def test_another_checkpoint_is_rejected_and_a_moved_one_accepted(fitted, tmp_path):
    store, result = fitted
    given = {"audio": str(store.root / "clip000.wav"), "text": "the dog"}
    other = tiny.checkpoint("deberta-v2", tmp_path / "other", seed=5)
    with pytest.raises(Mismatch, match=r"encoder text at .* is not the one that the bundle was fitted on\n"):
        predict(result.path, **given, encoders=[f"text={other}"])
    moved = tiny.checkpoint("deberta-v2", tmp_path / "moved")
    assert predict(result.path, **given, encoders=[f"text={moved}"]) == predict(result.path, **given)


def test_a_vector_with_nan_fails_its_utterance(fitted, tmp_path, monkeypatch):
    store, result = fitted
    encode = HFText.encode

    def undefined(self, batch, kinds):
        return [{kind: values * np.nan for kind, values in one.items()} for one in encode(self, batch, kinds)]

    monkeypatch.setattr(HFText, "encode", undefined)
    (found,) = predict(result.path, audio=str(store.root / "clip000.wav"), text="the dog")
    assert found.reason.startswith("text: the encoder gives NaN or infinite values in ")


def test_a_bundle_on_the_encoder_of_one_fold_predicts(fitted, tmp_path):
    store, _ = fitted
    made = tiny.store(tmp_path / "store", list(store.utterances), store.root)
    checkpoint = str(store.path.parent / "text")
    extract_encoder(made, EncoderSpec("text@1", checkpoint), jobs=1, device="cpu")
    result = fit_and_save(Store(made.path), head="prior", params=(), features="text@1.mean", out=tmp_path / "bundle")
    (found,) = predict(result.path, text="the dog")
    (moved,) = predict(result.path, text="the dog", encoders=[f"text@1={checkpoint}"])
    assert found.emotion == moved.emotion != ""


def test_a_bundle_is_a_folder_as_str_or_path_or_a_loaded_bundle(fitted):
    _, result = fitted
    clip = fitted[0].root / "clip000.wav"
    expected = predict(result.path, audio=clip, text="the dog")
    for bundle in (str(result.path), result.bundle):
        assert predict(bundle, audio=str(clip), text="the dog") == expected
