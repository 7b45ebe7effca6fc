import io
import json
import os
import sys
import types

import numpy as np
import pytest
import soundfile

from featurestore.corpora import hugging_face
from featurestore.errors import BadValue, Mismatch, NotFound, Unavailable
from featurestore.preparation.open_store import open_store
from featurestore.preparation.prepare import prepare
from featurestore.preparation.recognize import recognize_corpus
from featurestore.store import Store
from tests.support.others import list_findings, write_clip

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
LABEL = {"_type": "ClassLabel", "names": ["anger", "joy"]}


def encode(number, kind="WAV"):
    content = io.BytesIO()
    noise = np.random.default_rng(number).normal(0, 0.1, 1600 + number)
    soundfile.write(content, noise, 16_000, format=kind)
    return content.getvalue()


def row(number, **values):
    audio = {"bytes": encode(number), "path": f"{number}.wav"}
    return {"audio": audio, "label": number % 2, "transcription": f"Line {number}.", "speaker_id": number % 3, **values}


def write(path, rows, features=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pylist(rows)
    if features is not None:
        info = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(info)
    parquet.write_table(table, path, row_group_size=2)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "dataset"
    write(folder / "data/train-00000-of-00002.parquet", [row(0), row(1)], {"label": LABEL})
    write(folder / "data/train-00001-of-00002.parquet", [row(2), row(3), row(4)], {"label": LABEL})
    write(folder / "data/test-00000-of-00001.parquet", [row(5)], {"label": LABEL})
    return folder


def read(root, tmp_path, columns=None):
    return hugging_face.utterances(hugging_face.unpack(str(root), tmp_path / "clips"), columns)


def test_rows_of_parquet_are_utterances(root, tmp_path):
    reading = read(root, tmp_path)
    rows = {one.id: one for one in reading.utterances}
    one = rows["3"]
    assert (one.audio, one.label, one.text, one.speaker, one.partition) == (
        "train/3.wav",
        "joy",
        "Line 3.",
        "0",
        "train",
    )
    assert one.duration == 1603 / 16_000
    assert (tmp_path / "clips/train/3.wav").read_bytes() == encode(3)
    assert [(name, rows[name].partition) for name in rows] == [
        ("5", "test"),
        *((name, "train") for name in ("0", "1", "2", "3", "4")),
    ]
    assert recognize_corpus(root) == "hugging-face"


def test_a_store_is_prepared_once(root, tmp_path):
    store = tmp_path / "store"
    prepare("hugging-face", root, store, name="mine")
    info = Store(store).info
    assert (info["source"], info["root"]) == (str(root), str(store / "clips"))
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.name != ".lock"}
    os.utime(root / "data/test-00000-of-00001.parquet", (1, 1))
    assert prepare("hugging-face", root, store, name="mine").written == ()
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.name != ".lock"} == before
    assert open_store(store, "mine", root, print).corpus == "mine"
    write(root / "data/test-00000-of-00001.parquet", [row(6)], {"label": LABEL})
    assert prepare("hugging-face", root, store, name="mine").changes.added == ("6",)
    assert not (store / "clips/test/5.wav").exists()


def test_an_unpacking_that_was_killed_is_done_again(root, tmp_path):
    (tmp_path / ".clips.tmp/clips").mkdir(parents=True)
    (tmp_path / ".clips.tmp/clips/half.wav").write_bytes(b"RIFF")
    assert len(read(root, tmp_path).utterances) == 6
    assert not (tmp_path / ".clips.tmp").exists()


def test_a_folder_of_something_else_is_left_alone(root, tmp_path):
    write_clip(tmp_path / "clips/mine.wav")
    with pytest.raises(
        Mismatch, match="clips is not a folder of unpacked clips\n  expected: no such folder, or one with"
    ):
        hugging_face.unpack(str(root), tmp_path / "clips")
    assert (tmp_path / "clips/mine.wav").exists()


def test_bytes_without_a_path_and_bytes_of_something_else(tmp_path):
    rows = [{"audio": encode(1), "picture": b"PNG", "label": "joy"}]
    write(tmp_path / "d/train.parquet", rows, {"audio": {"_type": "Audio"}})
    reading = read(tmp_path / "d", tmp_path)
    assert [one.audio for one in reading.utterances] == ["train/audio.wav"]
    assert list_findings(reading) == {"columns that the manifest does not have, ignored": ("picture",)}


def test_a_damaged_file_leaves_the_clips_alone(root, tmp_path):
    before = read(root, tmp_path)
    path = root / "data/train-00001-of-00002.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadValue, match="train-00001-of-00002.parquet cannot be read: .*\n.*\n  do: .*git lfs pull"):
        hugging_face.unpack(str(root), tmp_path / "clips")
    assert hugging_face.utterances(tmp_path / "clips") == before
    assert not (tmp_path / ".clips.tmp").exists()


@pytest.mark.parametrize(("kind", "suffix"), [("WAV", ".wav"), ("FLAC", ".flac"), ("OGG", ".ogg"), ("MP3", ".mp3")])
def test_the_suffix_is_that_of_the_bytes(tmp_path, kind, suffix):
    write(tmp_path / "d/train.parquet", [row(1, audio={"bytes": encode(1, kind), "path": "x.bin"}, label="joy")])
    (one,) = read(tmp_path / "d", tmp_path).utterances
    assert one.audio == f"train/x{suffix}"
    assert one.duration is not None


def test_samples_become_a_wav_of_the_same_samples(tmp_path):
    samples = np.random.default_rng(0).normal(0, 0.1, 800).astype(np.float32)
    audio = {"array": samples.tolist(), "sampling_rate": 8000, "path": None}
    write(tmp_path / "d/train.parquet", [row(1, audio=audio, label="joy")])
    (one,) = read(tmp_path / "d", tmp_path).utterances
    read_back, rate = soundfile.read(tmp_path / "clips" / one.audio, dtype="float32")
    assert rate == 8000
    np.testing.assert_array_equal(read_back, samples)


@pytest.mark.parametrize(
    "path", ["../../out.wav", "/etc/out.wav", "..\\out.wav", "..", "", ".hidden", "a\0b.wav", "ä" * 200]
)
def test_a_clip_stays_in_the_folder(tmp_path, path):
    write(tmp_path / "d/train.parquet", [row(1, audio={"bytes": encode(1), "path": path}, label="joy")] * 2)
    reading = read(tmp_path / "d", tmp_path)
    clips = {(tmp_path / "clips" / one.audio).resolve() for one in reading.utterances}
    assert len(clips) == 2
    assert {clip.parent for clip in clips} == {(tmp_path / "clips/train").resolve()}
    assert all(one.duration for one in reading.utterances)


def test_a_clip_that_is_not_in_the_table(tmp_path):
    write_clip(tmp_path / "d/wavs/a.wav")
    rows = [row(n, audio={"bytes": None, "path": path}, label="joy") for n, path in enumerate(["wavs/a.wav", "b.wav"])]
    write(tmp_path / "d/train.parquet", rows)
    reading = read(tmp_path / "d", tmp_path)
    assert [one.duration for one in reading.utterances] == [1, None]
    assert list_findings(reading)["utterances whose audio file is missing, kept without a duration"] == ("b",)


def test_classes_of_the_card_and_columns_of_the_user(tmp_path):
    rows = [row(1, feeling=-1), row(2, feeling=0), row(3, feeling=1)]
    write(
        tmp_path / "d/train.parquet", [{name: one[name] for name in ("audio", "feeling", "speaker_id")} for one in rows]
    )
    (tmp_path / "d/README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: audio\n    dtype: audio\n  - name: feeling\n    dtype:\n"
        "      class_label:\n        names:\n          '0': anger\n          '1': joy\n---\nText.\n"
    )
    with pytest.raises(BadValue, match="has no column label") as caught:
        read(tmp_path / "d", tmp_path)
    assert "got: audio, feeling, speaker_id" in str(caught.value)
    reading = read(tmp_path / "d", tmp_path, {"label": "feeling"})
    assert [one.label for one in reading.utterances] == ["", "anger", "joy"]


def test_configurations_and_layouts_of_the_hub(tmp_path):
    for config in ("en", "it"):
        write(tmp_path / f"d/{config}/train/0000.parquet", [row(1, label=config)])
    with pytest.raises(BadValue, match="several configurations of a dataset\n  expected: .*\n  got: en, it\n"):
        read(tmp_path / "d", tmp_path)
    (one,) = read(tmp_path / "d/it", tmp_path).utterances
    assert (one.audio, one.label) == ("train/1.wav", "it")


def save_to_disk(folder, splits):
    """Write what `DatasetDict.save_to_disk` of datasets writes."""
    for split, rows in splits.items():
        (folder / split).mkdir(parents=True)
        table = pyarrow.Table.from_pylist(rows)
        with pyarrow.ipc.new_stream(str(folder / split / "data-00000-of-00001.arrow"), table.schema) as stream:
            stream.write_table(table)
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": split}
        (folder / split / "state.json").write_text(json.dumps(state))
        (folder / split / "dataset_info.json").write_text(json.dumps({"features": {"label": LABEL}}))
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))


def test_a_dataset_saved_to_disk(tmp_path):
    save_to_disk(tmp_path / "d", {"train": [row(0), row(1)], "test": [row(2)]})
    reading = read(tmp_path / "d", tmp_path)
    assert [(one.id, one.label, one.partition) for one in reading.utterances] == [
        ("0", "anger", "train"),
        ("1", "joy", "train"),
        ("2", "anger", "test"),
    ]
    (one,) = read(tmp_path / "d/test", tmp_path).utterances
    assert (one.audio, one.partition) == ("test/2.wav", "")


def test_a_folder_of_audio_with_metadata(tmp_path):
    for part in ("train", "test"):
        write_clip(tmp_path / f"d/{part}/clips/a.wav", 1 + len(part))
    (tmp_path / "d/train/metadata.csv").write_text("file_name,emotion\nclips/a.wav,joy\n")
    (tmp_path / "d/test/metadata.jsonl").write_text('{"file_name": "clips/a.wav", "emotion": "anger"}\n')
    assert hugging_face.unpack(str(tmp_path / "d"), tmp_path / "clips") == tmp_path / "d"
    reading = hugging_face.utterances(tmp_path / "d")
    assert [(one.id, one.audio, one.label, one.partition) for one in reading.utterances] == [
        ("test/clips/a", "test/clips/a.wav", "anger", "test"),
        ("train/clips/a", "train/clips/a.wav", "joy", "train"),
    ]


def test_a_name_of_the_hub_is_downloaded_once(tmp_path, monkeypatch):
    asked = []

    def load_dataset(name, config):
        asked.append((name, config))
        if config != "it":
            raise ValueError("BuilderConfig not found")
        return types.SimpleNamespace(
            save_to_disk=lambda folder: save_to_disk(tmp_path.__class__(folder), {"train": [row(1)]})
        )

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert prepare("hugging-face", "owner/calls:it", "store").utterances == 1
    assert asked == [("owner/calls", "it")]
    assert Store("store").info["source"] == "owner/calls:it"
    assert [path.name for path in (tmp_path / "store").iterdir() if path.name.startswith(".clips")] == []
    with pytest.raises(
        Unavailable, match="owner/calls is no folder, and cannot be loaded from the hub: ValueError: Buil"
    ):
        prepare("hugging-face", "owner/calls", "other")


def test_packages_that_are_not_installed(root, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(Unavailable, match=r"needs the package datasets\n  do: pip install 'emofuse\[datasets\]'"):
        prepare("hugging-face", "owner/calls", tmp_path / "store")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Unavailable, match=r"Parquet files need pyarrow\n  do: pip install 'emofuse\[parquet\]'"):
        prepare("hugging-face", root, tmp_path / "store")


def test_nothing_of_a_dataset(tmp_path):
    for root in (tmp_path, tmp_path / "no/such/folder", tmp_path / "notes.txt"):
        with pytest.raises(NotFound, match="is not a dataset of Hugging Face"):
            hugging_face.unpack(str(root), tmp_path / "clips")
    with pytest.raises(NotFound, match="is not a dataset of Hugging Face"):
        hugging_face.utterances(tmp_path)
