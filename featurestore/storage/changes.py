"""Find what other programs changed in a feature file, dataset by dataset, even where its layout is different."""

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.storage import hdf5, schema
from featurestore.storage.schema import ID, Header

_FIELDS = {field.name for field in dataclasses.fields(Header)}
_BLOCK = 1 << 24  # bytes of a dataset held at a time
_TIMEOUT = 120.0  # seconds for HDF5 to open a changed file; a damaged one can make it loop forever


@dataclass(frozen=True)
class Changes:
    """Differences between a file and what was written.

    Args:
        damaged: datasets that are missing, or whose checksum differs.
        added: datasets and attributes that no extraction wrote.
    """

    damaged: tuple[str, ...]
    added: tuple[str, ...]


def find_changes(path: Path) -> Changes:
    """Compare the datasets of a file with their checksums, and its attributes with those of a feature file."""
    with hdf5.open_file(path) as file:
        found = dict(hdf5.walk(file))
        digests = hdf5.read_header(file, path, lenient=True).digests
        damaged = [name for name, digest in digests.items() if _digest(found.get(name)) != digest]
        damaged += [
            f"{name} (no checksum)" for name in schema.EVERY if name not in digests and (name in found or name == ID)
        ]
        added = [
            name
            for name in found
            if name not in schema.EVERY and not any(f"{known}/".startswith(f"{name}/") for known in digests)
        ]
        added += [f"attribute {name}" for name in file.attrs if name not in _FIELDS]
        added += [
            f"attribute {name} of {owner}"
            for owner in digests
            if owner in found
            for name in _list_attributes(found[owner])
        ]
        return Changes(tuple(damaged), tuple(added))


def explain_unreadable(path: Path) -> str:
    """Explain why HDF5 cannot open a file, or return an empty text if it can.

    The file is opened in a child process, because a damaged layout can crash HDF5 or make it loop forever.
    """
    command = [sys.executable, "-m", "featurestore.storage.changes", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return "HDF5 hangs when it opens the file"
    return (done.stdout.strip() or "HDF5 crashes when it opens the file") if done.returncode else ""


def iterate_blocks(column: Any) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows of a dataset in blocks: the first row of each block, and its values."""
    step = max(1, _BLOCK // max(1, column.nbytes // max(1, len(column))))
    for start in range(0, len(column), step):
        yield start, np.ascontiguousarray(column[start : start + step])


def _digest(column: Any) -> str:
    """Compute the sha256 of a dataset's values in any layout, or return an empty text if they cannot be read."""
    if not hdf5.is_inside(column) or not column.shape:
        return ""
    digest = hashlib.sha256()
    try:
        for _, values in iterate_blocks(column):
            digest.update(values.tobytes())
    except (OSError, RuntimeError, ValueError):
        return ""
    return digest.hexdigest()


def _list_attributes(item: Any) -> list[str]:
    return list(item.attrs) if item is not None else []


if __name__ == "__main__":
    try:
        with hdf5.open_file(Path(sys.argv[1])) as _file:
            hdf5.read_header(_file, Path(sys.argv[1]), lenient=True)
            list(hdf5.walk(_file))
    except Exception as error:
        print(" ".join(str(error).split()))
        sys.exit(1)
