import contextlib
import errno
import hashlib
import json
import os

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurestore.errors import BadValue, Mismatch, NotFound, Problem
from featurestore.importing import feature_table
from featurestore.importing.import_features import import_features
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.repair import check_whole
from featurestore.store import Store
from tests.featurestore.importing import files
from tests.featurestore.importing.files import IDS


@pytest.fixture
def store(tmp_path):
    return files.make_store(tmp_path)


def bring(store, path, **options):
    """Import, and return what was done and said."""
    said = []
    options = {"name": "other", "modality": "audio", "store": store.path, "say": said.append} | options
    return import_features(path, **options), said


SHUFFLED = [IDS[number] for number in (4, 0, 5, 2, 1, 3)]


@pytest.mark.parametrize("write", files.VECTORS, ids=lambda write: write.__name__)
def test_vectors_are_aligned_by_id_from_any_format(write, store, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_table, "BLOCK", 40)  # several blocks
    values = files.draw()
    path, options = write(tmp_path, SHUFFLED, values)
    done, _ = bring(store, path, **options)
    assert done.features == ("other.mean",)
    assert (done.imported, dict(done.missing), done.unknown) == (6, {}, ())
    X, _, _ = Store(store.path).matrix(["other.mean"], SHUFFLED)
    np.testing.assert_array_equal(X, values)
    file = FeatureFile(done.path)
    assert file.ids == IDS
    check_whole(file)


@pytest.mark.parametrize("write", files.FRAMES, ids=lambda write: write.__name__)
def test_frames_are_aligned_by_id_from_any_format(write, store, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_table, "BLOCK", 40)
    rows = files.draw_frames()
    path, options = write(tmp_path, SHUFFLED, rows)
    done, _ = bring(store, path, **options)
    assert done.features == ("other.frames",)
    found = Store(store.path).frames("other.frames", SHUFFLED)
    for one, row in zip(found, rows, strict=True):
        np.testing.assert_array_equal(one, row)
    check_whole(FeatureFile(done.path))


def test_the_text_of_mmsa_is_cut_by_the_mask_of_its_tokens(store, tmp_path):
    rows = files.draw_frames()
    path, _ = files.write_mmsa(tmp_path, SHUFFLED, rows)
    bring(store, path, name="text", modality=None)  # the name says which array
    found = Store(store.path).frames("text.frames", SHUFFLED)
    assert [one.shape for one in found] == [row.shape for row in rows]
    np.testing.assert_array_equal(found[2], rows[2] + 1)


def test_the_store_s_own_file_is_imported_by_its_kinds(store, tmp_path):
    path, options = files.write_npz_frames(tmp_path, IDS, files.draw_frames())
    done, _ = bring(store, path, name="first", **options)
    again, _ = bring(store, done.path, name="second")
    assert again.features == ("second.frames",)
    np.testing.assert_array_equal(FeatureFile(again.path)["frames/value"], FeatureFile(done.path)["frames/value"])


def test_layers_keep_half_precision(store, tmp_path):
    layers = np.random.default_rng(0).standard_normal((6, 3, 4)).astype(np.float16)
    path, options = files.write_npz(tmp_path, IDS, layers)
    bring(store, path, kind="layers", **options)
    stored = Store(store.path).file("other")["layers"]
    assert stored.dtype == np.float16
    np.testing.assert_array_equal(stored, layers)


def test_both_sides_missing_and_unknown_ids_are_reported(store, tmp_path):
    path, options = files.write_npz(tmp_path, ["u1", "u0", "x7", "x8"], files.draw(4))
    done, said = bring(store, path, **options)
    assert done.unknown == ("x7", "x8")
    assert done.missing == dict.fromkeys(["u2", "u3", "u4", "u5"], "not in f.npz")
    assert said == [
        "2 ids of f.npz not in the store, left out: x7, x8",
        "4 utterances of the store not in f.npz, recorded as failed: u2, u3, u4, u5",
    ]
    assert "2 utterances imported, 4 of the store missing, 2 ids not in the store" in done.summary()
    assert Store(store.path).failures(["other.mean"])["u5"] == "other: not in f.npz"


def test_utterances_without_frames_are_recorded_as_failed(store, tmp_path):
    rows = files.draw_frames((2, 0, 1, 1, 1, 1))
    path, options = files.write_npz_frames(tmp_path, IDS, rows)
    done, _ = bring(store, path, **options)
    assert done.missing == {"u1": "no frames in f.npz"}


@pytest.mark.parametrize("write", [files.write_npz, files.write_csv, files.write_parquet, files.write_pickle_by_id])
@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([np.nan, np.nan, 1], "2 NaN"),
        ([np.inf, -np.inf, np.nan], "1 NaN, 2 infinite"),
        ([1e300, 0, 0], "1 too large for the stored type"),
    ],
)
def test_values_that_are_not_finite_are_refused_by_count_and_place(write, values, counts, store, tmp_path):
    matrix = files.draw(6, 3).astype(np.float64)
    matrix[3] = values
    path, options = write(tmp_path, SHUFFLED, matrix)
    with pytest.raises(BadValue, match=r"holds [123] values? not finite, in 1 row\n") as problem:
        bring(store, path, **options)
    place = next(column for column, value in enumerate(values) if not abs(value) < 1e38)
    named = f"F{place}" if write in (files.write_csv, files.write_parquet) else place
    assert f"got: {counts}; the first in utterance u2, column {named}\n" in str(problem.value)
    assert not (store.path / "other.h5").exists()
    assert not list(store.path.glob(".*.tmp"))


def test_nan_of_an_utterance_that_the_store_has_not_does_not_matter(store, tmp_path):
    values = files.draw(3)
    values[1] = np.nan
    path, options = files.write_npz(tmp_path, ["u0", "stranger", "u1"], values)
    done, _ = bring(store, path, **options)
    assert done.imported == 2


def test_the_same_file_again_does_nothing_and_says_so(store, tmp_path):
    path, options = files.write_npz(tmp_path, IDS, files.draw())
    first, _ = bring(store, path, **options)
    before = os.stat(first.path)
    again, said = bring(store, path, **options)
    assert again.unchanged
    assert said == []
    assert "other.h5 is up to date with the file, nothing was done: other.mean" in again.summary()
    assert os.stat(again.path) == before


def test_a_moved_file_is_the_same_file(store, tmp_path):
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    bring(store, path)
    again, _ = bring(store, path.rename(tmp_path / "moved.npz"))
    assert again.unchanged


def test_a_changed_file_is_noticed_and_replaces_the_features(store, tmp_path):
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    bring(store, path)
    files.write_npz(tmp_path, IDS, files.draw(seed=1))
    done, said = bring(store, path)
    assert not done.unchanged
    assert said[0].startswith(f"{done.path}: {path} has changed since the last import (sha256 ")
    np.testing.assert_array_equal(FeatureFile(done.path)["mean"], files.draw(seed=1))


def test_a_changed_file_that_is_refused_leaves_the_earlier_features(store, tmp_path):
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    done, _ = bring(store, path)
    before = done.path.read_bytes()
    files.write_npz(tmp_path, IDS, np.full((6, 4), np.inf))
    with pytest.raises(BadValue, match="24 values not finite, in 6 rows"):
        bring(store, path)
    assert done.path.read_bytes() == before


def test_other_options_and_another_manifest_import_again(store, tmp_path):
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    bring(store, path)
    done, said = bring(store, path, kind="cls")
    assert (done.unchanged, done.features) == (False, ("other.cls",))
    assert "other options than at the last import" in said[0]
    grown = files.make_store(tmp_path, [*IDS, "new"])
    done, said = bring(grown, path, kind="cls")
    assert not done.unchanged
    assert done.missing == {"new": "not in f.npz"}


def test_a_changed_text_of_the_corpus_is_said_where_the_file_is_the_same(store, tmp_path):
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    bring(store, path, modality="text")
    changed = files.make_store(tmp_path)
    csv = changed.path / "utterances.csv"
    csv.write_text(csv.read_text("utf-8").replace("words u3", "other words"), "utf-8")
    done, said = bring(Store(changed.path), path, modality="text")
    assert not done.unchanged
    assert "the text of 1 utterance has changed since the last import" in said[0]
    again, said = bring(Store(changed.path), path, modality="text")
    assert (again.unchanged, said) == (True, [])


def test_a_file_that_changes_while_it_is_read_is_refused(store, tmp_path, monkeypatch):
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    stat = os.stat

    def grow(file, *args, **options):
        found = stat(file, *args, **options)
        if file == path:
            os.utime(path, ns=(0, found.st_mtime_ns + 1_000))
        return found

    monkeypatch.setattr("featurestore.importing.import_features.os.stat", grow)
    with pytest.raises(Mismatch, match=r"f\.npz changed while it was read"):
        bring(store, path)
    assert not (store.path / "other.h5").exists()


def test_features_of_an_extraction_are_never_replaced(store, tmp_path):
    from featurestore.storage.feature_writer import encode_text, write
    from featurestore.storage.schema import Header

    columns = {"id": encode_text(IDS), "mean": files.draw(), "failed/id": encode_text([])}
    write(store.path / "audio.h5", columns, Header("audio", "audio", {"class": "mfcc"}, "f"))
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    with pytest.raises(Mismatch, match="holds features that cli extract made") as problem:
        bring(store, path, name="audio")
    assert "do: import under another name: --name NAME" in str(problem.value)


def test_the_origin_is_recorded(store, tmp_path):
    path, options = files.write_npy(tmp_path, IDS, files.draw())
    bring(store, path, **options)
    file = Store(store.path).file("other")
    made = file.header.encoder
    assert made["class"] == "imported"
    assert made["checkpoint"] == str(path)
    assert made["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert made["options"] == {"ids_sha256": hashlib.sha256(options["ids"].read_bytes()).hexdigest()}
    assert made["trained_on"] == "unknown"
    expected = f"cli import --store {store.path} --name other --modality audio --ids {options['ids']} {path}"
    assert file.update_command == expected


def test_whom_the_encoder_saw_can_be_stated(store, tmp_path):
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    done, _ = bring(store, path)
    assert done.exposure == "whether the encoder of other saw these utterances is unknown"
    seen = files.write_ids(tmp_path / "seen.txt", ["clips/u1.wav", "u4", "of another corpus"])
    done, said = bring(store, path, trained_on=seen)
    assert done.exposure == ""
    assert f"{seen}: 3 utterances that the encoder saw, 2 of them in this store" in said
    assert Store(store.path).trained_on("other") == {"u1", "u4"}
    none = tmp_path / "none.txt"
    none.write_text("")
    done, _ = bring(store, path, trained_on=none)
    assert done.exposure == ""
    assert Store(store.path).trained_on("other") == frozenset()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ids.txt", "u0\nu1\n"),
        ("ids.json", json.dumps(["u0", "u1"])),
        ("ids.csv", "label,id\na,u0\nb,u1\n"),
        ("ids.tsv", "id\tx\nu0\t1\nu1\t2\n"),
    ],
)
def test_a_list_of_ids_may_be_lines_json_or_a_table(name, text, store, tmp_path):
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    (tmp_path / name).write_text(text, "utf-8")
    bring(store, path, trained_on=tmp_path / name)
    assert Store(store.path).trained_on("other") == {"u0", "u1"}


def test_file_stems_are_matched_where_they_are_unique(tmp_path):
    store = files.make_store(tmp_path, ["Ses01_a", "Ses01_b", "c"])
    ids = ["/wav/Ses01_a.wav", "x\\Ses01_b.WAV", "1/c.wav", "2/c.wav"]
    path, _ = files.write_npz(tmp_path, ids, files.draw(4))
    done, said = bring(store, path)
    assert said[0] == "2 ids of f.npz matched by file stem, for example /wav/Ses01_a.wav as Ses01_a"
    assert done.unknown == ("1/c.wav", "2/c.wav")
    assert list(done.missing) == ["c"]


def test_stems_of_clips_match_an_id_that_is_none(tmp_path):
    store = files.make_store(tmp_path, ["1"], audio="wav/first.wav")
    path, _ = files.write_npz(tmp_path, ["first"], files.draw(1))
    done, _ = bring(store, path)
    assert done.imported == 1


def test_ids_of_another_case_are_suggested_and_not_taken(tmp_path):
    store = files.make_store(tmp_path, ["Ses01_a", "b"])
    path, _ = files.write_npz(tmp_path, ["SES01_A", "b"], files.draw(2))
    done, said = bring(store, path)
    assert done.unknown == ("SES01_A",)
    assert said[-1] == "1 id would match without regard to case, such as SES01_A for Ses01_a: rename them in the file"


@pytest.mark.parametrize(
    ("write", "options", "expected"),
    [
        (lambda f: np.savez(f, value=files.draw()), {}, "has no ids of utterances"),
        (lambda f: np.savez(f, id=IDS, a=files.draw(), b=files.draw()), {}, r"2 arrays of features.*do: name it: --ar"),
        (lambda f: np.savez(f, id=IDS, a=files.draw()), {"array": "c"}, "unknown array 'c'"),
        (lambda f: np.savez(f, id=[*IDS[:5], "u0"], a=files.draw()), {}, "1 id in several rows"),
        (lambda f: np.savez(f, id=["x"] * 1, a=files.draw(1)), {}, "no id of .* is in the store"),
        (lambda f: np.savez(f, id=IDS, a=np.zeros((6, 2, 3))), {}, "has no mean of utterances"),
        (lambda f: np.savez(f, id=IDS, a=np.array([None] * 6)), {}, "is an object array, which is a pickle"),
        (lambda f: np.savez(f, id=IDS, value=files.draw(), offset=[0, 1, 2]), {}, "numbers of frames do not fit"),
        (lambda f: np.savez(f, id=IDS, a=files.draw(5)), {"array": "a"}, "another number of rows than of ids"),
        (
            lambda f: np.savez(f, ids=np.array(IDS, object), a=files.draw()),
            {},
            r"do: save ids as text: numpy.array\(ids",
        ),
        (lambda f: np.savez(f, id=IDS, a=files.draw().T), {}, r"do: save a with a row for each id: a\.T"),
        (lambda f: np.savez(f, id=IDS, a=files.draw() > 0), {}, "do: a holds bool values: save it as float32"),
        (lambda f: np.savez(f, IDS, files.draw()), {}, "do: --id-column arr_0 if these are the ids"),
        (lambda f: f.write_bytes(b"PK\x03\x04"), {}, "cannot be read"),
        (lambda f: np.savez(f, id=IDS, a=files.draw()), {"name": "a.b"}, "is not a name of features"),
        (lambda f: np.savez(f, id=IDS, a=files.draw()), {"modality": None}, "the modality of other is unknown"),
        (lambda f: np.savez(f, id=IDS, a=files.draw()), {"kind": "median"}, "unknown kind 'median'"),
        (lambda f: np.savez(f, id=IDS, a=files.draw()), {"kind": "logits"}, r"logits of 4 classes.*--classes with 4"),
    ],
)
def test_what_cannot_be_imported_is_said(write, options, expected, store, tmp_path):
    path = tmp_path / "f.npz"
    write(path)
    with pytest.raises((BadValue, Mismatch, LookupError), match=f"(?s){expected}"):
        bring(store, path, **options)
    assert not (store.path / "other.h5").exists()


def test_a_file_of_an_unknown_format_or_none_is_said(store, tmp_path):
    with pytest.raises(NotFound, match="there is no file"):
        bring(store, tmp_path / "none.npz")
    (tmp_path / "f.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(BadValue, match=r"is no file of features\n  expected: \.npy, \.npz"):
        bring(store, tmp_path / "f.mat")
    path, _ = files.write_npz(tmp_path, IDS, files.draw())
    done, _ = bring(store, path.rename(tmp_path / "f.features"))  # known by its first bytes
    assert done.imported == 6


@pytest.mark.parametrize("write", files.VECTORS + files.FRAMES, ids=lambda write: write.__name__)
def test_a_file_that_is_cut_anywhere_is_a_message(write, store, tmp_path):
    is_frames = write in files.FRAMES
    path, options = write(tmp_path, SHUFFLED, files.draw_frames() if is_frames else files.draw())
    whole = path.read_bytes()
    for size in (0, 5, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:size])
        # of text, only the last digits may be missing
        with contextlib.suppress(Problem) if path.suffix == ".csv" else pytest.raises(Problem, match="\n"):
            bring(store, path, **options)
        (store.path / "other.h5").unlink(missing_ok=True)


def test_rows_that_a_file_announced_and_lacks_are_never_left_unwritten(store, tmp_path, monkeypatch):
    from featurestore.importing import _numpy_files

    read = _numpy_files._stream
    monkeypatch.setattr(_numpy_files, "_stream", lambda *args: ((at, rows[:-1]) for at, rows in read(*args)))
    files.write_ids(tmp_path / "ids.txt", IDS)
    np.savez(tmp_path / "f.npz", value=files.draw())
    with pytest.raises(Mismatch, match="is incomplete\n  expected: 6 vectors\n  got: 5"):
        bring(store, tmp_path / "f.npz", ids=tmp_path / "ids.txt")
    assert not (store.path / "other.h5").exists()


def test_a_full_disk_is_not_taken_for_a_damaged_file(store, tmp_path, monkeypatch):
    from featurestore.storage.feature_writer import Writer

    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Writer, "put", fail)
    for write in (files.write_npz, files.write_hdf5, files.write_parquet, files.write_pickle_by_id):
        path, options = write(tmp_path, IDS, files.draw())
        with pytest.raises(OSError, match="No space left on device"):
            bring(store, path, **options)


def test_a_link_out_of_an_hdf5_file_is_not_followed(store, tmp_path):
    files.write_hdf5(tmp_path, IDS, files.draw())
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["id"] = np.array(IDS, "S2")
        file["value"] = h5py.ExternalLink("f.h5", "group/value")
    with pytest.raises(BadValue, match="0 arrays of features"):
        bring(store, tmp_path / "g.h5")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", "has no column of utterance ids"),
        ("id,F\nu0,1\nu1,x\n", "has 0 columns of lists of numbers and 0 of numbers"),
        ("id,F\n" + "".join(f"x{n},1\n" for n in range(150)) + "u1,oops\n", "row 152: column F is no number"),
        ("id,v\nu0,[1 2]\nu1,[1 2 3]\n", "row 3: column v is no list of 2 numbers"),
        ("id,F\nu0,1,2,3\nu1,1\n", "the first row has more cells than the header"),
        ("id,F\nu0,1\nu1,1,2\n", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_its_place(text, expected, store, tmp_path):
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises((BadValue, Mismatch), match=expected):
        bring(store, tmp_path / "f.csv")


def test_columns_that_describe_utterances_are_never_features(store, tmp_path):
    path, _ = files.write_csv(tmp_path, IDS, files.draw())
    _, said = bring(store, path)
    assert said == ["f.csv: 4 feature columns: F0, F1, F2, F3", "f.csv: columns that are no features: note, label"]


def test_a_nameless_index_of_numbers_is_never_a_feature(store, tmp_path):
    import pandas

    table = pandas.DataFrame(files.draw(), columns=list("abcd"))
    table.insert(0, "id", IDS)
    table.to_csv(tmp_path / "f.csv")
    _, said = bring(store, tmp_path / "f.csv")
    assert said == ["f.csv: 4 feature columns: a, b, c, d", "f.csv: columns that are no features: Unnamed: 0"]
    table.index = [5, 4, 3, 2, 1, 0]
    table.to_parquet(tmp_path / "f.parquet")
    _, said = bring(store, tmp_path / "f.parquet")
    assert said[1:3] == [
        "f.parquet: 4 feature columns: a, b, c, d",
        "f.parquet: columns that are no features: __index_level_0__",
    ]


def test_a_nameless_index_of_text_holds_the_ids(store, tmp_path):
    import pandas

    pandas.DataFrame(files.draw(), index=IDS, columns=list("abcd")).to_csv(tmp_path / "f.csv")
    done, _ = bring(store, tmp_path / "f.csv")
    assert done.imported == 6
    np.testing.assert_array_equal(Store(store.path).matrix(["other.mean"])[0], files.draw())


def test_the_last_columns_are_listed_too(store, tmp_path):
    import pandas

    table = pandas.DataFrame(files.draw(width=20)).add_prefix("f").assign(id=IDS, emotion_id=1)
    table.to_csv(tmp_path / "f.csv", index=False)
    _, said = bring(store, tmp_path / "f.csv")
    assert said[0] == "f.csv: 21 feature columns: f0, f1, f2, f3, … f17, f18, f19, emotion_id, 21 in all"


@pytest.mark.parametrize("array", [None, "hidden"])
def test_a_group_for_each_id_is_read(array, store, tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        for one, row in zip(IDS, files.draw(), strict=True):
            file[f"{one}/hidden"] = row
            if array:
                file[f"{one}/logits"] = row[:2]
    done, _ = bring(store, tmp_path / "f.h5", array=array)
    assert done.imported == 6
    np.testing.assert_array_equal(Store(store.path).matrix(["other.mean"])[0], files.draw())


def test_logits_take_their_classes_from_the_columns(store, tmp_path):
    path, _ = files.write_parquet(tmp_path, IDS, files.draw(width=3))
    bring(store, path, kind="logits")
    assert Store(store.path).file("other").header.classes == ("F0", "F1", "F2")


@settings(max_examples=25)
@given(data=st.data())
def test_any_order_and_any_lengths_come_out_in_manifest_order(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    count = data.draw(st.integers(1, 12))
    ids = [f"id{number}" for number in range(count)]
    order = data.draw(st.permutations(range(count)))
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    held = data.draw(st.sets(st.sampled_from(ids), min_size=1))
    store = files.make_store(folder, [one for one in ids if one in held])
    rows = files.draw_frames(lengths, 2)
    path, _ = files.write_npz_frames(folder, [ids[place] for place in order], [rows[place] for place in order])
    done, _ = bring(store, path)
    file = FeatureFile(done.path)
    assert file.ids == [one for one in ids if one in held]
    for one in file.ids:
        np.testing.assert_array_equal(file.frames(file.rows[one]), rows[ids.index(one)])
