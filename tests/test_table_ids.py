import csv
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurestore.corpora import table
from featurestore.prepare import prepare
from featurestore.store import Store

COUNTED = "ids made of row numbers, which move when a row is inserted or deleted; give the table a column id"
TWICE = "ids that stand more than once; the later ones got a number"


def read(path, rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*columns, *(["label"] if "label" not in columns else [])], restval="x")
        writer.writeheader()
        writer.writerows(rows)
    reading = table.utterances(path)
    return reading, {finding.what: finding.where for finding in reading.findings}


def named(path, *audios):
    return [row.id for row in read(path, [{"audio": audio} for audio in audios])[0].utterances]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.csv"


@pytest.mark.parametrize(
    ("audios", "ids"),
    [
        (["a/x.wav", "b/y.wav"], ["x", "y"]),
        (["train/x.wav", "test/x.wav", "test/y.wav"], ["train/x", "test/x", "y"]),
        (["x.wav", "test/x.wav"], ["x", "test/x"]),
        (["d/x.wav", "d/x.mp3"], ["d/x.wav", "d/x.mp3"]),
        (["d/x.wav", "d/x.mp3", "e/x.wav"], ["d/x.wav", "d/x.mp3", "e/x"]),
        (["./a/x.wav", "b/../b/x.wav"], ["a/x", "b/x"]),
        (["a\\x.wav", "b\\x.wav"], ["a/x", "b/x"]),
        (["/data/x.wav", "a/x.wav"], ["/data/x", "a/x"]),
    ],
)
def test_clips_of_one_name_get_their_path(path, audios, ids):
    assert named(path, *audios) == ids


def test_a_path_within_the_tables_folder_is_the_same_in_full(path):
    assert named(path, f"{path.parent}/a/x.wav", "b/x.wav") == ["a/x", "b/x"]


PATHS = st.lists(
    st.builds(
        "{}{}.{}".format,
        st.sampled_from(["", "a/", "b/", "b/c/"]),
        st.sampled_from("xyz"),
        st.sampled_from(["wav", "mp3"]),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS, st.randoms(use_true_random=False))
def test_ids_of_different_clips_are_unique_and_do_not_depend_on_the_order(path, audios, shuffler):
    before = dict(zip(audios, named(path, *audios), strict=True))
    assert len(set(before.values())) == len(audios)
    shuffler.shuffle(audios)
    assert dict(zip(audios, named(path, *audios), strict=True)) == before
    assert not [name for name in before.values() if "#" in name]


def test_segments_of_one_clip_are_told_apart_by_their_times(path):
    rows = [
        {"audio": "call.wav", "start": start, "end": end}
        for start, end in (("0", "2.5"), ("2.5", "4"), ("4", ""), ("", "1.25"))
    ] + [{"audio": "other.wav", "start": "1", "end": "2"}]
    expected = ["call_0-2.5", "call_2.5-4", "call_4-", "call_0-1.25", "other"]
    reading, odd = read(path, rows)
    assert [row.id for row in reading.utterances] == expected
    assert reading.ids == "file names"
    assert TWICE not in odd
    order = random.Random(1).sample(range(5), 5)
    again, _ = read(path, [rows[place] for place in order])
    assert [row.id for row in again.utterances] == [expected[place] for place in order]


def test_rows_of_one_clip_and_one_time_are_numbered_and_said(path):
    rows = [{"audio": "call.wav", "start": "0", "end": "2"}] * 2 + [{"audio": "call.wav", "start": "2", "end": "3"}]
    reading, odd = read(path, rows)
    assert [row.id for row in reading.utterances] == ["call_0-2", "call_0-2#2", "call_2-3"]
    assert odd[TWICE] == ("call_0-2 -> call_0-2#2",)
    assert odd["audio files on more than one row, without a start and end that tell these apart"] == ("call.wav",)
    assert reading.ids == "row numbers"


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([{"id": "a", "text": "t"}, {"id": "b", "text": "t"}], "corpus"),
        ([{"id": "a", "text": "t"}, {"id": "a", "text": "u"}], "row numbers"),
        ([{"id": "a", "audio": "x.wav"}, {"id": "", "audio": "y.wav"}], "file names"),
        ([{"audio": "x.wav"}], "file names"),
        ([{"text": "t"}], "row numbers"),
        ([{"id": "a", "text": "t"}, {"id": "", "text": "u"}], "row numbers"),
    ],
)
def test_how_ids_came_about_is_recorded(path, tmp_path, rows, kind):
    reading, odd = read(path, rows)
    assert reading.ids == kind
    counted = [row.id for row in reading.utterances if row.id.startswith("mine-")]
    assert odd.get(COUNTED, ()) == tuple(counted)
    prepare("table", path, tmp_path / "store")
    assert Store(tmp_path / "store").info["ids"] == kind


def test_an_id_that_is_given_stays_and_a_clip_of_that_name_gives_way(path):
    reading, _ = read(path, [{"id": "", "audio": "d/a.wav"}, {"id": "a", "audio": "e/a.wav"}])
    assert [row.id for row in reading.utterances] == ["d/a", "a"]


def test_very_many_rows_of_one_id_are_numbered(path):
    reading, _ = read(path, [{"id": "same", "text": f"t{n}"} for n in range(3000)])
    assert [row.id for row in reading.utterances][:3] == ["same", "same#2", "same#3"]
    assert max(Counter(row.id for row in reading.utterances).values()) == 1
