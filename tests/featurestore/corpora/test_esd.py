from dataclasses import replace

import pytest

from featurestore.corpora import esd, write_clip
from featurestore.errors import NotFound
from tests.support.full_releases import check_counts, collect_findings, read_names

EMOTIONS = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
CHINESE = ("中立", "生气", "快乐", "伤心", "惊喜")


def list_clips(speaker):
    for number in range(1, 1751):
        yield f"{speaker:04}_{number:06}", (number - 1) // 350


def write_list(root, speaker, text, encoding="utf-8"):
    (root / speaker).mkdir(exist_ok=True)
    (root / speaker / f"{speaker}.txt").write_text(text, encoding)


@pytest.fixture
def root(tmp_path):
    write_clip(tmp_path / "0011/Angry/0011_000351.wav")
    write_list(tmp_path, "0011", "0011_000351\tThe nine the eggs, I keep.\tAngry\n")
    return tmp_path


def test_a_clip_and_its_line_give_everything(root):
    reading = esd.utterances(root)
    assert reading.findings == ()
    (row,) = reading.utterances
    assert row == replace(
        row,
        id="0011_000351",
        audio="0011/Angry/0011_000351.wav",
        text="The nine the eggs, I keep.",
        label="Angry",
        speaker="0011",
        gender="M",
        script="en001",
        duration=0.1,
    )
    assert row.session == row.dialogue == row.partition == ""


def test_the_full_release(monkeypatch, tmp_path):
    names = []
    for speaker in range(1, 21):
        words = CHINESE if speaker in (3, 4) else EMOTIONS
        clips = list(list_clips(speaker))
        names += [f"{speaker:04}/{EMOTIONS[place]}/{name}.wav" for name, place in clips]
        lines = (f"{name}\tSentence {name}.\t{words[place]}" for name, place in clips)
        write_list(tmp_path, f"{speaker:04}", "\n".join(lines))
    reading = read_names(monkeypatch, "esd", tmp_path, names)
    assert len(reading.utterances) == 35_000
    assert reading.findings == ()
    check_counts("esd", reading)
    assert len({row.script for row in reading.utterances}) == 700
    female = {int(row.speaker) for row in reading.utterances if row.gender == "F"}
    assert female == {1, 2, 3, 7, 9, 15, 16, 17, 18, 19}


def test_a_copy_with_a_split_has_partitions(tmp_path):
    for place, part in enumerate(("evaluation", "test", "train")):
        write_clip(tmp_path / f"0011/Sad/{part}/0011_00105{place}.wav", place)
    rows = esd.utterances(tmp_path).utterances
    assert [(row.partition, row.label) for row in rows] == [("dev", "Sad"), ("test", "Sad"), ("train", "Sad")]


@pytest.mark.parametrize(("number", "label"), list(enumerate(CHINESE)))
def test_chinese_labels_are_understood(tmp_path, number, label):
    name = f"0001_{350 * number + 1:06}"
    write_clip(tmp_path / f"0001/{name}.wav")
    write_list(tmp_path, "0001", f"{name}\t打远一看，它们的确很是美丽，\t{label}\n", "utf-16")
    (row,) = esd.utterances(tmp_path).utterances
    assert (row.label, row.text, row.script) == (EMOTIONS[number], "打远一看，它们的确很是美丽，", "zh001")


def test_lines_may_be_parted_by_spaces(root):
    write_list(root, "0011", "\n0011_000351 The nine the eggs,  I keep.  angry \n\n")
    reading = esd.utterances(root)
    assert reading.utterances[0].text == "The nine the eggs,  I keep."
    assert reading.findings == ()


def test_what_the_list_and_the_clips_do_not_share_is_a_finding(root):
    write_clip(root / "0011/0011_000352.wav", 1)
    lines = ("0011_000351\tText.\tSad", "0011_000353\tText.\tAngry", "0011_000352\tText.\tBored", "a line")
    write_list(root, "0011", "\n".join(lines))
    reading = esd.utterances(root)
    assert [row.label for row in reading.utterances] == ["Sad", ""]
    assert collect_findings(reading) == {
        "lines of label files without an id": ("0011/0011.txt, line 3", "0011/0011.txt, line 4"),
        "clips with another label in SPEAKER.txt than in their path; that of the file is used": (
            "0011_000351: Sad, not Angry",
        ),
        "clips that SPEAKER.txt does not list": ("0011_000352",),
        "clips without a label": ("0011_000352",),
        "utterances that SPEAKER.txt lists without a clip": ("0011_000353",),
    }


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of ESD"):
        esd.utterances(tmp_path)
