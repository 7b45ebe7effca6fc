from dataclasses import replace

from featurestore.corpora import turev_db, write_clip
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names

SPEAKERS = ("1157", "1234", "1358", "1984", "6783", "7895")
COUNTS = {"kz": 487, "hl": 483, "sk": 408, "mt": 357}
FOLDERS = {"kz": "Angry", "hl": "Sad", "sk": "Calm", "mt": "Happy"}
WORDS = [f"kelime{letter}{other}" for letter in "abcdefghij" for other in "abcdefghi"]


def full_release():
    for emotion, count in COUNTS.items():
        for number in range(count):
            speaker, word = SPEAKERS[number % 6], WORDS[number // 6]
            yield f"Sound Source/{FOLDERS[emotion]}/{speaker}_{emotion}_{word}.wav"


def test_a_file_name_gives_everything_but_the_words(tmp_path):
    write_clip(tmp_path / "Sound Source/Calm/1984_sk_eger.wav")
    (row,) = turev_db.utterances(tmp_path).utterances
    assert replace(row, duration=None) == Utterance(
        id="1984_sk_eger",
        audio="Sound Source/Calm/1984_sk_eger.wav",
        label="sk",
        speaker="1984",
        script="eger",
    )


def test_the_full_release(monkeypatch, tmp_path):
    write_names(tmp_path, full_release())
    reading = read_full(monkeypatch, "turev-db", tmp_path)
    assert len(reading.utterances) == 1735
    assert reading.findings == ()
    check_counts("turev-db", reading)


def test_a_second_take_is_of_the_same_word(tmp_path):
    for number, name in enumerate(("7895_hl_ogul1", "7895_kz_ogul")):
        write_clip(tmp_path / f"{name}.wav", number)
    rows = turev_db.utterances(tmp_path).utterances
    assert [(row.id, row.script) for row in rows] == [("7895_hl_ogul1", "ogul"), ("7895_kz_ogul", "ogul")]


def test_calm_is_not_neutral():
    assert turev_db.CARD.find_classes("big-4") == {"hl": "sad", "kz": "angry", "mt": "happy", "sk": None}
