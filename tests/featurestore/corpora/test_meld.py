import itertools

import pytest

from featurestore.corpora import meld, write_clip
from featurestore.dialogues import order_turns
from featurestore.errors import Mismatch, NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names
from tests.support.listed_releases import by_id, edit, list_findings, repeat, write_sample, write_table

COLUMNS = (
    "Sr No.",
    "Utterance",
    "Speaker",
    "Emotion",
    "Sentiment",
    "Dialogue_ID",
    "Utterance_ID",
    "Season",
    "Episode",
    "StartTime",
    "EndTime",
)
PARTS = {  # counts of declare-lab/MELD, and the number of dialogues
    "train": ({"neutral": 4710, "joy": 1743, "surprise": 1205, "anger": 1109, "sadness": 683, "disgust": 271}, 1038),
    "dev": ({"neutral": 470, "joy": 163, "anger": 153, "surprise": 150, "sadness": 111, "fear": 40}, 114),
    "test": ({"neutral": 1256, "joy": 402, "anger": 345, "surprise": 281, "sadness": 208, "disgust": 68}, 280),
}
REST = {"train": {"fear": 268}, "dev": {"disgust": 22}, "test": {"fear": 50}}
FOLDERS = {"train": "train/train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}


@pytest.fixture
def root(tmp_path):
    return write_sample("meld", tmp_path)


def full_release(root):
    speakers, episodes = (itertools.cycle(range(count)) for count in (304, 190))
    for part, (counts, dialogues) in PARTS.items():
        rows = []
        for number, label in enumerate(repeat(counts | REST[part])):
            dialogue, turn = number % dialogues, number // dialogues
            times = f"0:{turn:02}:10,000", f"0:{turn:02}:11,500"
            speaker, episode = f"Speaker {next(speakers)}", next(episodes)
            rows.append((number, "Hi.", speaker, label, "x", dialogue, turn, episode // 19, episode % 19, *times))
        where = root / "train" if part == "train" else root
        write_table(where / f"{part}_sent_emo.csv", COLUMNS, rows)
        write_names(root / FOLDERS[part], (f"dia{row[5]}_utt{row[6]}.mp4" for row in rows))


def test_a_row_holds_what_the_release_says(root):
    row = by_id(meld.utterances(root))["dev_dia1_utt0"]
    assert row == Utterance(
        id="dev_dia1_utt0",
        audio="dev_splits_complete/dia1_utt0.wav",
        text="Line 0, of dev.",
        label="joy",
        speaker="Joey",
        gender="M",
        session="s01e02",
        dialogue="dev_dia1",
        partition="dev",
        start=60.25,
        end=60.75,
        duration=row.duration,
    )
    assert row.duration == pytest.approx(0.112)


def test_the_full_release(monkeypatch, tmp_path):
    full_release(tmp_path)
    reading = read_full(monkeypatch, "meld", tmp_path)
    assert len(reading.utterances) == 13_708
    assert reading.findings == ()
    check_counts("meld", reading)
    dialogues = {row.dialogue: row.partition for row in reading.utterances}
    assert [list(dialogues.values()).count(part) for part in PARTS] == [1038, 114, 280]
    assert all(row.audio for row in reading.utterances)


def test_the_clip_of_a_part_is_not_that_of_another(root):
    names = {row.id: row.audio for row in meld.utterances(root).utterances}
    assert names["train_dia0_utt0"] == "train/train_splits/dia0_utt0.wav"
    assert names["test_dia0_utt0"] == "output_repeated_splits_test/dia0_utt0.wav"


def test_texts_alone_are_a_release(root):
    for clip in root.rglob("*.wav"):
        clip.unlink()
    reading = meld.utterances(root)
    assert {row.audio for row in reading.utterances} == {""}
    assert list_findings(reading) == {
        "no utterance has a clip: this copy holds no audio of them": ("24 utterances",),
    }


def test_unusable_missing_and_further_clips_are_findings(root):
    (root / "train/train_splits/dia0_utt3.wav").write_bytes(b"no sound")
    (root / "dev_splits_complete/dia1_utt2.wav").unlink()
    test = root / "output_repeated_splits_test"
    (test / "final_videos_testdia0_utt0.wav").write_bytes((test / "dia0_utt0.wav").read_bytes())
    write_clip(test / "final_videos_testdia0_utt1.wav", 90)
    write_clip(test / "dia9_utt9.wav", 91)
    write_clip(root / "dia0_utt0.wav", 92)
    (test / "._dia0_utt0.wav").write_bytes(b"\0")
    reading = meld.utterances(root)
    assert len(reading.utterances) == 24
    found = list_findings(reading)
    (unusable,) = found.pop("utterances whose audio file cannot be used, kept without a duration")
    assert unusable.startswith("train_dia0_utt3: ")
    assert found == {
        "files named ._*, left by macOS, ignored": ("output_repeated_splits_test/._dia0_utt0.wav",),
        "clips that no label file lists, ignored": ("dia0_utt0.wav", "output_repeated_splits_test/dia9_utt9.wav"),
        "second copies of a clip, with the same bytes, ignored": (
            "output_repeated_splits_test/final_videos_testdia0_utt0.wav",
        ),
        "files with the name of another clip and other bytes, ignored: one clip of each name is used": (
            "output_repeated_splits_test/final_videos_testdia0_utt1.wav",
        ),
        "utterances without a clip, kept without audio": ("dev_dia1_utt2",),
    }


def test_times_that_contradict_the_order_are_left_empty(root):
    edit(root / "dev_sent_emo.csv", '"00:00:02,250","00:00:02,750"', '"00:00:00,100","00:00:00,200"')
    reading = meld.utterances(root)
    (finding,) = reading.findings
    assert finding.what.startswith("dialogues whose times do not give the order of their turns")
    assert finding.where == ("dev_dia0",)
    assert [row.start for row in reading.utterances if row.dialogue == "dev_dia0"] == [None] * 4
    turns = order_turns(reading.utterances)["dev_dia0"]
    assert [turn.id for turn in turns] == [f"dev_dia0_utt{number}" for number in range(4)]


def test_rows_that_are_odd_are_findings(root):
    edit(root / "train_sent_emo.csv", '3,"Line 3, of train.",The Waiter,neutral,neutral,0,3', '3,"Line",All,odd,x,0,2')
    edit(root / "dev_sent_emo.csv", "Ross,anger,neutral,1,2", "Ross and Joey,,neutral,1,2")
    edit(root / "test_sent_emo.csv", "Joey,joy,neutral,1,0", "Joey,joy,neutral,one,0")
    reading = meld.utterances(root)
    assert len(reading.utterances) == 22
    found = list_findings(reading)
    assert found["turns of several speakers at once"] == ("train_dia0_utt2", "dev_dia1_utt2")
    assert found["rows without a number as Dialogue_ID, Utterance_ID, ignored"] == ("test_sent_emo.csv, utterance 5",)
    assert found["utterances that are listed twice; the first row is used"] == ("train_dia0_utt2",)
    assert found["utterances without a label"] == ("dev_dia1_utt2",)
    assert found["clips that no label file lists, ignored"] == (
        "output_repeated_splits_test/dia1_utt0.wav",
        "train/train_splits/dia0_utt3.wav",
    )


def test_punctuation_in_cp1252_is_read(root):
    edit(
        root / "dev_sent_emo.csv",
        '"Line 0, of dev.",Joey,joy,neutral,0',
        '"He’s lost it…",Joey,joy,neutral,0',
        "cp1252",
    )
    reading = meld.utterances(root)
    assert by_id(reading)["dev_dia0_utt0"].text == "He’s lost it…"
    assert list_findings(reading) == {"files that are not UTF-8, read as cp1252": ("dev_sent_emo.csv",)}


def test_a_missing_table_is_a_finding_and_a_second_one_too(root):
    (root / "dev_sent_emo.csv").rename(root / "train/train_sent_emo.csv")
    reading = meld.utterances(root)
    assert {row.partition for row in reading.utterances} == {"train", "test"}
    found = list_findings(reading)
    assert found["files that this copy lacks, so that their partitions are left out"] == ("dev_sent_emo.csv",)
    assert found["label files in other folders, ignored; the least nested one is read"] == ("train/train_sent_emo.csv",)


def test_a_damaged_table_is_an_error(root):
    edit(root / "dev_sent_emo.csv", "Speaker", "Who")
    with pytest.raises(Mismatch, match="get the file again: it has no Speaker"):
        meld.utterances(root)
    (root / "dev_sent_emo.csv").unlink()
    (root / "dev_sent_emo.csv").symlink_to(root / "nowhere")
    with pytest.raises(NotFound, match=r"dev_sent_emo\.csv cannot be read"):
        meld.utterances(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of MELD"):
        meld.utterances(tmp_path)
