import csv
import json
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurestore.corpora import table
from featurestore.preparation.prepare import prepare
from featurestore.store import Store

COUNTED = "ids from row numbers, which change when a row is inserted or deleted; add a column id to the table"
TWICE = "duplicate ids; a number was appended to the later ones"


def read(path, rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*columns, *(["label"] if "label" not in columns else [])], restval="x")
        writer.writeheader()
        writer.writerows(rows)
    reading = table.utterances(path)
    return reading, {finding.what: finding.where for finding in reading.findings}


def ids_of(path, *audios):
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
def test_clips_of_the_same_name_get_their_path(path, audios, ids):
    assert ids_of(path, *audios) == ids


def test_a_path_in_the_folder_of_the_table_may_be_absolute(path):
    assert ids_of(path, f"{path.parent}/a/x.wav", "b/x.wav") == ["a/x", "b/x"]


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
    before = dict(zip(audios, ids_of(path, *audios), strict=True))
    assert len(set(before.values())) == len(audios)
    shuffler.shuffle(audios)
    assert dict(zip(audios, ids_of(path, *audios), strict=True)) == before
    assert not [name for name in before.values() if "#" in name]


def test_segments_of_the_same_clip_get_their_times(path):
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


def test_rows_of_the_same_segment_get_numbers_and_are_a_finding(path):
    rows = [{"audio": "call.wav", "start": "0", "end": "2"}] * 2 + [{"audio": "call.wav", "start": "2", "end": "3"}]
    reading, odd = read(path, rows)
    assert [row.id for row in reading.utterances] == ["call_0-2", "call_0-2#2", "call_2-3"]
    assert odd[TWICE] == ("call_0-2 -> call_0-2#2",)
    assert odd["audio files on several rows, without a start and end that tell these apart"] == ("call.wav",)
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
def test_the_origin_of_ids_is_in_the_store(path, tmp_path, rows, kind):
    reading, odd = read(path, rows)
    assert reading.ids == kind
    counted = [row.id for row in reading.utterances if row.id.startswith("mine-")]
    assert odd.get(COUNTED, ()) == tuple(counted)
    prepare("table", path, tmp_path / "store")
    assert Store(tmp_path / "store").info["ids"] == kind


def test_a_given_id_stays_and_a_clip_of_that_name_gets_its_path(path):
    reading, _ = read(path, [{"id": "", "audio": "d/a.wav"}, {"id": "a", "audio": "e/a.wav"}])
    assert [row.id for row in reading.utterances] == ["d/a", "a"]


def test_very_many_rows_of_the_same_id_get_numbers(path):
    reading, _ = read(path, [{"id": "same", "text": f"t{n}"} for n in range(3000)])
    assert [row.id for row in reading.utterances][:3] == ["same", "same#2", "same#3"]
    assert max(Counter(row.id for row in reading.utterances).values()) == 1


def test_made_up_ids_are_those_that_the_table_does_not_give(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("id,text,label\na,never again,x\n,my dog,y\nb,your house,x\nb,the letter,y\n")
    prepare("table", table, tmp_path / "store")
    info = json.loads((tmp_path / "store" / "corpus.json").read_text())
    assert info["made_up_ids"] == ["t-3", "b", "b#2"]
    store = Store(tmp_path / "store")
    assert sorted(store.made_up) == ["b", "b#2", "t-3"]
    assert len(set(store.made_up.values())) == 1


@pytest.mark.parametrize(("header", "ids"), [("id,text,label", "a,b"), ("text,label", "t-2,t-3")])
def test_corpus_json_does_not_list_ids_that_are_all_made_up(tmp_path, header, ids):
    table = tmp_path / "t.csv"
    rows = ["never again,x", "my dog,y"]
    given = [f"{name},{row}" for name, row in zip("ab", rows, strict=True)] if header.startswith("id") else rows
    table.write_text("\n".join([header, *given]) + "\n")
    prepare("table", table, tmp_path / "store")
    assert json.loads((tmp_path / "store" / "corpus.json").read_text())["made_up_ids"] == []
    assert sorted(Store(tmp_path / "store").made_up) == ([] if header.startswith("id") else ids.split(","))


def test_the_origin_of_made_up_ids_is_that_of_ids_clips_and_words_alone(tmp_path):
    table, origins = tmp_path / "t.csv", []
    for content in ("never again,x", "never again,y", "never once,y"):
        table.write_text(f"text,label\n{content}\nmy dog,y\n")
        prepare("table", table, tmp_path / "store")
        origins.append(set(Store(tmp_path / "store").made_up.values()))
    assert origins[0] == origins[1] != origins[2]
