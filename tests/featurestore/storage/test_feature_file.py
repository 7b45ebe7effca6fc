import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from featurestore.errors import Mismatch, NotFound, UnknownName
from featurestore.storage import seal
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import encode_text, open_writer, write
from featurestore.storage.place import Place
from featurestore.storage.schema import Header

HEADER = Header("audio", "audio", {"class": "hf-audio", "rate": 50.0}, "f" * 64, ("a", "b"), "demo", created="now")
EMPTY = {"failed/id": encode_text([]), "failed/reason": encode_text([]), "trained_on/id": encode_text([])}


def columns(count=5, seed=0):
    random = np.random.default_rng(seed)
    return {
        "id": encode_text([f"utterance-{index}-é" for index in range(count)]),
        "mean": random.standard_normal((count, 7)).astype(np.float32),
        **EMPTY,
    }


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "audio.h5", columns(), HEADER)
    return tmp_path / "audio.h5"


def reseal(path):
    """Write a new seal, as somebody would who alters a file on purpose."""
    with h5py.File(path) as file:
        places = [Place(file[name].id.get_offset() or 0, file[name].shape, file[name].dtype) for name in columns()]
    seal.put(path, [(place.offset, place.size) for place in places])


def flip(path, offset, bit=0):
    with path.open("r+b") as raw:
        raw.seek(offset)
        byte = raw.read(1)[0]
        raw.seek(offset)
        raw.write(bytes([byte ^ 1 << bit]))


def problems(path):
    try:
        return FeatureFile(path).find_damaged()
    except Mismatch as damage:
        return [damage.what]


arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float16, np.int64, np.uint8]), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)
)


@settings(max_examples=30)
@given(
    values=st.lists(arrays, min_size=1, max_size=4),
    text=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
)
def test_what_is_written_is_read_back(tmp_path_factory, values, text):
    path = tmp_path_factory.mktemp("round") / "x.h5"
    write(
        path, {f"group/value{index}": value for index, value in enumerate(values)} | {"id": encode_text(text)}, HEADER
    )
    file = FeatureFile(path)
    for index, value in enumerate(values):
        np.testing.assert_array_equal(file[f"group/value{index}"], value)
        assert file[f"group/value{index}"].dtype == value.dtype
    assert file.text("id") == text
    assert file.find_damaged() == []


def test_datasets_are_memory_maps_and_equal_to_what_h5py_reads(path):
    mapped = FeatureFile(path)["mean"]
    assert isinstance(mapped, np.memmap)
    with h5py.File(path) as plain:
        assert plain["mean"].chunks is None
        np.testing.assert_array_equal(plain["mean"][:], mapped)
        assert plain["id"].asstr()[0] == "utterance-0-é"
        assert plain.attrs["modality"] == "audio"


def test_the_header_is_read_back(path):
    header = FeatureFile(path).header
    assert header.encoder == HEADER.encoder
    assert header.classes == ("a", "b")
    assert set(header.digests) == set(columns())


def test_a_failed_write_leaves_no_file(tmp_path):
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        open_writer(tmp_path / "x.h5", {"a": ((3,), "f4")}, HEADER),
    ):
        raise RuntimeError("on purpose")
    assert list(tmp_path.iterdir()) == []


def test_a_system_without_posix_fallocate_writes_the_same(path, tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")  # macOS
    write(tmp_path / "other.h5", columns(), HEADER)
    assert FeatureFile(tmp_path / "other.h5").header.digests == FeatureFile(path).header.digests


def test_rows_beyond_the_dataset_are_rejected(tmp_path):
    with (
        pytest.raises(
            Mismatch,
            match=r"rows do not fit into dataset a of .*\n  expected: at most \(3, 2\) .*\n  got: \(2, 2\) from row 2",
        ),
        open_writer(tmp_path / "x.h5", {"a": ((3, 2), "f4")}, HEADER) as writer,
    ):
        writer.put("a", np.zeros((2, 2), np.float32), 2)


@pytest.mark.parametrize("name", ["mean", "id"])
def test_a_flipped_byte_is_found(path, name):
    flip(path, FeatureFile(path)._layout[name].offset + 3)
    assert FeatureFile(path).find_damaged() == [name]


def test_a_flipped_bit_anywhere_is_found(path):
    """A flipped bit in seal, attributes, layout, data or gaps is found and does not crash the reader."""
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for offset in [*range(0, 150, 10), *random.choice(len(whole), 250, replace=False)]:
        flip(path, offset, int(random.integers(8)))
        assert problems(path), f"byte {offset}"
        path.write_bytes(whole)


@pytest.mark.parametrize("keep", [0, 5, 600, 2048, 3000, -1000, -100, -1])
def test_a_truncated_file_is_rejected(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(Mismatch, match=r"audio\.h5 is damaged or not a feature file"):
        FeatureFile(path)


def test_appended_bytes_are_found(path):
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(Mismatch, match=r"got: truncated or grown: \d+ bytes, \d+ were written"):
        FeatureFile(path)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_checksums_do_not_depend_on_the_order_of_writing(tmp_path, order):
    values = np.random.default_rng(0).standard_normal((4, 5))
    write(tmp_path / "whole.h5", {"a": values}, HEADER)
    with open_writer(tmp_path / "rows.h5", {"a": (values.shape, values.dtype)}, HEADER) as writer:
        for row in order:
            writer.put("a", values[row : row + 1], row)
    whole, rows = (FeatureFile(tmp_path / f"{name}.h5") for name in ("whole", "rows"))
    assert rows.header.digests == whole.header.digests
    assert rows.find_damaged() == []
    np.testing.assert_array_equal(rows.read("a", 1, 3), values[1:3])


def test_other_files_are_rejected(tmp_path):
    (tmp_path / "x.h5").write_text("hello")
    with pytest.raises(Mismatch, match=r"x\.h5 is damaged or not a feature file"):
        FeatureFile(tmp_path / "x.h5")
    with pytest.raises(NotFound, match=r"there is no feature file .*y\.h5"):
        FeatureFile(tmp_path / "y.h5")


def test_an_unknown_dataset_is_named(path):
    with pytest.raises(UnknownName, match="has no dataset 'means'\n  expected: .*mean"):
        FeatureFile(path)["means"]


def test_a_newer_schema_is_rejected(path):
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = 99
    reseal(path)
    with pytest.raises(
        Mismatch, match="newer version of this package\n  expected: schema 1 or lower\n  got: schema 99"
    ):
        FeatureFile(path)


def test_links_out_of_the_file_are_never_followed(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.arange(3)
    with h5py.File(path, "r+") as file:
        file["std"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/secret")
    reseal(path)
    with pytest.raises(Mismatch, match="std is a link out of the file"):
        FeatureFile(path)


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="the maps of a process are listed by Linux alone")
def test_released_maps_are_closed_and_opened_again(tmp_path):
    path = tmp_path / "a.h5"
    values = np.arange(6000, dtype=np.float32).reshape(100, 60)
    write(path, {"id": encode_text([str(row) for row in range(100)]), "mean": values, **EMPTY}, HEADER)
    file = FeatureFile(path)
    assert file["mean"][7, 0] == values[7, 0]
    assert str(path) in Path("/proc/self/maps").read_text("utf-8")
    file.release()
    assert str(path) not in Path("/proc/self/maps").read_text("utf-8")
    np.testing.assert_array_equal(file["mean"], values)
