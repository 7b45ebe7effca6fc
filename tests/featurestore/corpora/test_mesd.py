import re
from string import ascii_lowercase

import pytest

from featurestore import labels
from featurestore.corpora import mesd, write_clip
from featurestore.errors import NotFound, Problem
from featurestore.folds.fold import split
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_names

FOLDER = "Mexican Emotional Speech Database (MESD)"
WORDS = re.findall(
    r"\w+",
    "abajo adios antes arriba ayer basta_ya de_nada delante dentro derecha detras fuera gracias hola hoy izquierda "
    "lento no nunca por_favor pronto rapido si tarde",
)
# Names of the release: two clips are missing, and two have another word than the 24 of corpus A.
MISSING = ("Anger_C_A_hoy", "Neutral_C_A_tarde")
RENAMED = {
    "Happiness_C_A_lento": "Happiness_C_A_lento_dentro",
    "Sadness_M_A_fuera": "Sadness_M_A_afuera",
}


def full_release():
    for emotion in ("Anger", "Disgust", "Fear", "Happiness", "Neutral", "Sadness"):
        for voice in "FMC":
            words = [*(f"A_{word}" for word in WORDS), *(f"B_word{letter}" for letter in ascii_lowercase[:24])]
            for name in (f"{emotion}_{voice}_{word}" for word in words):
                if name not in MISSING:
                    yield f"{FOLDER}/{RENAMED.get(name, name)}.wav"


def test_a_file_name_gives_everything_but_the_speaker(tmp_path):
    write_clip(tmp_path / "Fear_F_A_por_favor.wav", 0, 48_000)
    write_clip(tmp_path / "HAPPINESS_C_B_Danza.wav", 1, 48_000)
    assert mesd.utterances(tmp_path).utterances == (
        Utterance(
            id="Fear_F_A_por_favor",
            audio="Fear_F_A_por_favor.wav",
            text="por favor",
            label="Fear",
            gender="F",
            script="por_favor",
            duration=0.1,
        ),
        Utterance(
            id="Happiness_C_B_danza",
            audio="HAPPINESS_C_B_Danza.wav",
            text="danza",
            label="Happiness",
            script="danza",
            duration=0.101,
        ),
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "mesd", tmp_path)
    assert len(reading.utterances) == 862
    assert {row.speaker for row in reading.utterances} == {""}
    assert list_findings(reading) == {
        "clips of corpus A with another word than its 24; what is said may be one of them": (
            "Happiness_C_A_lento_dentro",
            "Sadness_M_A_afuera",
        )
    }
    check_counts("mesd", reading)


def test_speaker_folds_are_refused_and_folds_by_word_are_not(tmp_path):
    mesd.sample(tmp_path)
    rows = mesd.utterances(tmp_path).utterances
    classes = labels.load_scheme("mesd-6").apply(rows)
    with pytest.raises(Problem, match="36 of 36 utterances have no speaker"):
        split("leave-one-speaker-out", rows, classes)
    words = {row.id: row.script for row in rows}
    for fold in split("script-disjoint", rows, classes):
        assert not {words[one] for one in fold.train} & {words[one] for one in fold.test}


def test_another_folder_is_refused(tmp_path):
    write_clip(tmp_path / "Anger_F_abajo.wav")
    with pytest.raises(NotFound, match="is not a release of MESD"):
        mesd.utterances(tmp_path)
