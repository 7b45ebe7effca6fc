import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurestore.corpora import lhotse
from featurestore.errors import BadValue, NotFound, Problem
from tests.support.others import list_findings, write_clip

SOURCE = {"type": "file", "channels": [0], "source": "audio/r1.wav"}
RECORDING = {"id": "r1", "sources": [SOURCE], "sampling_rate": 16_000, "num_samples": 48_000, "duration": 3.0}
SUPERVISION = {
    "id": "u1",
    "recording_id": "r1",
    "start": 0.1,
    "duration": 0.2,
    "channel": 0,
    "text": "Fine.",
    "speaker": "s1",
    "gender": "male",
    "custom": {"emotion": "sad"},
}


def write(path, *objects):
    text = "".join(json.dumps(one) + "\n" for one in objects)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.fixture
def root(tmp_path):
    write_clip(tmp_path / "audio/r1.wav", 3)
    write(tmp_path / "recordings.jsonl.gz", RECORDING)
    write(tmp_path / "supervisions.jsonl.gz", SUPERVISION, {**SUPERVISION, "id": "u2", "start": 2.5, "duration": 0.5})
    return tmp_path


def cut(**changes):
    return {
        "id": "c",
        "start": 1.0,
        "duration": 0.5,
        "channel": 0,
        "recording": RECORDING,
        "type": "MonoCut",
        **changes,
    }


def test_supervisions_are_utterances(root):
    reading = lhotse.utterances(root)
    first, second = reading.utterances
    assert (first.id, first.audio, first.text, first.label) == ("u1", "audio/r1.wav", "Fine.", "sad")
    assert (first.speaker, first.gender, first.start, first.end) == ("s1", "M", 0.1, 0.3)  # not 0.30000000000000004
    assert (second.start, second.end, second.duration) == (2.5, 3.0, 0.5)
    assert reading.segments
    assert reading.findings == ()


def test_any_field_may_be_a_column(root):
    write(root / "supervisions.jsonl.gz", {**SUPERVISION, "custom": {"mood": "sad", "arousal": 3.5}})
    with pytest.raises(BadValue, match="has no column label"):
        lhotse.utterances(root)
    (row,) = lhotse.utterances(root, {"label": "custom.mood", "activation": "custom.arousal"}).utterances
    assert (row.label, row.activation) == ("sad", 3.5)


def test_cuts_count_their_times_from_their_start(root):
    for path in root.glob("*.gz"):
        path.unlink()
    inside = {**SUPERVISION, "start": 0.2, "duration": 0.1}
    beyond = {**SUPERVISION, "id": "u2", "start": -0.2, "duration": 1.0}
    cuts = [cut(supervisions=[inside, beyond]), cut(id="empty", supervisions=[]), {"id": "mixed", "tracks": []}]
    write(root / "cuts.jsonl", *cuts)
    reading = lhotse.utterances(root)
    assert [(row.id, row.start, row.end) for row in reading.utterances] == [("u1", 1.2, 1.3), ("u2", 1.0, 1.5)]
    assert list_findings(reading) == {
        "supervisions that reach beyond their cut; their part in the cut is read": ("u2",),
        "cuts without a supervision, ignored": ("empty",),
        "cuts that are mixed or padded, ignored": ("mixed",),
    }
    assert lhotse.utterances(root / "cuts.jsonl") == reading


def test_only_files_are_read(root):
    command = {**RECORDING, "id": "r2", "sources": [{"type": "command", "channels": [0], "source": "touch ran"}]}
    stereo = {**RECORDING, "id": "r3", "sources": [{**SOURCE, "channels": [0, 1]}]}
    write(root / "recordings.jsonl.gz", RECORDING, command, stereo)
    names = {"u1": "r1", "u2": "r2", "u3": "r3", "u4": "r4"}
    rows = [{**SUPERVISION, "id": one, "recording_id": recording} for one, recording in names.items()]
    write(root / "supervisions.jsonl.gz", *rows, [], {**SUPERVISION, "id": "u5", "recording_id": "r2", "text": ""})
    reading = lhotse.utterances(root)
    assert [(row.id, row.audio) for row in reading.utterances] == [
        ("u1", "audio/r1.wav"),
        ("u2", ""),
        ("u3", "audio/r1.wav"),
    ]
    found = list_findings(reading)
    assert found["recordings that are no file but a command, an address or data, which is not read"] == ("u2", "u5")
    assert found["utterances on one channel of several; the mean of all channels is read"] == ("u3",)
    assert found["supervisions whose recording is not in the manifests, ignored"] == ("u4",)
    assert found["lines that are not an object of lhotse, ignored"] == ("supervisions.jsonl.gz, 5",)


def test_a_file_per_channel(root):
    write_clip(root / "audio/right.wav", 3)
    right = {"type": "file", "channels": [1], "source": "audio/right.wav"}
    write(root / "recordings.jsonl.gz", {**RECORDING, "sources": [SOURCE, right]})
    write(root / "supervisions.jsonl.gz", SUPERVISION, {**SUPERVISION, "id": "u2", "channel": 1})
    assert [row.audio for row in lhotse.utterances(root).utterances] == ["audio/r1.wav", "audio/right.wav"]


def test_files_of_parts_are_partitions_and_paths_may_be_relative_to_a_folder_above(root):
    manifests = root / "data/manifests"
    manifests.mkdir(parents=True)
    for part in ("train", "test"):
        write(manifests / f"calls_recordings_{part}.jsonl.gz", RECORDING)
        write(manifests / f"calls_supervisions_{part}.jsonl.gz", {**SUPERVISION, "id": f"{part}-1"})
    write(manifests / "calls_recordings_dev.jsonl.gz", RECORDING)
    reading = lhotse.utterances(manifests)
    assert [(row.id, row.partition) for row in reading.utterances] == [("test-1", "test"), ("train-1", "train")]
    assert {row.audio for row in reading.utterances} == {str(root / "audio/r1.wav")}
    assert all(row.duration == 0.2 for row in reading.utterances)
    assert list_findings(reading)["manifests of recordings without supervisions, ignored"] == (
        "calls_recordings_dev.jsonl.gz",
    )


@pytest.mark.parametrize("content", [b"{", b"\x1f\x8b\x08", b'{"id": "r1"'])
def test_a_damaged_manifest(root, content):
    (root / "supervisions.jsonl.gz").write_bytes(content)
    with pytest.raises(BadValue, match="supervisions.jsonl.gz is not a manifest of lhotse: "):
        lhotse.utterances(root)


def test_nothing_to_read(root):
    write(root / "supervisions.jsonl.gz", {**SUPERVISION, "recording_id": "other"})
    with pytest.raises(BadValue, match="no utterance that can be read\n.*\n  got: supervisions whose recording is not"):
        lhotse.utterances(root)
    (root / "supervisions.jsonl.gz").unlink()
    with pytest.raises(NotFound, match="holds no manifests of lhotse"):
        lhotse.utterances(root)


JSON = st.recursive(st.none() | st.integers(-2, 2) | st.text(max_size=2), lambda inner: st.lists(inner, max_size=2))


@given(st.sampled_from(["id", "recording_id", "start", "duration", "channel", "custom", "text", "sources"]), JSON)
@settings(max_examples=60, deadline=None)
def test_any_value_is_read_or_a_problem(tmp_path_factory, key, value):
    root = tmp_path_factory.mktemp("manifests")
    write_clip(root / "audio/r1.wav", 3)
    recording = {**RECORDING, "sources": [{**SOURCE, "channels": value}] if key == "channel" else value}
    recording = recording if key in ("sources", "channel") else RECORDING
    odd = {**SUPERVISION, "id": "odd", key: value}
    write(root / "cuts.jsonl", cut(recording=recording, start=0, duration=3, supervisions=[SUPERVISION, odd, value]))
    try:
        lhotse.utterances(root)
    except Problem as problem:
        assert str(root) in str(problem)  # noqa: PT017 - a message is right, a traceback is not
