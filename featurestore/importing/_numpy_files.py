"""Read features from `.npy` and `.npz` files. Object arrays, which are pickles, are refused."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from featurestore.errors import BadValue
from featurestore.importing._expansion import check_expansion
from featurestore.importing._named_arrays import ID_NAMES, build_table
from featurestore.importing.feature_table import FeatureTable, ReadOptions, StoredArray, count_rows, wrap_array

_LONGEST_HEADER = 1 << 16  # bytes
_DO_IDS = "save ids as text: numpy.array(ids, str)"
_DO_FEATURES = (
    "save vectors as numbers: numpy.stack(rows); and frames of different lengths as the arrays value and offset, as "
    "one array for each id, or as a dictionary of arrays by id in a .pkl, which is read without running code"
)
_ARRAY = "array"  # stands for the only array of a `.npy` file


@contextmanager
def open_npy(path: Path, options: ReadOptions) -> Iterator[FeatureTable]:
    """Open a `.npy` file, whose ids are in another file.

    Raises:
        BadValue: there are no ids, or the array does not hold numbers.
    """
    if options.ids is None:
        raise BadValue(
            f"{path} holds no ids of utterances",
            expected="a file with the id of each row, one a line",
            do="--ids FILE",
        )
    yield build_table(path, {options.array or _ARRAY: _map_file(path)}, options)


@contextmanager
def open_npz(path: Path, options: ReadOptions) -> Iterator[FeatureTable]:
    """Open a `.npz` file. Members are read in blocks, compressed ones too.

    Raises:
        BadValue: the arrays are ambiguous, or do not hold numbers.
    """
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        arrays = {name.removesuffix(".npy"): _open_member(archive, name, path) for name in names}
        yield build_table(path, arrays, options)


def _map_file(path: Path) -> StoredArray:
    """Read an array through a new memory map for each block, so that no pages stay with the process."""
    with path.open("rb") as file:
        if _read_header(file)[2].hasobject:
            raise _refuse_objects(path)
    first = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(first, np.ndarray) or not first.shape:
        raise BadValue(f"{path} holds no rows", expected="an array with a row for each id")
    step = count_rows(first.shape, first.dtype.itemsize)

    def read_blocks() -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, first.shape[0], step):
            yield start, np.array(np.load(path, mmap_mode="r", allow_pickle=False)[start : start + step])

    return StoredArray(first.shape, first.dtype, read_blocks)


def _open_member(archive: zipfile.ZipFile, name: str, path: Path) -> StoredArray:
    """Read the header of an array in an archive. Its values are read when they are used."""
    member = archive.getinfo(name)
    with archive.open(name) as file:
        head = BytesIO(file.read(_LONGEST_HEADER))  # a compressed header may claim any length
    shape, is_fortran, dtype = _read_header(head)
    array = name.removesuffix(".npy")
    if dtype.hasobject:
        raise _refuse_objects(path, array)
    check_expansion(path, array, member.file_size, member.compress_size)
    if head.tell() + prod(shape) * dtype.itemsize != member.file_size:
        raise EOFError(f"array {array} has {member.file_size - head.tell():,} bytes for the shape {shape}")
    if is_fortran or not shape:
        return wrap_array(np.atleast_1d(np.load(archive.open(name), allow_pickle=False)))
    return StoredArray(shape, dtype, lambda: _stream(archive, name, head.tell(), shape, dtype))


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy_format.read_magic(file)
    if version == (1, 0):
        return npy_format.read_array_header_1_0(file)
    return npy_format.read_array_header_2_0(file)  # 3.0 differs in the names of fields only


def _stream(
    archive: zipfile.ZipFile, name: str, begin: int, shape: tuple[int, ...], dtype: np.dtype
) -> Iterator[tuple[int, np.ndarray]]:
    step = count_rows(shape, dtype.itemsize)
    with archive.open(name) as file:
        file.read(begin)
        for start in range(0, shape[0], step):
            rows = min(step, shape[0] - start)
            data = file.read(rows * prod(shape[1:]) * dtype.itemsize)
            if len(data) != rows * prod(shape[1:]) * dtype.itemsize:
                raise EOFError(f"{name} is truncated")
            yield start, np.frombuffer(data, dtype).reshape(rows, *shape[1:])


def _refuse_objects(path: Path, name: str = "") -> BadValue:
    where = f"array {name!r} of {path}" if name else str(path)
    return BadValue(
        f"{where} is an object array, which is a pickle and may run code",
        expected="numbers, or text",
        do=_DO_IDS if name in ID_NAMES else _DO_FEATURES,
    )
