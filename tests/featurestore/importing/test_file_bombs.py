"""A small file that claims to hold much is a message: it fills neither memory nor disk, and never ends the process."""

import pickle
import resource
import struct
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from featurestore.errors import Problem
from featurestore.importing._unpickler import load_arrays
from featurestore.importing.feature_table import ReadOptions
from featurestore.importing.import_features import import_features
from featurestore.importing.open_table import open_table
from tests.featurestore.importing import files

_MEMORY = 2 << 30  # bytes that a process may have for a file of a few


def nest(value, times, make):
    for _ in range(times):
        value = make((value, value))
    return value


def repeat(name, items, times=300):
    """Pickle a function of one argument, called many times with the same large value."""
    return b"\x80\x02" + items + b"q\x000" + b"c" + name + b"\nq\x010](" + b"h\x01h\x00\x85R" * times + b"e."


TEXT = b"X" + struct.pack("<I", 1_000_000) + b"a" * 1_000_000
PICKLES = {
    "place in the memo": b"\x80\x02]r" + struct.pack("<I", 1_000_000_000) + b".",
    "place in text": b"]p1000000000\n.",
    "deep key": b"\x80\x02}" + b"\x85" * 300_000 + b"K\x01s.",
    "key that shares": b"\x80\x02}" + pickle.dumps(nest((1.0,), 60, tuple), 2)[2:-1] + b"K\x01s.",
    "keys that share": b"\x80\x02}(" + pickle.dumps(nest((1.0,), 60, tuple), 2)[2:-1] + b"K\x01u.",
    "protocol 0": b"(" + pickle.dumps(nest((1.0,), 60, tuple), 0)[:-1] + b"I1\nd.",
    "set": b"\x80\x04\x8f(" + pickle.dumps(nest((1.0,), 60, tuple), 2)[2:-1] + b"\x90.",
    "frozenset": b"\x80\x04(" + pickle.dumps(nest((1.0,), 60, tuple), 2)[2:-1] + b"\x91.",
    "pairs": b"\x80\x02ccollections\nOrderedDict\n]"
    + pickle.dumps(nest((1.0,), 60, tuple), 2)[2:-1]
    + b"K\x01\x86a\x85R.",
    "scalar of an object": b"\x80\x02}cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00O8\x85R]"
    + pickle.dumps(nest((1.0,), 60, tuple), 2)[2:-1]
    + b"a\x86RK\x01s.",
    "key after a duplicate": b"\x80\x02}" + pickle.dumps(nest((1.0,), 60, tuple), 2)[2:-1] + b"2(10K\x01s.",
    "copies of text": repeat(b"_codecs\nencode", TEXT),
    "copies of lists": repeat(b"builtins\nlist", b"](" + b"K\x01" * 200_000 + b"e"),
    "copies of dictionaries": repeat(
        b"builtins\ndict", b"}(" + b"".join(b"J" + struct.pack("<i", k) + b"N" for k in range(50_000)) + b"u"
    ),
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_that_would_grow_is_refused(name, tmp_path):
    path = tmp_path / "file.pkl"
    path.write_bytes(PICKLES[name])
    with pytest.raises(Problem):
        load_arrays(path)


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


LISTS = nest([1.0], 40, list)
CONTENTS = {
    "features": {"id": ["a", "b"], "audio": LISTS},
    "vector": {"a": LISTS, "b": LISTS},
    "many lists": {str(number): [LISTS[0][0], [number]] for number in range(4)},
    "id": {"train": {"id": [LISTS], "audio": [[1.0]]}},
    "text": {"id": ["a" * 1_000_000, *map(str, range(20_000))], "audio": [[1.0]] * 20_001},
    "dialogues": tuple({str(k): row for k in range(20_000)} for row in [["a"] * 20_000] * 6),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_shared_lists_become_no_large_array(name, tmp_path):
    (tmp_path / "file.pkl").write_bytes(pickle.dumps(CONTENTS[name]))
    program = (
        "import pathlib, sys\n"
        "from featurestore.errors import Problem\n"
        "from featurestore.importing.feature_table import ReadOptions\n"
        "from featurestore.importing.open_table import open_table\n"
        "try:\n"
        "    with open_table(pathlib.Path(sys.argv[1]), ReadOptions()) as table: print(len(table.ids))\n"
        "except Problem as problem: print(problem)\n"
    )
    command = [sys.executable, "-c", program, tmp_path / "file.pkl"]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit_memory, timeout=60)
    assert done.returncode == 0, done.stderr
    assert name == "text" or "\n" in done.stdout.strip()


def test_lists_that_are_shared_a_few_times_are_read(tmp_path):
    frames = [[0.0, 1.0]] * 50
    (tmp_path / "f.pkl").write_bytes(pickle.dumps({"a": frames, "b": [[2.0, 3.0]]}))
    with open_table(tmp_path / "f.pkl", ReadOptions()) as table:
        ((_, values),) = table.blocks()
    np.testing.assert_array_equal(values, [*frames, [2.0, 3.0]])


def write_member(archive, name, shape, blocks, dtype="<f4"):
    """Write an array of zeros to an archive, with a header of any shape."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
        for _ in range(blocks):
            file.write(bytes(1 << 20))


def open_archive(tmp_path):
    return zipfile.ZipFile(tmp_path / "f.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1)


def test_an_archive_that_expands_without_end_is_refused(tmp_path):
    with open_archive(tmp_path) as archive:
        write_member(archive, "value", (1025, 1 << 18), 1025)
    with (
        pytest.raises(Problem, match=r"array 'value' of .* expands from [\d,]+ to 1,074,\d+,\d+ bytes"),
        open_table(tmp_path / "f.npz", ReadOptions()),
    ):
        pass


def test_an_archive_that_claims_more_than_it_has_is_refused(tmp_path):
    with open_archive(tmp_path) as archive:
        write_member(archive, "id", (10**12,), 1, "|S1")
    with (
        pytest.raises(Problem, match="array id has 1,048,576 bytes for the shape"),
        open_table(tmp_path / "f.npz", ReadOptions()),
    ):
        pass


def test_a_header_of_any_length_is_not_read_whole(tmp_path):
    with open_archive(tmp_path) as archive, archive.open("value.npy", "w") as file:
        file.write(b"\x93NUMPY\x02\x00" + struct.pack("<I", 50 << 20))
        for _ in range(50):
            file.write(b" " * (1 << 20))
    with pytest.raises(Problem, match="cannot be read"), open_table(tmp_path / "f.npz", ReadOptions()):
        pass


def test_ids_without_end_are_refused(tmp_path):
    with open_archive(tmp_path) as archive:
        write_member(archive, "id", (30 << 20,), 30, "|S1")
    with pytest.raises(Problem, match="claims 31,457,280 ids"), open_table(tmp_path / "f.npz", ReadOptions()):
        pass


def write_hdf5(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, options in datasets.items():
            file.create_dataset(name, **options)
    return path


def test_a_dataset_that_was_never_written_is_refused(tmp_path):
    store = files.make_store(tmp_path)
    value = {"shape": (6, 10**12), "dtype": "f4", "chunks": (1, 1 << 20)}
    path = write_hdf5(tmp_path / "f.h5", id={"data": files.IDS}, value=value)
    with pytest.raises(Problem, match="value of .* was never written"):
        import_features(path, name="x", modality="text", store=store.path)


def test_a_dataset_that_expands_without_end_is_refused(tmp_path):
    path = write_hdf5(
        tmp_path / "f.h5", value={"shape": (6, 10**12), "dtype": "f4", "chunks": (1, 1 << 18), "compression": "gzip"}
    )
    with h5py.File(path, "r+") as file:
        file["value"][0, :10] = 1
    with pytest.raises(Problem, match="expands from"), open_table(path, ReadOptions()):
        pass


def test_groups_that_contain_themselves_are_refused(tmp_path):
    path = write_hdf5(tmp_path / "f.h5", **{"a/b/value": {"data": [1.0]}})
    with h5py.File(path, "r+") as file:
        file["a/b/again"], file["a/b/once_more"] = file["a"], file["a"]
    with pytest.raises(Problem, match="stands in several places"), open_table(path, ReadOptions()):
        pass


def test_a_dataset_of_a_type_without_numbers_is_a_message(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        h5py.h5d.create(file.id, b"value", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((3,)))
    with pytest.raises(Problem), open_table(tmp_path / "f.h5", ReadOptions()):
        pass
