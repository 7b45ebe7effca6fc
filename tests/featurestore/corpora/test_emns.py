from dataclasses import replace

import pytest

from featurestore.corpora import emns
from featurestore.errors import Mismatch, NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_lines, write_names

COUNTS = {
    "Disgust": 162,
    "Happy": 157,
    "Surprised": 151,
    "Excited": 150,
    "Neutral": 149,
    "Sad": 147,
    "Sarcastic": 139,
    "Angry": 126,
}
HEADER = "id|utterance|description|emotion|date_created|status|gender|age|level|audio_recording|user_id"


def write_release(root, rows, folder="cleaned_webm", without=()):
    """Write metadata.csv for rows of name, emotion and status, and empty clips but for those `without`."""
    lines = [
        f"{number}|Line {number}, she said.|{{transcription}}|{emotion}|2022-07-16|{status}|Female|20s|3|"
        f"wavs/{name}.webm|3"
        for number, (name, emotion, status) in enumerate(rows)
    ]
    write_lines(root / "metadata.csv", [HEADER, *lines])
    write_names(root, (f"{folder}/{name}.webm" for name, *_ in rows if name not in without))


def full_release():
    names = (f"recorded_audio_x{number:06}" for number in range(1180))
    yield "recorded_audio", "Happy", "Complete"
    for emotion, count in COUNTS.items():
        yield from ((next(names), emotion, "Complete") for _ in range(count - (emotion == "Happy")))


def test_a_row_gives_everything(monkeypatch, tmp_path):
    write_release(tmp_path, [("recorded_audio_RF6OuQ4", "Disgust", "Complete")])
    (row,) = read_full(monkeypatch, "emns", tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="recorded_audio_RF6OuQ4",
        audio="cleaned_webm/recorded_audio_RF6OuQ4.webm",
        text="Line 0, she said.",
        label="Disgust",
        speaker="3",
        gender="F",
    )


def test_the_full_release(monkeypatch, tmp_path):
    drafts = [(f"recorded_audio_y{number:06}", "Sad", "Needs Updating") for number in range(24)]
    without = [name for name, *_ in drafts]
    write_release(tmp_path, [*full_release(), *drafts], without=without)
    reading = read_full(monkeypatch, "emns", tmp_path)
    assert len(reading.utterances) == 1181
    check_counts("emns", reading)
    (finding,) = reading.findings
    assert finding.what == "clips with the status 'Needs Updating', left out: they are missing"
    assert finding.where == tuple(without)


def test_a_clip_that_needs_updating_is_kept_if_it_is_there(monkeypatch, tmp_path):
    write_release(tmp_path, [("recorded_audio_aaaaaaa", "Sad", "Needs Updating")], folder="raw_webm")
    reading = read_full(monkeypatch, "emns", tmp_path)
    assert [row.audio for row in reading.utterances] == ["raw_webm/recorded_audio_aaaaaaa.webm"]
    assert [finding.what for finding in reading.findings] == ["clips with the status 'Needs Updating', kept"]


def test_a_complete_clip_that_is_missing_is_kept_without_a_duration(tmp_path):
    write_release(tmp_path, [("recorded_audio_aaaaaaa", "Sad", "Complete")], without=["recorded_audio_aaaaaaa"])
    write_names(tmp_path, ["cleaned_webm/recorded_audio.webm"])
    reading = emns.utterances(tmp_path)
    assert [(row.id, row.audio, row.duration) for row in reading.utterances] == [("recorded_audio_aaaaaaa", "", None)]
    assert [finding.where for finding in reading.findings] == [("cleaned_webm/recorded_audio.webm",), ("1 utterances",)]


def test_an_unknown_label_is_a_finding_and_a_missing_column_an_error(monkeypatch, tmp_path):
    write_release(tmp_path, [("recorded_audio_aaaaaaa", "Bored", "Complete")])
    (finding,) = read_full(monkeypatch, "emns", tmp_path).findings
    assert finding.what == "utterances with the unknown label 'Bored'"
    write_lines(tmp_path / "metadata.csv", ["id|utterance|gender|audio_recording"])
    with pytest.raises(Mismatch, match="it has no emotion"):
        emns.utterances(tmp_path)


def test_clips_without_metadata_are_refused(tmp_path):
    write_names(tmp_path, ["cleaned_webm/recorded_audio_aaaaaaa.webm"])
    with pytest.raises(NotFound, match="is not a release of EMNS"):
        emns.utterances(tmp_path)
