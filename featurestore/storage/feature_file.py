"""A feature file: packed, contiguous HDF5, written once in one step, read through a memory map.

Every byte is covered: each dataset by a digest in the attributes, and what is not data
(attributes, layout) by the seal that stands in front of them, in HDF5's user block.
"""

import dataclasses
import errno
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import Mismatch, NotFound, Unavailable, UnknownName, quoted
from featurestore.exposure import TrainedUtterance
from featurestore.spec import asked_for
from featurestore.storage import hdf5, open_files, schema, seal
from featurestore.storage.atomic import replacing
from featurestore.storage.hdf5 import Place
from featurestore.storage.schema import Header

_BLOCK = 1 << 24  # bytes read at a time for a digest


class Damaged(Mismatch):
    """A file that is not as it was written: damaged, changed by another program, or no feature file at all."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is damaged or no feature file",
            got=reason,
            do=f"{repair_command(path)} puts it right where the digests prove every value; else move it away and run: "
            f"{made_by(path)}",
        )
        self.reason = reason


class OpenForWriting(Unavailable):
    """A file that another program has open for writing, or had open when it was killed.

    Args:
        path: the file.
        programs: those on this machine that have it open, as far as they can be seen.
    """

    def __init__(self, path: Path, programs: Sequence[str]) -> None:
        if programs:
            super().__init__(
                f"{path} is open for writing in another program",
                got=", ".join(programs),
                do="close it there (a notebook, HDFView), then run the same command again",
            )
        else:
            super().__init__(
                f"{path} was left open for writing by another program",
                got="its mark is set, and no program here has it open: that one was killed, or runs on another machine",
                do=f"close it there; where nothing has it open any more, this checks every digest and clears the mark: "
                f"{repair_command(path)}",
            )
        self.programs = tuple(programs)


class FeatureFile:
    """A finished feature file, open for reading; datasets are memory maps and never copied whole.

    Raises:
        NotFound: there is no such file.
        Damaged: it is no feature file, or not as it was written.
        Mismatch: it was written by a newer version.
        OpenForWriting: another program has it open for writing, or was killed while it had.
        Unavailable: it may not be read.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise NotFound(f"there is no feature file {path}", do=made_by(path))
        self.path = path
        self._maps: dict[str, np.ndarray] = {}
        try:
            self.sealed = seal.check(path)  # before HDF5 reads it: a flipped byte of the layout can lead it anywhere
            with hdf5.opened(path) as file:
                self.header = hdf5.header(file, path)
                self._layout = hdf5.layout(file)
        except seal.Marked:
            raise OpenForWriting(path, open_files.writing(path)) from None
        except PermissionError as error:
            raise Unavailable(
                f"{path} cannot be read", got=error.strerror or "", do="ask for read access to it"
            ) from None
        except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as error:
            if programs := open_files.writing(path):  # whatever is wrong, it is not finished there
                raise OpenForWriting(path, programs) from None
            raise Damaged(path, str(error).partition("\n")[0]) from None

    @property
    def again(self) -> str:
        """The command that brings the file up to date; what has not changed is not encoded again."""
        return made_by(self.path, asked_for(self.header.encoder))

    @property
    def names(self) -> list[str]:
        """Every dataset in the file."""
        return list(self._layout)

    @property
    def kinds(self) -> list[str]:
        """What features can be made of: rows by kind, and `frames`."""
        return [name for name in schema.ROWS if name in self._layout] + (["frames"] if schema.VALUES in self else [])

    def __contains__(self, name: str) -> bool:
        return name in self._layout

    def __getitem__(self, name: str) -> np.ndarray:
        """A dataset as a read-only memory map; text arrives as fixed-width UTF-8 bytes."""
        if name in self._maps:
            return self._maps[name]
        if name not in self._layout:
            raise UnknownName(f"{self.path} has no dataset {name!r}", expected=", ".join(self._layout))
        offset, shape, dtype = self._layout[name]
        if not all(shape):
            return np.empty(shape, dtype)
        # Kept: a map that is made anew has its pages looked up anew.
        self._maps[name] = np.memmap(self.path, dtype, mode="r", offset=offset, shape=shape)
        return self._maps[name]

    def release(self) -> None:
        """Lets go of the memory maps: pages that were read count as this process's memory while they are mapped."""
        self._maps.clear()

    def text(self, name: str) -> list[str]:
        """A dataset of text."""
        return [value.decode("utf-8") for value in self[name].tolist()]

    def keys(self, name: str = schema.KEY) -> list[str]:
        """The keys of its rows, or of its failures, as hex."""
        return [row.tobytes().hex() for row in self[name]]

    @cached_property
    def ids(self) -> list[str]:
        """The utterance of each row."""
        return self.text(schema.ID)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each utterance."""
        return {name: row for row, name in enumerate(self.ids)}

    @cached_property
    def failed(self) -> dict[str, str]:
        """The utterances that could not be encoded, and why."""
        return dict(zip(self.text(schema.FAILED_ID), self.text(schema.FAILED_REASON), strict=True))

    @cached_property
    def trained_on(self) -> tuple[TrainedUtterance, ...]:
        """The utterances that the checkpoint was fine-tuned on."""
        ids = self.text(schema.TRAINED_ON) if schema.TRAINED_ON in self else []
        names = (schema.TRAINED_CONTENT, schema.TRAINED_CLIP, schema.TRAINED_ORIGIN)
        return tuple(map(TrainedUtterance, ids, *(self._hashes(name, len(ids)) for name in names)))

    @cached_property
    def contents(self) -> list[str]:
        """The sha256 of what the encoder was given of each row; empty texts in a file that does not have it."""
        return self._hashes(schema.CONTENT, len(self.ids))

    def _hashes(self, name: str, count: int) -> list[str]:
        """Read digests as hex; empty texts where there are none."""
        return [row.hex() if any(row) else "" for row in map(bytes, self[name])] if name in self else [""] * count

    def frames(self, row: int) -> np.ndarray:
        """The frames (T, D) of one row."""
        start, stop = self[schema.OFFSETS][row : row + 2]
        return self[schema.VALUES][start:stop]

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        """Some rows of a dataset, copied: unlike a memory map's, these pages do not stay with the process."""
        offset, shape, dtype = self._layout[name]
        values = np.empty((stop - start, *shape[1:]), dtype)
        with self.path.open("rb", buffering=0) as file:
            file.seek(offset + start * _size(shape[1:], dtype))
            found = file.readinto(values.reshape(-1).view(np.uint8).data) if values.size else 0
        if found != values.nbytes:
            raise Mismatch(f"{self.path} is truncated", expected=f"{values.nbytes} bytes of {name}", got=str(found))
        return values

    def damaged(self) -> list[str]:
        """The datasets whose bytes are not those that were written."""
        digests = {name: _digest(self.path, *self._extent(name)) for name in self._layout}
        return sorted(
            name for name in {**digests, **self.header.digests} if digests.get(name) != self.header.digests.get(name)
        )

    def _extent(self, name: str) -> tuple[int, int]:
        offset, shape, dtype = self._layout[name]
        return offset, _size(shape, dtype)


class Writer:
    """The datasets of a file that is being written.

    Rows may come in any order; a dataset whose rows come in order is hashed while it is written, not read again.
    """

    def __init__(self, path: Path, layout: Mapping[str, Place]) -> None:
        self._path, self._layout = path, layout
        self._file = path.open("r+b")
        self._hashes = {name: hashlib.sha256() for name in layout}
        self._hashed = dict.fromkeys(layout, 0)  # bytes; -1 once rows came out of order
        self._hasher = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None
        self._reserve()

    def put(self, name: str, values: np.ndarray, row: int = 0) -> None:
        """Writes consecutive rows of one dataset, from `row` on."""
        offset, shape, dtype = self._layout[name]
        values = np.ascontiguousarray(values, dtype)
        if values.shape[1:] != shape[1:] or row + len(values) > shape[0]:
            raise Mismatch(f"rows of {name}", expected=f"at most {shape} in all", got=f"{values.shape} from row {row}")
        start = row * _size(shape[1:], dtype)
        self._hash(name, values, start)
        _write_all(self._file.fileno(), values, offset + start)

    def close(self) -> None:
        """Closes the file; what was put is in it."""
        if self._pending and not self._pending.done():
            os.fsync(self._file.fileno())  # the disk works while the last block is hashed
        self._hasher.shutdown()
        self._file.close()

    def digests(self) -> dict[str, str]:
        """The sha256 of every dataset; call after `close`."""
        return {name: self._digest(name) for name in self._layout}

    def _digest(self, name: str) -> str:
        offset, shape, dtype = self._layout[name]
        size = _size(shape, dtype)
        return self._hashes[name].hexdigest() if self._hashed[name] == size else _digest(self._path, offset, size)

    def _hash(self, name: str, values: np.ndarray, start: int) -> None:
        """Hashes in a thread of its own, beside the writing; one block at a time, so that memory stays bounded."""
        if self._pending:
            self._pending.result()
        if self._hashed[name] != start:
            self._hashed[name] = -1
            return
        self._hashed[name] += values.nbytes
        self._pending = self._hasher.submit(self._hashes[name].update, values.reshape(-1).view(np.uint8).data)

    def _reserve(self) -> None:
        # Taking the space first makes a full disk an error here and now, not a file with holes later.
        end = max((offset + _size(shape, dtype) for offset, shape, dtype in self._layout.values()), default=0)
        if not end:
            return
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file.fileno(), 0, end)
        else:  # macOS has none: there a full disk is an error of the write that meets it
            os.ftruncate(self._file.fileno(), end)


@contextmanager
def writing(path: Path, datasets: Mapping[str, tuple[tuple[int, ...], Any]], header: Header) -> Iterator[Writer]:
    """Writes a feature file in one step: it appears under `path`, whole and with its digests, or not at all.

    Args:
        path: the finished file.
        datasets: shape and dtype of each, known beforehand.
        header: its attributes; the digests are filled in here.
    """
    with replacing(path) as temporary, _disk_errors(path):
        layout = hdf5.create(temporary, datasets)
        writer = Writer(temporary, layout)
        try:
            yield writer
        finally:
            writer.close()
        hdf5.put_header(temporary, dataclasses.replace(header, digests=writer.digests()))
        seal.put(temporary, [(offset, _size(shape, dtype)) for offset, shape, dtype in layout.values()])


def write(path: Path, columns: Mapping[str, np.ndarray], header: Header) -> None:
    """Writes a feature file from whole arrays."""
    with writing(path, {name: (values.shape, values.dtype) for name, values in columns.items()}, header) as writer:
        for name, values in columns.items():
            writer.put(name, values)


def encode_text(values: Sequence[str]) -> np.ndarray:
    """Text as fixed-width UTF-8 bytes (N,), which a memory map can read."""
    encoded = [value.encode("utf-8") for value in values]
    return np.array(encoded, dtype=f"S{max(map(len, encoded), default=1) or 1}")


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """HDF5 tells of a full disk by a RuntimeError that names the error number in its text; here it is an OSError."""
    try:
        yield
    except RuntimeError as error:
        number = re.search(r"errno = (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None


def _digest(path: Path, offset: int, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(offset)
        while size:
            block = file.read(min(size, _BLOCK))
            if not block:
                return "truncated"
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()


def _size(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return prod(shape) * dtype.itemsize


def _write_all(descriptor: int, values: np.ndarray, offset: int) -> None:
    view = values.reshape(-1).view(np.uint8).data
    while view:
        written = os.pwrite(descriptor, view, offset)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view, offset = view[written:], offset + written


def repair_command(path: Path) -> str:
    """Return the command that puts a file right that another program has touched."""
    return f"cli verify {quoted(path.parent)} --repair"


def made_by(path: Path, checkpoint: str = "CHECKPOINT") -> str:
    """Return the command that makes a feature file."""
    return f"cli extract --store {quoted(path.parent)} --encoder {quoted(f'{path.stem}={checkpoint}')}"
