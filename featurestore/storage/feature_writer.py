"""Write feature files atomically, with a checksum of every dataset."""

import dataclasses
import errno
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import Mismatch
from featurestore.storage import hdf5, seal
from featurestore.storage.atomic import replace_atomically
from featurestore.storage.place import Place
from featurestore.storage.schema import Header


class Writer:
    """Write the datasets of a file.

    Rows may come in any order. A dataset whose rows come in order is hashed while it is written and not read again.
    """

    def __init__(self, path: Path, layout: Mapping[str, Place]) -> None:
        self._path, self._layout = path, layout
        self._file = path.open("r+b")
        self._hashes = {name: hashlib.sha256() for name in layout}
        self._hashed = dict.fromkeys(layout, 0)  # bytes; -1 once rows came out of order
        self._hasher = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None
        try:
            self._reserve_space()
        except OSError:
            self._file.close()
            raise

    def put(self, name: str, values: np.ndarray, row: int = 0) -> None:
        """Write consecutive rows of one dataset, starting at `row`.

        Raises:
            Mismatch: the rows do not fit into the dataset.
        """
        place = self._layout[name]
        values = np.ascontiguousarray(values, place.dtype)
        if values.shape[1:] != place.shape[1:] or row + len(values) > place.shape[0]:
            raise Mismatch(
                f"rows do not fit into dataset {name} of {self._path}",
                expected=f"at most {place.shape} in all",
                got=f"{values.shape} from row {row}",
            )
        start = row * place.row_size
        self._hash(name, values, start)
        _write_all(self._file.fileno(), values, place.offset + start)

    def close(self) -> None:
        """Finish hashing and close the file."""
        if self._pending and not self._pending.done():
            os.fsync(self._file.fileno())  # let the disk work while the last block is hashed
        self._hasher.shutdown()
        self._file.close()

    def digests(self) -> dict[str, str]:
        """Return the sha256 of every dataset. Call it after `close`."""
        return {name: self._digest(name, place) for name, place in self._layout.items()}

    def _digest(self, name: str, place: Place) -> str:
        is_hashed = self._hashed[name] == place.size
        return self._hashes[name].hexdigest() if is_hashed else place.digest(self._path)

    def _hash(self, name: str, values: np.ndarray, start: int) -> None:
        """Hash one block in a thread while it is written. Waits for the block before it, so that memory is bounded."""
        if self._pending:
            self._pending.result()
        if self._hashed[name] != start:
            self._hashed[name] = -1
            return
        self._hashed[name] += values.nbytes
        self._pending = self._hasher.submit(self._hashes[name].update, values.reshape(-1).view(np.uint8).data)

    def _reserve_space(self) -> None:
        """Allocate the disk space first, so that a full disk is an error now and not a file with holes later."""
        end = max((place.offset + place.size for place in self._layout.values()), default=0)
        if not end:
            return
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file.fileno(), 0, end)
        else:  # macOS: a full disk is an error of a later write
            os.ftruncate(self._file.fileno(), end)


@contextmanager
def open_writer(path: Path, datasets: Mapping[str, tuple[tuple[int, ...], Any]], header: Header) -> Iterator[Writer]:
    """Yield the writer of a new feature file, and put the file under `path` when the block ends without an error.

    Args:
        path: the finished file.
        datasets: shape and dtype of each, by name.
        header: its attributes. The checksums are filled in here.

    Raises:
        OSError: the disk is full or not writable.
    """
    with replace_atomically(path) as temporary, _translate_disk_errors(path):
        layout = hdf5.create(temporary, datasets)
        writer = Writer(temporary, layout)
        try:
            yield writer
        finally:
            writer.close()
        hdf5.write_header(temporary, dataclasses.replace(header, digests=writer.digests()))
        seal.put(temporary, [(place.offset, place.size) for place in layout.values()])


def write(path: Path, columns: Mapping[str, np.ndarray], header: Header) -> None:
    """Write a feature file from whole arrays."""
    with open_writer(path, {name: (values.shape, values.dtype) for name, values in columns.items()}, header) as writer:
        for name, values in columns.items():
            writer.put(name, values)


def encode_text(values: Sequence[str]) -> np.ndarray:
    """Encode text as fixed-width UTF-8 bytes (N,), which can be memory-mapped."""
    encoded = [value.encode("utf-8") for value in values]
    return np.array(encoded, dtype=f"S{max(map(len, encoded), default=1) or 1}")


@contextmanager
def _translate_disk_errors(path: Path) -> Iterator[None]:
    """Turn HDF5's RuntimeError about a full disk, which has the error number in its text, into an OSError."""
    try:
        yield
    except RuntimeError as error:
        number = re.search(r"errno = (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None


def _write_all(descriptor: int, values: np.ndarray, offset: int) -> None:
    view = values.reshape(-1).view(np.uint8).data
    while view:
        written = os.pwrite(descriptor, view, offset)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view, offset = view[written:], offset + written
