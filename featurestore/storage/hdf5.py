"""Read and write the HDF5 structure of a feature file: datasets in one piece, and a header as attributes.

The only module that imports h5py.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from featurestore.errors import Mismatch
from featurestore.storage import schema, seal, superblock
from featurestore.storage.place import Place
from featurestore.storage.schema import Header

_JSON = {"encoder", "classes", "versions", "digests"}
_OPTIONAL = {"classes", "corpus", "manifest", "versions", "created"}  # no vector depends on these


@contextmanager
def open_file(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading, even if it is marked as open for writing.

    It is read through a Python file, so that HDF5 takes no lock (a network file system may have none) and shares
    nothing with another handle of this process on the same file.
    """
    with path.open("rb") as file:
        offset = seal.find_superblock(file.read(seal.SIZE))
    with superblock.open_without_mark(path, offset) as raw, h5py.File(raw, "r") as file:
        yield file


def create(path: Path, datasets: Mapping[str, tuple[tuple[int, ...], Any]]) -> dict[str, Place]:
    """Create a file with empty datasets, and return the place of each."""
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)  # fixes the place of every dataset before it is filled
    early.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    early.set_layout(h5py.h5d.CONTIGUOUS)
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    with h5py.File(path, "w", libver="v110", userblock_size=seal.SIZE, locking=False) as file:
        for name, (shape, dtype) in datasets.items():
            dtype = np.dtype(dtype)
            kind = h5py.string_dtype("utf-8", dtype.itemsize) if dtype.kind == "S" else dtype
            stored = h5py.h5t.py_create(kind, logical=True)
            h5py.h5d.create(file.id, name.encode(), stored, h5py.h5s.create_simple(shape), dcpl=early, lcpl=links)
    with open_file(path) as file:
        return read_layout(file)


def write_header(path: Path, header: Header) -> None:
    """Write a header as the attributes of an unfinished file."""
    with h5py.File(path, "r+", locking=False) as file:
        for key, value in dataclasses.asdict(header).items():
            file.attrs[key] = json.dumps(value, sort_keys=key != "digests") if key in _JSON else value


def read_header(file: h5py.File, path: Path, *, lenient: bool = False) -> Header:
    """Read the attributes of a file.

    Args:
        file: open.
        path: its path, for the message.
        lenient: take a missing attribute as empty if no vector depends on it. The manifest is then empty too, so that
            the file counts as made from another manifest.

    Raises:
        Mismatch: the file was written by a newer version of this package.
        OSError: an attribute is missing or unreadable.
    """
    version = int(_read_attribute(file, "schema"))
    if version > schema.VERSION:
        raise Mismatch(
            f"{path} was written by a newer version of this package",
            expected=f"schema {schema.VERSION} or lower",
            got=f"schema {version}",
            do="pip install --upgrade emofuse",
        )
    missing = _OPTIONAL - set(file.attrs) if lenient else set()
    names = [field.name for field in dataclasses.fields(Header) if field.name not in missing]
    values: dict[str, Any] = {name: _read_attribute(file, name) for name in names}
    values |= {"classes": tuple(values.get("classes", ())), "schema": version}
    return Header(**values | ({"manifest": ""} if missing else {}))


def _read_attribute(file: h5py.File, name: str) -> Any:
    try:
        value = file.attrs[name]
        return json.loads(value) if name in _JSON else int(value) if name == "schema" else value
    except (KeyError, ValueError, TypeError) as error:
        raise OSError(f"attribute {name} is missing or unreadable: {error}") from None


def read_layout(file: h5py.File) -> dict[str, Place]:
    """Return the place of every dataset. Links are never followed.

    Raises:
        OSError: a link leads out of the file, or a dataset is not contiguous.
    """
    found: dict[str, Place] = {}
    for name, item in walk(file):
        if item is None:
            raise OSError(f"{name} is a link out of the file")
        if isinstance(item, h5py.Group):
            continue
        if not is_inside(item) or item.chunks:
            raise OSError(f"{name} is not contiguous in this file")
        found[name] = Place(item.id.get_offset() or 0, item.shape, simplify_dtype(item.dtype))
    return found


def walk(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset | h5py.Group | None]]:
    """Yield every dataset and group by name, and None for a link that leads out of the file (it is not followed).

    Raises:
        OSError: a group stands in several places, and may contain itself.
    """
    yield from _walk(group, "", {_locate(group)})


def _walk(group: h5py.Group, prefix: str, seen: set[int]) -> Iterator[tuple[str, h5py.Dataset | h5py.Group | None]]:
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            yield f"{prefix}{name}", None
            continue
        item = group[name]
        yield f"{prefix}{name}", item
        if isinstance(item, h5py.Group):
            if _locate(item) in seen:
                raise OSError(f"group {prefix}{name} stands in several places of the file")
            seen.add(_locate(item))
            yield from _walk(item, f"{prefix}{name}/", seen)


def _locate(group: h5py.Group) -> int:
    """Return the address of a group in its file."""
    return int(h5py.h5o.get_info(group.id).addr)


def is_inside(item: object) -> bool:
    """Tell whether an object is a dataset with its values in this file."""
    return isinstance(item, h5py.Dataset) and not item.external and not item.is_virtual


def count_stored_bytes(item: h5py.Dataset) -> int:
    """Count the bytes that a dataset takes in the file, 0 if nothing was written to it."""
    return int(item.id.get_storage_size())


def is_text(item: h5py.Dataset) -> bool:
    """Tell whether a dataset holds text, of fixed or variable length."""
    return h5py.check_string_dtype(item.dtype) is not None


def simplify_dtype(dtype: np.dtype) -> np.dtype:
    """Return a dtype without h5py's metadata. Text becomes bytes of a fixed width."""
    return np.dtype(f"S{dtype.itemsize}") if dtype.kind == "S" else dtype
