import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from cli import main
from featurestore.corpora import GIVEN
from featurestore.errors import BadValue, Mismatch, NotFound
from featurestore.manifest import Utterance
from featurestore.preparation.prepare import prepare
from featurestore.shards import id_index
from featurestore.shards.cut_manifest import cut_manifest
from featurestore.shards.id_index import IdIndex
from featurestore.shards.shard_index import read_index
from featurestore.shards.write_shards import describe_range, write_shards
from featurestore.store import Store

INFO = {"corpus": "table", "root": "/nowhere"}


def rows(dialogues):
    return [Utterance(f"u{number}", dialogue=dialogue) for number, dialogue in enumerate(dialogues)]


@pytest.mark.parametrize(
    ("dialogues", "size", "expected"),
    [
        ([""] * 7, 3, [3, 3, 1]),
        ("aabbcc", 3, [2, 2, 2]),
        ("aabbcc", 4, [4, 2]),
        ("abbbc", 3, [1, 3, 1]),
        ("aaaaa", 2, [2, 2, 1]),
        (["", "", *"aa", ""], 3, [2, 3]),
    ],
)
def test_turns_of_a_dialogue_stay_together(dialogues, size, expected):
    parts = list(cut_manifest(rows(dialogues), size))
    assert [len(part) for part in parts] == expected
    assert [row for part in parts for row in part] == rows(dialogues)


@pytest.mark.parametrize(("dialogues", "cut"), [("aabbcc", 0), ("aaaaa", 1), ("abab", 2), (["", "", "", ""], 0)])
def test_dialogues_in_several_shards_are_counted(dialogues, cut, tmp_path):
    assert write_shards(tmp_path, INFO, rows(dialogues), 2).index.cut_dialogues == cut


def test_utterances_are_consumed_shard_by_shard(tmp_path):
    taken = []

    def generate():
        for row in rows([""] * 6):
            taken.append((row.id, len(list(tmp_path.glob("0*")))))
            yield row

    write_shards(tmp_path, INFO, generate(), 2)
    assert [written for _, written in taken] == [0, 0, 0, 1, 1, 2]


def test_the_same_corpus_writes_nothing_again(tmp_path):
    first = write_shards(tmp_path, INFO, rows("aabbc"), 2)
    assert len(first.written) == 2 * 3 + 2
    assert write_shards(tmp_path, INFO, rows("aabbc"), 2).written == ()
    changed = [*rows("aabbc")[:4], Utterance("u4", dialogue="c", text="new")]
    assert write_shards(tmp_path, INFO, changed, 2).written == ("0002/utterances.csv", "shards.json")


def test_an_id_that_stands_in_two_shards_is_refused(tmp_path):
    with pytest.raises(Mismatch, match="has duplicate ids: u1\n"):
        write_shards(tmp_path, INFO, [*rows([""] * 4), Utterance("u1")], 2)


def test_equal_hashes_of_different_ids_lead_to_another_salt(tmp_path, monkeypatch):
    hashed = id_index.hash_texts

    def collide(texts, salt=0):
        found = hashed(texts, salt).copy()
        return found % 3 if salt == 0 else found

    monkeypatch.setattr(id_index, "hash_texts", collide)
    monkeypatch.setattr("featurestore.shards.write_shards.hash_texts", collide)
    index = write_shards(tmp_path, INFO, rows([""] * 6), 2).index
    assert index.salt == 1
    assert IdIndex(tmp_path, 1).find([f"u{number}" for number in range(6)]).tolist() == list(range(6))


def test_ids_are_found_at_their_places(tmp_path):
    index = write_shards(tmp_path, INFO, rows([""] * 50), 7).index
    order = np.random.default_rng(0).permutation(50)
    found = IdIndex(tmp_path, index.salt).find([f"u{number}" for number in order])
    np.testing.assert_array_equal(found, order)
    assert IdIndex(tmp_path, index.salt).find(["nobody", "u3", ""]).tolist() == [-1, 3, -1]
    np.testing.assert_array_equal(index.find_shards(found), order // 7)


def test_a_part_of_a_corpus_is_described_by_its_own_counts():
    info = {
        "corpus": "table",
        "counts": {"hap": 2, "ang": 1},
        "ids": "rows",
        "made_up_ids": ["u1"],
        "findings": [{"what": "odd", "where": ["u0", "u2"]}, {"what": "other", "where": ["u1"]}],
    }
    part = [Utterance("u0", label="ang", duration=1.8, speaker="A"), Utterance("u2", label="hap")]
    assert describe_range(info, part) == {
        "corpus": "table",
        "utterances": 2,
        "hours": 0.0005,
        "without_duration": 1,
        "speakers": 1,
        "counts": {"hap": 1, "ang": 1},
        "ids": GIVEN,
        "made_up_ids": [],
        "findings": [{"what": "odd", "where": ["u0", "u2"]}],
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content | {"format": 2}, "cannot be read\n  expected: format 1\n  got: format 2"),
        (lambda content: content | {"shards": [{"name": "0000"}]}, "is damaged\n"),
        (lambda content: content | {"shards": content["shards"][1:]}, "its ranges do not follow each other"),
        (lambda content: content | {"utterances": 9}, "its ranges do not follow each other"),
    ],
)
def test_a_damaged_index_is_refused(change, message, tmp_path):
    write_shards(tmp_path, INFO, rows("aabb"), 2)
    path = tmp_path / "shards.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(Mismatch, match=message):
        read_index(tmp_path)


def test_missing_parts_of_a_store_are_named(tmp_path):
    with pytest.raises(NotFound, match="there is no"):
        read_index(tmp_path)
    with pytest.raises(Mismatch, match=r"shards.ids.npy cannot be read\n(.*\n)*.*run cli prepare"):
        IdIndex(tmp_path, 0)
    with pytest.raises(BadValue, match="invalid number of utterances in a shard: 0"):
        write_shards(tmp_path, INFO, rows("a"), 0)
    with pytest.raises(Mismatch, match="there is no utterance to write"):
        write_shards(tmp_path, INFO, [], 1)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text("id,label,text\n" + "".join(f"c{number},ang,hello {number}\n" for number in range(7)))
    return path


def test_prepare_cuts_and_prepares_again_in_the_same_way(table, tmp_path):
    store = tmp_path / "store"
    done = prepare("table", table, store, shard_rows=3)
    assert (done.utterances, done.shards, done.changes) == (7, 3, None)
    assert "cut into 3 shards, 3 of them written now" in done.summary()
    opened = Store(store)
    assert [row.id for row in opened.utterances] == [f"c{number}" for number in range(7)]
    assert [len(shard.utterances) for shard in opened.shards()] == [3, 3, 1]
    assert opened.info["utterances"] == 7
    assert opened.open_shard(2).info["counts"] == {"ang": 1}
    table.write_text(table.read_text().replace("hello 5", "good bye"))
    again = prepare("table", table, store)
    assert again.changes.changed == ("c5",)
    assert [name for name in again.written if name.endswith("csv")] == ["0001/utterances.csv"]


def test_prepare_refuses_another_size_and_a_store_that_is_not_cut(table, tmp_path):
    cut, single = tmp_path / "cut", tmp_path / "single"
    prepare("table", table, cut, shard_rows=3)
    with pytest.raises(Mismatch, match="is cut into shards of another size\n  expected: 4 utterances\n  got: 3"):
        prepare("table", table, cut, shard_rows=4)
    prepare("table", table, single)
    with pytest.raises(Mismatch, match="not cut into shards\n  do: cli shard .*single OTHER_FOLDER --rows 3"):
        prepare("table", table, single, shard_rows=3)


def test_prepare_says_how_many_dialogues_are_cut(tmp_path):
    path = tmp_path / "turns.csv"
    path.write_text("id,text,label,dialogue\n" + "".join(f"c{row},hello,hap,d{row % 2}\n" for row in range(6)))
    done = prepare("table", path, tmp_path / "store", shard_rows=3)
    assert done.cut_dialogues == 2
    assert re.search(r"^2 dialogues in more than one shard, .* --context are refused$", done.summary(), re.M)
    path.write_text(path.read_text().replace("d0", "").replace("d1", ""))
    assert "dialogue" not in prepare("table", path, tmp_path / "store").summary()


def test_the_command_cuts(table, tmp_path):
    store = tmp_path / "store"
    done = CliRunner().invoke(main, ["prepare", "table", str(table), "--store", str(store), "--shard-rows", "4"])
    assert done.exit_code == 0, done.output
    assert len(read_index(store).shards) == 2
