from collections import Counter

import pytest

from featurestore.corpora import cmu_mosei
from featurestore.errors import Mismatch, NotFound
from featurestore.manifest import Utterance
from tests.support.full_releases import check_counts, read_full, write_names
from tests.support.listed_releases import by_id, edit, list_findings, repeat, write_sample, write_table

COLUMNS = ("", "file", "index", "start", "end", "label2a", "label2b", "label6", "label7", "split")
PARTS = {  # counts of CMU_MOSEI_Labels.csv by emotion, and the number of made-up videos
    "train": ((10180, 2679, 1911, 301, 945, 311), 2249),
    "dev": ((1168, 349, 188, 38, 88, 40), 300),
    "test": ((2931, 703, 595, 89, 245, 99), 676),
}

WITHOUT_TEXT = "utterances without a transcript, kept with an empty text"


@pytest.fixture
def root(tmp_path):
    return write_sample("cmu-mosei", tmp_path)


def full_release(root):
    rows = []
    for split, (part, (counts, videos)) in enumerate(PARTS.items()):
        clips = []
        for number, label in enumerate(repeat(dict(enumerate(counts)))):
            video, index = f"{part[:2]}_{number % videos:08}", number // videos
            rows.append((len(rows), video, index, index * 5.5, index * 5.5 + 5, 1, 1, label, 0, split))
            clips.append(f"{video}_{index}.wav")
        write_names(root / "Audio/Segmented_Audio" / part, clips)
    rows += [(number, "outside0000", number, 0, 1, 0, -1, 0, 0, 3) for number in range(399)]
    write_table(root / "CMU_MOSEI_Labels.csv", COLUMNS, rows)


def test_a_row_holds_what_the_release_says(root):
    row = by_id(cmu_mosei.utterances(root))["-Video_0002_1"]
    assert row == Utterance(
        id="-Video_0002_1",
        audio="Audio/Segmented_Audio/dev/-Video_0002_1.wav",
        text="line 1 of the video",
        label="0",
        speaker="-Video_0002",
        dialogue="-Video_0002",
        partition="dev",
        start=1.25,
        end=1.75,
        duration=row.duration,
    )


def test_the_full_release(monkeypatch, tmp_path):
    full_release(tmp_path)
    reading = read_full(monkeypatch, "cmu-mosei", tmp_path)
    assert len(reading.utterances) == 22_860
    check_counts("cmu-mosei", reading)
    labels = Counter(row.label for row in reading.utterances)
    assert round(labels["0"] / labels.total(), 2) == 0.62
    assert {what: len(where) for what, where in list_findings(reading).items()} == {
        "segments that are in no part of the official split and have no clip, ignored": 399,
        "no utterance has a transcript: this copy holds no text files of them": 1,
    }


def test_segments_are_in_the_order_of_the_video(root):
    edit(root / "CMU_MOSEI_Labels.csv", "0,-Video_0000,0,0.25,0.75", "0,-Video_0000,0,20.5,21")
    reading = cmu_mosei.utterances(root)
    assert list_findings(reading) == {WITHOUT_TEXT: ("-Video_0000_0",)}
    assert [row.id for row in reading.utterances[:4]] == [f"-Video_0000_{number}" for number in (1, 2, 3, 0)]


def test_odd_rows_and_clips_are_findings(root):
    edit(root / "CMU_MOSEI_Labels.csv", "5,-Video_0001,1,1.25,1.75,2,0", "5,-Video_0001,1,x,1.75,7,0")
    folder = root / "Audio/Segmented_Audio/test"
    (folder / "-Video_0005_3.wav").rename(folder / "-Video_0009_3.wav")
    found = list_findings(cmu_mosei.utterances(root))
    assert found == {
        WITHOUT_TEXT: ("-Video_0001_1",),
        "dialogues whose times do not give the order of their turns; start and end are left empty, the order is that "
        "of the release": ("-Video_0001",),
        "utterances with the unknown label '7'": ("-Video_0001_1",),
        "clips that no label file lists, ignored": ("Audio/Segmented_Audio/test/-Video_0009_3.wav",),
        "utterances without a clip, kept without audio": ("-Video_0005_3",),
    }


def test_words_are_found_by_their_times(root):
    folder = root / "Transcript/Segmented/Combined"
    path = folder / "-Video_0000.txt"
    edit(path, " line 2 of the video", "a ___ b _____ c")
    edit(path, "-Video_0000___0___3.25___3.750___ line 3 of the video", "-Video_0000___0___3.25")
    (folder / "-Video_0009.txt").write_text("of a video that is not listed")
    reading = cmu_mosei.utterances(root)
    assert by_id(reading)["-Video_0000_2"].text == "a ___ b _____ c"
    assert by_id(reading)["-Video_0000_3"].text == ""
    assert list_findings(reading) == {
        "lines of transcripts that cannot be read, ignored": ("Transcript/Segmented/Combined/-Video_0000.txt:4",),
        WITHOUT_TEXT: ("-Video_0000_3",),
    }


def test_a_damaged_table_is_an_error(root):
    edit(root / "CMU_MOSEI_Labels.csv", "label6", "label9")
    with pytest.raises(Mismatch, match="get the file again: it has no label6"):
        cmu_mosei.utterances(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(NotFound, match="is not a release of CMU-MOSEI"):
        cmu_mosei.utterances(tmp_path)
