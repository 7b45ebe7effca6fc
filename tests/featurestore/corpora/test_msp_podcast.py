import itertools
import json
from collections import Counter

import pytest

from featurestore.corpora import msp_podcast, write_clip
from featurestore.errors import Mismatch, NotFound
from featurestore.labels import load_scheme
from featurestore.manifest import Utterance
from tests.support.full_releases import read_full, write_names
from tests.support.listed_releases import by_id, edit, list_findings, repeat, write_sample, write_table

COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
FOUR = {"Train": 28_601, "Validation": 4_772, "Test1": 9_304, "Test2": 3_483}  # turns of four classes, release 1.8
FIRST = "MSP-PODCAST_0000_0000"
NO_VOTES = ("files that this copy lacks, so that votes are empty", ("labels_detailed.csv",))


@pytest.fixture
def root(tmp_path):
    return write_sample("msp-podcast", tmp_path)


def release_1_8(root):
    """Write a release of the size of 1.8: of its four classes, and one turn of each other class."""
    codes = itertools.cycle("ASHN")
    parts = [(part, next(codes)) for part in repeat(FOUR)] + [("Train", code) for code in "UFDCOX"]
    names = [f"MSP-PODCAST_{number // 1000:04}_{number % 1000:04}.wav" for number in range(len(parts))]
    rows = [
        (name, code, 4.0, 4.2, 3.8, number % 100, "Male", part)
        for number, (name, (part, code)) in enumerate(zip(names, parts, strict=True))
    ]
    write_table(root / "Labels/labels_concensus.csv", COLUMNS, rows)
    write_names(root / "Audios", names)


def test_a_row_holds_what_the_release_says(root):
    row = by_id(msp_podcast.utterances(root))["MSP-PODCAST_0001_0011"]
    assert row == Utterance(
        id="MSP-PODCAST_0001_0011",
        audio="Audios/MSP-PODCAST_0001_0011.wav",
        text="Line 11.",
        label="S",
        speaker="1",
        gender="F",
        partition="Train",
        duration=row.duration,
        valence=4.0,
        activation=4.5,
        dominance=3.75,
        votes='[{"rater":"WORKER00000003","labels":["Sad"],"second":["Other"],"val":4,"act":3,"dom":3},'
        '{"rater":"WORKER00000004","labels":["Sad"],"second":["Other"],"val":4,"act":4,"dom":3}]',
    )


def test_release_1_8(monkeypatch, tmp_path):
    release_1_8(tmp_path)
    reading = read_full(monkeypatch, "msp-podcast", tmp_path)
    classes = load_scheme("msp-podcast-4").apply(reading.utterances)
    assert Counter(row.partition for row in reading.utterances if row.id in classes) == FOUR
    assert set(classes.values()) == {"angry", "sad", "happy", "neutral"}
    assert list_findings(reading) == {
        "no utterance has a transcript: this copy holds no text files of them": ("46,166 utterances",),
        NO_VOTES[0]: NO_VOTES[1],
    }


def test_labels_as_json_are_read(root):
    before = msp_podcast.utterances(root)
    labels, votes = {}, {}
    for row in before.utterances:
        ratings = {"EmoAct": row.activation, "EmoVal": "4.0", "EmoDom": 3.75}
        who = {"SpkrID": row.speaker, "Gender": {"M": "Male", "F": "Female"}[row.gender]}
        labels[f"{row.id}.wav"] = {"EmoClass": row.label, **ratings, **who, "Split_Set": row.partition}
        votes[f"{row.id}.wav"] = {
            vote["rater"]: {
                "EmoClass_Major": vote["labels"][0],
                "EmoClass_Second": "Other",
                "EmoAct": float(vote["act"]),
                "EmoVal": 4.0,
                "EmoDom": 3.0,
            }
            for vote in json.loads(row.votes)
        }
    for name, content in (("consensus", labels), ("detailed", votes)):
        (root / f"Labels/labels_{name}.csv").unlink()
        (root / f"Labels/labels_{name}.json").write_text(json.dumps(content))
    assert msp_podcast.utterances(root) == before


@pytest.mark.parametrize("rater", ["WorkerID", "Workers"])
def test_votes_in_columns_are_read(root, rater):
    columns = ("FileName", rater, "EmoClass_Major", "EmoClass_Second", "EmoAct", "EmoVal", "EmoDom")
    write_table(
        root / "Labels/labels_detailed.csv", columns, [(f"{FIRST}.wav", "W1", "Angry", "Angry,Sad", "5", "2.5", "")]
    )
    reading = msp_podcast.utterances(root)
    assert json.loads(by_id(reading)[FIRST].votes) == [
        {"rater": "W1", "labels": ["Angry"], "second": ["Angry", "Sad"], "val": 2.5, "act": 5, "dom": None}
    ]
    assert len(list_findings(reading)["utterances without votes"]) == 23


def test_clips_of_test_3_have_no_label(root):
    write_clip(root / "Audios/MSP-PODCAST_test3_0001.wav", 90)
    reading = msp_podcast.utterances(root)
    row = reading.utterances[-1]
    assert (row.id, row.partition, row.label, row.speaker) == ("MSP-PODCAST_test3_0001", "Test3", "", "")
    assert row.duration is not None
    assert list_findings(reading) == {"utterances without a label": ("MSP-PODCAST_test3_0001",)}
    assert row.id not in load_scheme("msp-podcast-8").apply(reading.utterances)


def test_odd_rows_and_files_are_findings(root):
    labels = root / "Labels/labels_consensus.csv"
    edit(labels, f"{FIRST}.wav,A,3.5,4.0,3.75,0,Male", f"{FIRST}.wav,Q,7.5,NaN,,Unknown,Unknown")
    edit(
        root / "Labels/labels_detailed.csv",
        '0001.wav,"WORKER00000003; Happy; Other; A:3.0;',
        '0001.wav,"WORKER3; Happy;',
    )
    old = root / "Previous_releases_information/previous_releases_info/v1.6/label/labels_concensus.csv"
    write_table(old, COLUMNS, [])
    write_clip(root / "Previous_releases_information/v1.6_removed_files/MSP-PODCAST_0001_0999.wav", 90)
    (root / "Transcripts/MSP-PODCAST_0000_0002.txt").unlink()
    (root / "Transcripts/MSP-PODCAST_0000_0003.txt").write_bytes("It’s…".encode("cp1252"))
    copy = old.with_name("MSP-PODCAST_0000_0004.txt")
    copy.write_text("Other words.")
    reading = msp_podcast.utterances(root)
    rows = by_id(reading)
    assert (rows[FIRST].speaker, rows[FIRST].gender, rows[FIRST].valence, rows[FIRST].dominance) == ("", "", None, None)
    assert rows["MSP-PODCAST_0000_0003"].text == "It’s…"
    assert rows["MSP-PODCAST_0000_0004"].text == "Line 4."
    found = list_findings(reading)
    (unread,) = found.pop("votes that cannot be read, ignored")
    assert unread.startswith("MSP-PODCAST_0000_0001.wav: WORKER3; Happy")
    assert found == {
        "label files in other folders, ignored; the least nested one is read": (old.relative_to(root).as_posix(),),
        "files that are not UTF-8, read as cp1252": ("Transcripts/MSP-PODCAST_0000_0003.txt",),
        "second text files of an utterance with other words, ignored": (copy.relative_to(root).as_posix(),),
        "utterances without a transcript, kept with an empty text": ("MSP-PODCAST_0000_0002",),
        "utterances of an unknown speaker, kept without a speaker": (FIRST,),
        "mean ratings outside 1 to 7, kept": (FIRST,),
        "utterances with the unknown label 'Q'": (FIRST,),
        "clips that no label file lists, ignored": (
            "Previous_releases_information/v1.6_removed_files/MSP-PODCAST_0001_0999.wav",
        ),
    }


def test_a_damaged_table_is_an_error(root):
    edit(root / "Labels/labels_consensus.csv", "Split_Set", "Part")
    with pytest.raises(Mismatch, match="get the file again: it has no Split_Set"):
        msp_podcast.utterances(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of MSP-Podcast"):
        msp_podcast.utterances(tmp_path)
