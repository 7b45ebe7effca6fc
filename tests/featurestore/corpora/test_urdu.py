from collections import Counter

import pytest

from featurestore.corpora import urdu, write_clip
from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from featurestore.preparation.corpus_findings import find_in_corpus
from tests.support.full_releases import check_counts, list_findings, read_full, write_names

# Clips of each speaker, counted in the release.
CLIPS = {
    **dict(zip(("SM5", "SM4", "SM25", "SM24", "SM1", "SM20"), (80, 48, 40, 38, 22, 10), strict=True)),
    **dict.fromkeys(("SM2", "SM7"), 28),
    **dict.fromkeys(("SF6", "SM6"), 14),
    **dict.fromkeys(("SF1", "SM3"), 12),
    **dict.fromkeys(("SF7", "SM23"), 6),
    **dict.fromkeys(("SF4", "SF5", "SF9", "SF11", "SM21", "SM27"), 4),
    **dict.fromkeys(("SF2", "SF3", "SF8", "SF10", "SM17", "SM18", "SM19", "SM22", "SM26"), 2),
}
FOLDERS = ("Angry", "Happy", "Neutral", "Sad")


def full_release():
    """Yield the clips of all speakers, with the emotions in turn: 100 each."""
    speakers = [speaker for speaker, count in CLIPS.items() for _ in range(count)]
    files = Counter()
    for place, speaker in enumerate(speakers):
        files[speaker] += 1
        folder = FOLDERS[place % 4]
        yield f"{folder}/{speaker}_F{files[speaker]}_{folder[0]}0{place // 4 + 1}.wav"


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "Happy/SF5_F2_h037.wav", rate=44_100)
    assert urdu.utterances(tmp_path).utterances == (
        Utterance(id="SF5_F2_H037", audio="Happy/SF5_F2_h037.wav", label="H", speaker="SF5", gender="F", duration=0.1),
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "urdu", tmp_path)
    assert len(reading.utterances) == 400
    assert Counter(row.speaker for row in reading.utterances) == CLIPS
    assert reading.findings == ()
    check_counts("urdu", reading)


def test_speakers_with_one_emotion_are_a_finding(tmp_path):
    for number, name in enumerate(("Angry/SM1_F1_A01", "Angry/SM1_F2_A02", "Sad/SM2_F1_S01", "Angry/SM2_F2_A03")):
        write_clip(tmp_path / f"{name}.wav", number, 44_100)
    findings = find_in_corpus(urdu.utterances(tmp_path).utterances, tmp_path, urdu.CARD)
    assert [finding.where for finding in findings if "single label" in finding.what] == [("SM1",)]


def test_other_names_are_findings(tmp_path):
    for number, name in enumerate(("Angry/SM1_F1_A01", "Angry/SM1_F2_F02", "Angry/M1_F3_A03")):
        write_clip(tmp_path / f"{name}.wav", number, 44_100)
    reading = urdu.utterances(tmp_path)
    assert list_findings(reading) == {
        "audio files with another name than the corpus's, ignored": (
            "Angry/M1_F3_A03.wav",
            "Angry/SM1_F2_F02.wav",
        )
    }


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of URDU"):
        urdu.utterances(tmp_path)
