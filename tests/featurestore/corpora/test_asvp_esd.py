from dataclasses import replace

import pytest

from featurestore import labels
from featurestore.corpora import asvp_esd, write_clip
from featurestore.errors import NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

SPEECH = {1: 98, 2: 1314, 3: 613, 4: 551, 5: 1064, 6: 170, 7: 190, 8: 492, 9: 270, 10: 35, 11: 54, 12: 288, 17: 1}
SOUNDS = {
    1: 450,
    2: 284,
    3: 1255,
    4: 2143,
    5: 389,
    6: 1010,
    7: 709,
    8: 1094,
    9: 131,
    10: 330,
    11: 780,
    12: 77,
    13: 172,
}
ACTORS = (*range(129), 150, 200)


def full_release():
    """Yield as many names of each kind as the release has; who makes which sound is made up."""
    number = 0
    for channel, counts in (("01", SPEECH), ("02", SOUNDS)):
        for emotion, count in counts.items():
            for _ in range(count):
                actor = ACTORS[number % len(ACTORS)]
                folder = f"{'Audio' if actor <= 128 else 'Bonus'}/actor_{actor}"
                number += 1
                yield f"{folder}/03-{channel}-{emotion:02}-01-{number:02}-{actor:02}-02-02-01.wav"


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "Audio/actor_36/03-01-04-01-12-36-03-03-01.wav")
    (row,) = asvp_esd.utterances(tmp_path).utterances
    assert row == replace(
        row,
        id="03-01-04-01-12-36-03-03-01",
        audio="Audio/actor_36/03-01-04-01-12-36-03-03-01.wav",
        label="01-04",
        speaker="36",
        gender="M",
        duration=0.1,
    )
    assert row.text == row.session == row.dialogue == row.script == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    reading = read_names(monkeypatch, "asvp-esd", tmp_path, full_release())
    assert len(reading.utterances) == 13_964
    check_counts("asvp-esd", reading)
    assert {what: len(where) for what, where in collect_findings(reading).items()} == {
        "clips without speech (laughter": 8824,
        "clips with an undefined emotion code": 1,
    }


def test_its_schemes_tell_speech_from_other_sounds(tmp_path):
    for number, name in enumerate(("03-01-03-01-01-01-02-02-01", "03-02-03-01-01-01-02-02-01")):
        write_clip(tmp_path / f"{name}.wav", number)
    rows = asvp_esd.utterances(tmp_path).utterances
    speech, sounds = (row.id for row in rows)
    assert labels.load_scheme("asvp-esd-12").apply(rows) == {speech: "happy"}
    assert labels.load_scheme("asvp-esd-sounds").apply(rows) == {speech: "happy", sounds: "happy"}
    assert labels.load_card("asvp-esd").find_classes("big-4")["02-03"] is None


def test_irregular_names_are_findings(tmp_path):
    names = {
        "Audio/actor_54/03-01-05-01-47-54-02-02": "clips with a field missing in their name: age",
        "Bonus/actor_150/03-01-04-01-52-150-04-01-00-14 -03": "clips with a space in their name",
        "Audio/actor_50/03-01-07-01-20-65-02-02-05": "clips of another actor than their folder's",
        "Bonus/actor_200/03-01-17-01-02-200-05-02-01-12": "clips with an undefined emotion code",
    }
    for number, name in enumerate((*names, "Audio/actor_/03-01-01-01-01-90-02-02-02-13")):
        write_clip(tmp_path / f"{name}.wav", number)
    reading = asvp_esd.utterances(tmp_path)
    assert len(reading.utterances) == 5
    assert {row.speaker for row in reading.utterances} == {"54", "150", "65", "200", "90"}
    assert collect_findings(reading) == {
        what: (name.rpartition("/")[2].replace(" ", ""),) for name, what in names.items()
    }


def test_names_of_ravdess_and_of_other_emotions_are_findings(tmp_path):
    write_clip(tmp_path / "03-01-04-01-12-36-03-03-01.wav")
    write_clip(tmp_path / "03-01-04-01-01-01-12.wav")
    write_clip(tmp_path / "03-01-99-01-12-36-03-03-01.wav")
    assert collect_findings(asvp_esd.utterances(tmp_path)) == {
        "audio files with another name than the corpus's": (
            "03-01-04-01-01-01-12.wav",
            "03-01-99-01-12-36-03-03-01.wav",
        )
    }


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of ASVP-ESD"):
        asvp_esd.utterances(tmp_path)
