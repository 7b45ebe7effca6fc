from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from featurestore import labels
from featurestore.corpora import emodb
from featurestore.errors import NotFound

REAL = Path(__file__).resolve().parents[4] / "shared/corpora/emodb"


def write(path, seconds=0.1, rate=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(seconds * rate), 0.1, np.float32), rate)


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "wav/03a01Fa.wav")
    write(tmp_path / "wav/16b10Lb.wav", 0.25)
    return tmp_path


def test_a_file_name_gives_label_speaker_and_sentence(root):
    first, second = emodb.utterances(root).utterances
    assert (first.id, first.audio, first.label) == ("03a01Fa", "wav/03a01Fa.wav", "F")
    assert (first.speaker, first.gender, first.script) == ("03", "M", "a01")
    assert first.text == "Der Lappen liegt auf dem Eisschrank."
    assert (first.session, first.dialogue, first.duration) == ("", "", 0.1)
    assert (second.speaker, second.gender, second.label, second.duration) == ("16", "F", "L", 0.25)


def test_the_root_may_be_the_folder_of_clips(root):
    reading = emodb.utterances(root / "wav")
    assert [row.audio for row in reading.utterances] == ["03a01Fa.wav", "16b10Lb.wav"]
    assert reading.findings == ()


def test_texts_keep_their_umlauts(tmp_path):
    write(tmp_path / "08b01Wa.wav")
    (row,) = emodb.utterances(tmp_path).utterances
    assert row.text == "Was sind denn das für Tüten, die da unter dem Tisch stehen?"


def test_irregular_clips_are_findings(root):
    write(root / "wav/03a03Na.wav")
    write(root / "wav/99a01Na.wav", 0.3)
    write(root / "wav/readme.wav")
    write(root / "03a01Fa.wav")
    (root / "wav/08a01Na.wav").write_bytes(b"")
    (root / "wav/._08a01Na.wav").write_bytes(b"x")
    reading = emodb.utterances(root)
    assert [row.id for row in reading.utterances] == ["03a01Fa", "03a03Na", "08a01Na", "16b10Lb", "99a01Na"]
    assert {finding.what: finding.where for finding in reading.findings} == {
        "files named ._*, left by macOS, ignored": ("wav/._08a01Na.wav",),
        "audio files with another name than the corpus's, ignored": ("wav/readme.wav",),
        "second copies of a clip, with the same bytes, ignored": ("wav/03a01Fa.wav",),
        "clips of an unknown sentence, kept with an empty text": ("03a03Na",),
        "clips of an unknown speaker, kept without a gender": ("99a01Na",),
        "utterances whose audio file cannot be used, kept without a duration": (
            "08a01Na: 08a01Na.wav: is empty (0 bytes)",
        ),
    }


def test_an_altered_copy_is_a_finding(tmp_path):
    write(tmp_path / "03a01Fa.wav", 2, 22_050)
    write(tmp_path / "03a01Nc.wav", 2, 22_050)
    (finding,) = emodb.utterances(tmp_path).findings
    assert finding.what == (
        "an altered copy: clips at 22050 Hz (the original: 16000 Hz), every clip 2.000 s long "
        "(the original: natural lengths); compare figures only with figures on this copy"
    )
    assert finding.where == ("03a01Fa", "03a01Nc")


def test_a_folder_without_clips_is_an_error(tmp_path):
    with pytest.raises(NotFound) as caught:
        emodb.utterances(tmp_path / "no")
    assert str(caught.value) == (
        f"{tmp_path / 'no'} is not a release of EmoDB: Berlin Database of Emotional Speech\n"
        "  expected: a folder with wav/03a01Fa.wav and so on\n"
        "  got: no such folder\n"
        "  do: give the folder that holds the release, from http://emodb.bilderbar.info; for your own data: "
        "cli prepare table TABLE"
    )
    write(tmp_path / "mine.wav")
    with pytest.raises(NotFound, match="got: a folder with mine.wav"):
        emodb.utterances(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"EmoDB is not at {REAL}")
def test_the_real_release():
    reading = emodb.utterances(REAL)
    rows = reading.utterances
    assert Counter(row.label for row in rows) == emodb.CARD.counts
    assert len(rows) == 535
    assert len({row.speaker for row in rows}) == 10
    assert all(row.text and row.gender and row.duration == 2.0 for row in rows)
    assert [len(finding.where) for finding in reading.findings] == [535]
    assert set(labels.load_scheme("emodb-7").apply(rows).values()) == set(emodb.CARD.labels.values())
