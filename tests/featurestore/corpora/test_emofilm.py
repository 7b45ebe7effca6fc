from dataclasses import replace

from featurestore.corpora import emofilm, write_clip
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names

COUNTS = {"tri": 254, "gio": 240, "rab": 232, "ans": 221, "dis": 168}


def full_release():
    for emotion, count in COUNTS.items():
        for number in range(count):
            scene, language = number // 6, ("en", "es", "it")[number // 2 % 3]
            yield f"wav_corpus/{'fm'[number % 2]}_{emotion}{scene:03}a{language}.wav"


def test_a_file_name_gives_everything_but_speaker_and_words(tmp_path):
    write_clip(tmp_path / "wav_corpus/f_gio204aes.wav")
    (row,) = emofilm.utterances(tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="f_gio204aes",
        audio="wav_corpus/f_gio204aes.wav",
        label="gio",
        gender="F",
        script="f_gio204",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "emofilm", tmp_path)
    assert len(reading.utterances) == 1115
    assert reading.findings == ()
    check_counts("emofilm", reading)


def test_takes_and_languages_of_a_scene_share_a_script(tmp_path):
    for number, name in enumerate(("f_ans007sen", "f_ans007aen", "f_ans007bit", "m_ans007aen")):
        write_clip(tmp_path / f"{name}.wav", number)
    rows = emofilm.utterances(tmp_path).utterances
    assert [row.script for row in rows] == ["f_ans007", "f_ans007", "f_ans007", "m_ans007"]


def test_clips_that_were_resampled_are_read_or_reported(tmp_path):
    write_clip(tmp_path / "wav_corpus/m_dis018ben.wav", 0, 48_000)
    write_clip(tmp_path / "wav_corpus_16k/m_dis018ben_16k.wav", 0, 16_000)
    write_clip(tmp_path / "wav_corpus_16k/m_dis019ben_16k.wav", 1, 16_000)
    reading = emofilm.utterances(tmp_path)
    assert [(row.id, row.audio) for row in reading.utterances] == [
        ("m_dis018ben", "wav_corpus/m_dis018ben.wav"),
        ("m_dis019ben", "wav_corpus_16k/m_dis019ben_16k.wav"),
    ]
    assert [finding.where for finding in reading.findings] == [("wav_corpus_16k/m_dis018ben_16k.wav",)]


def test_dis_is_contempt():
    assert emofilm.CARD.find_classes("ekman-6")["dis"] is None
