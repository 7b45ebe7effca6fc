from dataclasses import replace

from featurestore.corpora import polish, write_clip
from featurestore.labels import load_scheme
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names


def full_release():
    for speaker in range(1, 6):
        for emotion in "ans":
            for word in ("nie", "oddaj", "podaj", "stop", "tak", "trzymaj"):
                yield from (f"m{speaker}.{emotion}_{word}_{take}.wav" for take in range(1, 6))


def test_a_file_name_gives_everything(tmp_path):
    write_clip(tmp_path / "m3.s_trzymaj_5.wav")
    (row,) = polish.utterances(tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="m3.s_trzymaj_5",
        audio="m3.s_trzymaj_5.wav",
        text="trzymaj",
        label="s",
        speaker="m3",
        script="trzymaj",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "polish", tmp_path)
    assert len(reading.utterances) == 450
    assert reading.findings == ()
    check_counts("polish", reading)


def test_s_is_fear(tmp_path):
    write_clip(tmp_path / "m1.s_tak_1.wav")
    assert load_scheme("polish-3").apply(polish.utterances(tmp_path).utterances) == {"m1.s_tak_1": "fear"}
    assert polish.CARD.find_classes("ekman-6") == {"a": "angry", "n": None, "s": "fearful"}


def test_another_word_or_emotion_is_a_finding(tmp_path):
    names = ("m1.a_nie_1.wav", "m1.a_dobrze_1.wav", "m1.x_nie_1.wav")
    for number, name in enumerate(names):
        write_clip(tmp_path / name, number, 44_100)
    (finding,) = polish.utterances(tmp_path).findings
    assert finding.what == "audio files with another name than the corpus's, ignored"
    assert finding.where == names[1:]
