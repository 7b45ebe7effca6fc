"""A feature file: packed, contiguous HDF5, written once in one step, read through a memory map.

The only module that knows HDF5. Every byte is covered: each dataset by a digest in the attributes, and what is not data
(attributes, layout) by the seal that stands in front of them, in HDF5's user block.
"""

import dataclasses
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from featurestore import schema, seal
from featurestore.errors import Mismatch, NotFound, Unavailable, UnknownName, quoted
from featurestore.files import replacing
from featurestore.schema import Header
from featurestore.spec import asked_for
from featurestore.trained import TrainedUtterance

# Where a dataset lies in the file: byte offset, shape, dtype.
Place = tuple[int, tuple[int, ...], np.dtype]

_JSON = {"encoder", "classes", "versions", "digests"}
_BLOCK = 1 << 24  # bytes read at a time for a digest


class FeatureFile:
    """A finished feature file, open for reading; datasets are memory maps and never copied whole.

    Raises:
        NotFound: there is no such file.
        Mismatch: it is no feature file, is damaged, or was written by a newer version.
        Unavailable: it may not be read.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise NotFound(f"there is no feature file {path}", do=_made_by(path, "CHECKPOINT"))
        self.path = path
        self._maps: dict[str, np.ndarray] = {}
        try:
            self.sealed = seal.check(path)  # before HDF5 reads it: a flipped byte of the layout can lead it anywhere
            with h5py.File(path, "r") as file:
                self.header = _header(file, path)
                self._layout = _layout(file)
        except PermissionError as error:
            raise Unavailable(
                f"{path} cannot be read", got=error.strerror or "", do="ask for read access to it"
            ) from None
        except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as error:
            raise Mismatch(
                f"{path} is damaged or no feature file",
                got=str(error).partition("\n")[0],
                do=f"move it away and run: {_made_by(path, 'CHECKPOINT')}",
            ) from None

    @property
    def again(self) -> str:
        """The command that brings the file up to date; what has not changed is not encoded again."""
        return _made_by(self.path, asked_for(self.header.encoder))

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
        names = (schema.TRAINED_CONTENT, schema.TRAINED_CLIP, schema.TRAINED_MANIFEST)
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
        layout = _create(temporary, datasets)
        writer = Writer(temporary, layout)
        try:
            yield writer
        finally:
            writer.close()
        with h5py.File(temporary, "r+") as file:
            for key, value in dataclasses.asdict(dataclasses.replace(header, digests=writer.digests())).items():
                file.attrs[key] = json.dumps(value, sort_keys=key != "digests") if key in _JSON else value
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


def _create(path: Path, datasets: Mapping[str, tuple[tuple[int, ...], Any]]) -> dict[str, Place]:
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)  # the place of every dataset is known before it is filled
    early.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    early.set_layout(h5py.h5d.CONTIGUOUS)
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    with h5py.File(path, "w", libver="v110", userblock_size=seal.SIZE) as file:
        for name, (shape, dtype) in datasets.items():
            dtype = np.dtype(dtype)
            kind = h5py.string_dtype("utf-8", dtype.itemsize) if dtype.kind == "S" else dtype
            stored = h5py.h5t.py_create(kind, logical=True)
            h5py.h5d.create(file.id, name.encode(), stored, h5py.h5s.create_simple(shape), dcpl=early, lcpl=links)
    with h5py.File(path, "r") as file:
        return _layout(file)


def _layout(file: h5py.File) -> dict[str, Place]:
    """Offset, shape and dtype of every dataset; links out of the file are refused, never followed."""
    found: dict[str, Place] = {}

    def visit(group: h5py.Group, prefix: str) -> None:
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise OSError(f"{prefix}{name} is a link out of the file")
            item = group[name]
            if isinstance(item, h5py.Group):
                visit(item, f"{prefix}{name}/")
                continue
            if item.chunks or item.external or item.is_virtual:
                raise OSError(f"{prefix}{name} is not contiguous in this file")
            offset = item.id.get_offset()
            dtype = np.dtype(f"S{item.dtype.itemsize}") if item.dtype.kind == "S" else item.dtype
            found[f"{prefix}{name}"] = (offset or 0, item.shape, dtype)

    visit(file, "")
    return found


def _header(file: h5py.File, path: Path) -> Header:
    version = int(file.attrs["schema"])
    if version > schema.VERSION:
        raise Mismatch(
            f"{path} was written by a newer version of this package",
            expected=f"schema {schema.VERSION} or lower",
            got=f"schema {version}",
            do="pip install --upgrade emofuse",
        )
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Header):
        value = file.attrs[field.name]
        values[field.name] = json.loads(value) if field.name in _JSON else value
    values |= {"classes": tuple(values["classes"]), "schema": version}
    return Header(**values)


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


def _made_by(path: Path, checkpoint: str) -> str:
    return f"cli extract --store {quoted(path.parent)} --encoder {quoted(f'{path.stem}={checkpoint}')}"
