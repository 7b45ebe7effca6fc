import pickle
import sys
import types
import warnings

import pytest

from featurestore.corpora import audformat as reader
from featurestore.errors import BadValue, NotFound, Unavailable
from featurestore.preparation.prepare import prepare
from featurestore.store import Store
from tests.support.others import list_findings, write_clip

audformat = pytest.importorskip("audformat")
FILES = ["wav/a.wav", "wav/b.wav", "wav/c.wav"]


@pytest.fixture
def database():
    made = audformat.Database("calls")
    made.schemes["emotion"] = audformat.Scheme(labels=["anger", "neutral"])
    made.schemes["arousal"] = audformat.Scheme("float")
    people = {"s1": {"gender": "female"}, "s2": {"gender": "male"}}
    made.schemes["speaker"] = audformat.Scheme(labels=people)
    made.schemes["transcription"] = audformat.Scheme(labels={"a01": "So what?"})
    for part in ("train", "test"):
        made.splits[part] = audformat.Split(part)
    return made


def add(database, table, index, split=None, **columns):
    """Add a table with the values of its columns; a column is called as its scheme, if there is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, about audformat
        made = database[table] = audformat.Table(index, split_id=split)
        for name, values in columns.items():
            made[name] = audformat.Column(scheme_id=name if name in database.schemes else None)
            made[name].set(values)


def save(database, root, clips=FILES):
    for number, clip in enumerate(clips):
        write_clip(root / clip, 3 + number / 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        database.save(str(root), storage_format="csv")
    return root


def test_labels_speakers_and_texts_of_files(database, tmp_path):
    add(database, "emotion", audformat.filewise_index(FILES), emotion=["anger", "neutral", None], confidence=[1, 1, 1])
    people = {"speaker": ["s1", "s2", "s2"], "transcription": ["a01", None, "a01"], "arousal": [0.5, 1, 2]}
    add(database, "files", audformat.filewise_index(FILES), **people)
    reading = reader.utterances(save(database, tmp_path))
    first, second, third = reading.utterances
    assert (first.id, first.audio, first.label, first.text) == ("a", "wav/a.wav", "anger", "So what?")
    assert (first.speaker, first.gender, first.activation, first.duration) == ("s1", "F", 0.5, 3)
    assert (second.text, second.gender, third.label) == ("", "M", "")
    assert not reading.segments
    assert list_findings(reading) == {
        "columns of the database, ignored": ("emotion.confidence",),
        "rows without a label": ("c",),
    }


def test_segments_keep_their_times(database, tmp_path):
    index = audformat.segmented_index(
        ["wav/a.wav", "wav/a.wav", "wav/b.wav"], ["0.25s", "1s", "0s"], ["0.5s", None, None]
    )
    add(database, "turns", index, emotion=["anger", "neutral", "anger"])
    add(database, "files", audformat.filewise_index(FILES), speaker=["s1", "s2", "s2"])
    reading = reader.utterances(save(database, tmp_path))
    assert [(row.id, row.start, row.end, row.duration) for row in reading.utterances] == [
        ("a_0.25-0.5", 0.25, 0.5, 0.25),
        ("a_1-", 1, None, 2),
        ("b", None, None, 3.01),
    ]
    assert [row.speaker for row in reading.utterances] == ["s1", "s1", "s2"]
    assert reading.segments


def test_tables_of_parts_are_partitions(database, tmp_path):
    for part, files in (("train", FILES[:2]), ("test", FILES[2:])):
        add(database, f"emotion.{part}.gold", audformat.filewise_index(files), part, emotion=["anger"] * len(files))
        add(
            database, f"emotion.{part}.desired", audformat.filewise_index(files), part, emotion=["neutral"] * len(files)
        )
    root = save(database, tmp_path)
    with pytest.raises(BadValue, match="has several columns that may be the label") as caught:
        reader.utterances(root)
    assert "got: emotion.*.desired.emotion, emotion.*.gold.emotion" in str(caught.value)
    assert "do: name it: --column 'label=emotion.*.desired.emotion'" in str(caught.value)
    reading = reader.utterances(root, {"label": "emotion.*.gold.emotion"})
    assert {row.id: (row.partition, row.label) for row in reading.utterances} == {
        "a": ("train", "anger"),
        "b": ("train", "anger"),
        "c": ("test", "anger"),
    }
    one = reader.utterances(root, {"label": "emotion.test.desired.emotion"})
    assert [(row.id, row.label, row.partition) for row in one.utterances] == [("c", "neutral", "test")]


def test_other_names(database, tmp_path):
    add(database, "laughs", audformat.filewise_index(FILES), kind=["giggle", "roar", "roar"], who=["x", "y", "z"])
    root = save(database, tmp_path)
    with pytest.raises(BadValue, match="has no column that may be the label\n.*\n  got: laughs.kind, laughs.who"):
        reader.utterances(root)
    rows = reader.utterances(root, {"label": "kind", "speaker": "who"}).utterances
    assert [(row.label, row.speaker) for row in rows] == [("giggle", "x"), ("roar", "y"), ("roar", "z")]
    with pytest.raises(BadValue, match="has no scheme or column whom\n  expected: one of laughs.kind, laughs.who"):
        reader.utterances(root, {"label": "kind", "speaker": "whom"})
    with pytest.raises(BadValue, match="has no column laughs.sort"):
        reader.utterances(root, {"label": "laughs.sort"})


def test_missing_media_and_contradicting_tables_are_findings(database, tmp_path):
    add(database, "emotion", audformat.filewise_index(FILES), emotion=["anger", "neutral", "anger"])
    add(database, "one", audformat.filewise_index(FILES), speaker=["s1", "s1", "s2"])
    add(database, "two", audformat.filewise_index(FILES), speaker=["s2", "s1", "s2"])
    reading = reader.utterances(save(database, tmp_path, FILES[:2]))
    assert {row.speaker for row in reading.utterances} == {""}
    found = list_findings(reading)
    assert found["utterances whose audio file is missing, kept without a duration"] == ("c",)
    assert found["columns with several values for a clip, left empty"] == ("speaker", "gender")


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of a pickle was run')",)


def test_a_pickled_table_is_never_loaded(database, tmp_path):
    add(database, "emotion", audformat.filewise_index(FILES), emotion=["anger", "neutral", "anger"])
    root = save(database, tmp_path)
    before = reader.utterances(root)
    (root / "db.emotion.pkl").write_bytes(pickle.dumps(Trap()))
    assert reader.utterances(root) == before
    (root / "db.emotion.csv").unlink()
    with pytest.raises(BadValue, match="db.yaml cannot be read: .*\n.*\n  got: pickled tables, which are not read"):
        reader.utterances(root)


def test_a_damaged_database(tmp_path):
    (tmp_path / "db.yaml").write_text("name: [")
    with pytest.raises(BadValue, match="db.yaml cannot be read"):
        reader.utterances(tmp_path)
    (tmp_path / "db.yaml").unlink()
    with pytest.raises(NotFound, match="is not a database in audformat"):
        reader.utterances(tmp_path)


def test_a_package_that_is_not_installed(tmp_path, monkeypatch):
    (tmp_path / "db.yaml").write_text("name: x")
    monkeypatch.setitem(sys.modules, "audformat", None)
    monkeypatch.setitem(sys.modules, "audb", None)
    with pytest.raises(Unavailable, match=r"needs the package audformat\n  do: pip install 'emofuse\[audformat\]'"):
        reader.utterances(tmp_path)
    with pytest.raises(Unavailable, match=r"needs the package audb\n  do: pip install 'emofuse\[audb\]'"):
        prepare("audformat", "emodb", tmp_path / "store")


def test_a_name_is_loaded_by_audb(database, tmp_path, monkeypatch):
    add(database, "emotion", audformat.filewise_index(FILES), emotion=["anger", "neutral", "anger"])
    root, asked = save(database, tmp_path / "cache"), []

    def load(name, **options):
        asked.append((name, options))
        if name != "calls":
            raise RuntimeError("no such database")
        return types.SimpleNamespace(root=str(root))

    monkeypatch.setitem(sys.modules, "audb", types.SimpleNamespace(load=load))
    monkeypatch.chdir(tmp_path)
    prepared = prepare("audformat", "calls==1.2.0", tmp_path / "store", name="calls")
    info = Store(tmp_path / "store").info
    assert (info["source"], info["root"], prepared.utterances) == ("calls==1.2.0", str(root), 3)
    assert asked == [("calls", {"version": "1.2.0", "full_path": False, "pickle_tables": False, "verbose": False})]
    with pytest.raises(Unavailable, match="other is no folder, and audb cannot load a database of this name: Runtime"):
        prepare("audformat", "other", tmp_path / "other-store")


def test_a_file_tells_the_speaker_of_its_segments_beside_other_segments(database, tmp_path):
    index = audformat.segmented_index(["wav/a.wav", "wav/a.wav"], ["0.25s", "1s"], ["0.5s", "2s"])
    add(database, "turns", index, emotion=["anger", "neutral"], speaker=[None, "s2"])
    add(database, "files", audformat.filewise_index(FILES), speaker=["s1", "s2", "s2"])
    (tmp_path / "d").mkdir()
    rows = reader.utterances(save(database, tmp_path / "d")).utterances
    assert [row.speaker for row in rows] == ["s1", "s2"]


def test_a_column_of_several_tables_must_be_named_with_its_table(database, tmp_path):
    add(database, "gold", audformat.filewise_index(FILES), emotion=["anger", "neutral", "anger"])
    add(database, "desired", audformat.filewise_index(FILES), emotion=["neutral"] * 3)
    root = save(database, tmp_path)
    with pytest.raises(BadValue, match="has several columns that may be the label\n.*\n  got: .*gold.emotion"):
        reader.utterances(root, {"label": "emotion"})
