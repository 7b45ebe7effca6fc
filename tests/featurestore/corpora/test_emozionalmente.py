import json
from collections import Counter
from dataclasses import replace

import pytest

from featurestore.corpora import emozionalmente
from featurestore.errors import Mismatch, NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, list_findings, read_full, write_lines, write_names

EMOTIONS = ("anger", "disgust", "fear", "joy", "neutrality", "sadness", "surprise")
PARTS = {"train": 4366, "dev": 1202, "test": 1334}
SENTENCE = "E’ andato a scuola dopo pranzo"


def write_release(root, clips, genders, split=()):
    """Write a release. Clips are (name, sentence, actor, emotion); each has one vote for joy by each of two raters."""
    metadata = root / "metadata"
    samples = [f"{name}.wav,{sentence},italian,{actor},{emotion}" for name, sentence, actor, emotion in clips]
    write_lines(metadata / "samples.csv", ["file_name,sentence,sentence_language,actor,emotion_expressed", *samples])
    users = [f"{actor},{gender},30,italian" for actor, gender in genders.items()]
    write_lines(metadata / "users.csv", ["username,gender,age,mother_tongue", *users])
    votes = [f"{name}.wav,{rater},good,joy" for name, *_ in clips for rater in ("r1", "r2")]
    write_lines(metadata / "evaluations.csv", ["file_name,evaluator,audio_quality,emotion_recognized", *votes])
    for part, names in dict(split).items():
        lines = [f"{name}.wav,x" for name in names]
        write_lines(metadata / "split" / f"{part}.csv", ["file_name,actor", *lines])
    write_names(root, (f"audio/{name}.wav" for name, *_ in clips))


def full_release():
    """Return clips, genders by actor, and the clips of each part."""
    clips = [
        (f"{1612872848291 + number}", f"Frase {number % 18}", f"actor{number % 431}", EMOTIONS[number % 7])
        for number in range(6902)
    ]
    genders = {f"actor{number}": "female" if number < 299 else "male" for number in range(430)} | {"actor430": "other"}
    names = iter(name for name, *_ in clips)
    return clips, genders, {part: [next(names) for _ in range(count)] for part, count in PARTS.items()}


@pytest.fixture
def root(tmp_path):
    write_release(tmp_path, [("1614951631538", SENTENCE, "d4bb", "anger")], {"d4bb": "female", "9a82": "male"})
    return tmp_path


def test_the_tables_give_everything(monkeypatch, root):
    write_lines(root / "metadata/split/dev.csv", ["file_name,actor", "1614951631538.wav,d4bb"])
    reading = read_full(monkeypatch, "emozionalmente", root)
    (row,) = reading.utterances
    assert reading.findings == ()
    assert replace(row, duration=None, votes="") == Utterance(
        id="1614951631538",
        audio="audio/1614951631538.wav",
        text=SENTENCE,
        label="anger",
        speaker="d4bb",
        gender="F",
        script=SENTENCE,
        partition="dev",
    )
    assert json.loads(row.votes) == [{"rater": "r1", "labels": ["joy"]}, {"rater": "r2", "labels": ["joy"]}]


def test_the_full_release(monkeypatch, tmp_path):
    write_release(tmp_path, *full_release())
    reading = read_full(monkeypatch, "emozionalmente", tmp_path)
    assert len(reading.utterances) == 6902
    check_counts("emozionalmente", reading)
    assert Counter(row.partition for row in reading.utterances) == PARTS
    assert list_findings(reading) == {"actors whose gender is neither female nor male, left empty": ("actor430",)}


def test_a_validation_part_is_dev(monkeypatch, root):
    write_lines(root / "metadata/split/validation.csv", ["file_name", "1614951631538.wav"])
    (row,) = read_full(monkeypatch, "emozionalmente", root).utterances
    assert row.partition == "dev"


def test_version_1_0_has_no_split(monkeypatch, root):
    (row,) = read_full(monkeypatch, "emozionalmente", root).utterances
    assert row.partition == ""


def test_what_the_tables_lack_is_a_finding(monkeypatch, root):
    metadata = root / "metadata"
    clips = [("1", SENTENCE, "a", "joy"), ("2", SENTENCE, "b", "joy"), ("3", SENTENCE, "b", "joy")]
    write_release(root, clips, {"a": "male"}, {"train": ["1", "2"], "test": ["2"]})
    write_lines(metadata / "evaluations.csv", ["file_name,evaluator,emotion_recognized", "1.wav,r,joy", "4.wav,r,joy"])
    reading = read_full(monkeypatch, "emozionalmente", root)
    assert [row.partition for row in reading.utterances] == ["train", "test", ""]
    assert list_findings(reading) == {
        "clips in two parts of the split; the first one is used": ("2.wav",),
        "actors that users.csv gives no gender": ("b",),
        "clips without a vote": ("2", "3"),
        "clips in no part of the split": ("3",),
        "clips that evaluations.csv or the split has and samples.csv has not": ("4",),
        "clips that no label file lists, ignored": ("audio/1614951631538.wav",),
    }


@pytest.mark.parametrize(("name", "what"), [("users.csv", "genders"), ("evaluations.csv", "votes")])
def test_a_missing_table_is_a_finding(monkeypatch, root, name, what):
    (root / "metadata" / name).unlink()
    reading = read_full(monkeypatch, "emozionalmente", root)
    assert list_findings(reading) == {f"files that this copy lacks, so that {what} are empty": (name,)}


def test_no_samples_and_a_missing_column_are_errors(root):
    write_lines(root / "metadata/samples.csv", ["file_name,sentence,actor"])
    with pytest.raises(Mismatch, match="it has no emotion_expressed"):
        emozionalmente.utterances(root)
    (root / "metadata/samples.csv").unlink()
    with pytest.raises(NotFound, match="is not a release of Emozionalmente"):
        emozionalmente.utterances(root)
