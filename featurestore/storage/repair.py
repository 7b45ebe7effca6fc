"""Put a feature file right that another program has touched, where its digests prove every dataset whole.

A file is written once and never changed. A notebook or HDFView may still open it for writing, and leave a mark, an
attribute, a dataset of its own, or another layout. What the digests prove is kept; nothing is encoded again.
"""

import dataclasses
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import Mismatch, quoted
from featurestore.storage import feature_file, hdf5, schema, seal, superblock
from featurestore.storage.feature_file import Damaged, FeatureFile, OpenForWriting
from featurestore.storage.schema import ID, Header

_FIELDS = {field.name for field in dataclasses.fields(Header)}
_BLOCK = 1 << 24  # bytes of a dataset that are held at a time
_PATIENCE = 120.0  # seconds that HDF5 may take to open a changed file; a damaged one can hold it forever


@dataclass(frozen=True)
class Proof:
    """What the digests say of a file.

    Args:
        damaged: datasets that are missing or not as they were written.
        added: datasets and attributes that no extraction wrote.
    """

    damaged: tuple[str, ...]
    added: tuple[str, ...]


def repair(path: Path) -> str:
    """Put a file right, without encoding anything; a file that can be read is left as it is.

    Returns:
        What was done, for the user; empty where nothing had to be done.

    Raises:
        OpenForWriting: a program has the file open now.
        Mismatch: not every dataset is as it was written, or the file was written by a newer version.
        Unavailable: the file may not be read.
    """
    try:
        FeatureFile(path)
    except OpenForWriting as problem:
        if problem.programs:
            raise
        return _clear(path)
    except Damaged as problem:
        return _rewrite(path, problem.reason)
    return ""


def _rewrite(path: Path, reason: str) -> str:
    """Write a file anew from its datasets, where their digests prove each of them whole.

    Args:
        path: a file whose attributes, layout or seal were changed.
        reason: what is wrong with it, for the message.

    Returns:
        What was done, for the user.
    """
    _check_opens(path, reason)
    proof = _prove(path)
    if proof.damaged:
        raise _not_whole(path, f"{reason}; {_listed(proof.damaged)}")
    aside = _kept(path) if proof.added else None
    with hdf5.opened(path) as file:
        header = hdf5.header(file, path, lenient=True)
        columns = {name: file[name] for name in header.digests}
        layout = {name: (column.shape, hdf5.plain(column.dtype)) for name, column in columns.items()}
        with feature_file.writing(path, layout, header) as writer:
            for name, column in columns.items():
                for start, values in _blocks(column):
                    writer.put(name, values, start)
    done = f"{path} was changed by another program ({reason}); every dataset is as it was written; it was written anew"
    return f"{done} without {', '.join(proof.added)}; the changed file is {aside}" if proof.added else done


def seal_again(path: Path) -> str:
    """Write a readable file that has no seal (written by another program, from ours) anew with one; as `repair`."""
    return "" if FeatureFile(path).sealed else _rewrite(path, "it has no seal")


def check_whole(file: FeatureFile) -> None:
    """Check the digest of every dataset.

    Raises:
        Mismatch: a dataset is not as it was written.
    """
    if damaged := file.damaged():
        raise _not_whole(file.path, _listed(damaged))


def _clear(path: Path) -> str:
    damaged = _prove(path).damaged
    if damaged:
        raise _not_whole(path, f"a program left it open for writing; {_listed(damaged)}")
    with path.open("rb") as file:
        offset = seal.find_superblock(file.read(seal.SIZE))
    superblock.clear(path, offset)
    return (
        f"{path} was left open for writing by another program; every dataset is as it was written; the mark is cleared"
    )


def _check_opens(path: Path, reason: str) -> None:
    """Open the file in a process of its own first: a damaged layout can crash HDF5, or hold it forever."""
    command = [sys.executable, "-m", "featurestore.storage.repair", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise _not_whole(path, f"{reason}; HDF5 does not come to an end with it") from None
    if done.returncode:
        told = done.stdout.strip() or "HDF5 crashes on it"
        raise _not_whole(path, reason if told in reason else f"{reason}; {told}")


def _prove(path: Path) -> Proof:
    with hdf5.opened(path) as file:
        found = dict(hdf5.walk(file))
        digests = hdf5.header(file, path, lenient=True).digests
        damaged = [name for name, digest in digests.items() if _digest(found.get(name)) != digest]
        damaged += [
            f"{name} (no digest)" for name in schema.EVERY if name not in digests and (name in found or name == ID)
        ]
        added = [
            name
            for name in found
            if name not in schema.EVERY and not any(f"{known}/".startswith(f"{name}/") for known in digests)
        ]
        added += [f"attribute {name}" for name in file.attrs if name not in _FIELDS]
        added += [
            f"attribute {name} of {owner}" for owner in digests if owner in found for name in _attributes(found[owner])
        ]
        return Proof(tuple(damaged), tuple(added))


def _attributes(item: Any) -> list[str]:
    return list(item.attrs) if item is not None else []


def _listed(names: Sequence[str]) -> str:
    return f"not as written: {', '.join(sorted(names))}"


def _blocks(column: Any) -> Iterator[tuple[int, np.ndarray]]:
    step = max(1, _BLOCK // max(1, column.nbytes // max(1, len(column))))
    for start in range(0, len(column), step):
        yield start, np.ascontiguousarray(column[start : start + step])


def _digest(column: Any) -> str:
    """The sha256 of a dataset's values, however they are laid out; empty where they cannot be read."""
    if not hdf5.is_inside(column) or not column.shape:
        return ""
    digest = hashlib.sha256()
    try:
        for _, values in _blocks(column):
            digest.update(values.tobytes())
    except (OSError, RuntimeError, ValueError):
        return ""
    return digest.hexdigest()


def _kept(path: Path) -> Path:
    """Keep the changed file beside the one that replaces it: somebody's work may be in it."""
    names = (path.with_name(f"{path.name}.changed{number or ''}") for number in itertools.count())
    aside = next(name for name in names if not name.exists())
    try:
        os.link(path, aside)
    except OSError:  # a file system without hard links
        shutil.copy2(path, aside)
    return aside


def _not_whole(path: Path, reason: str) -> Mismatch:
    moved = path.with_name(f"{path.name}.damaged")
    return Mismatch(
        f"{path} is damaged",
        got=reason,
        do=f"bring back a copy of it; or have everything encoded again: mv {quoted(path)} {quoted(moved)}, then "
        f"{feature_file.made_by(path)}",
    )


if __name__ == "__main__":
    try:
        with hdf5.opened(Path(sys.argv[1])) as _file:
            hdf5.header(_file, Path(sys.argv[1]), lenient=True)
            list(hdf5.walk(_file))
    except Exception as error:
        print(" ".join(str(error).split()))
        sys.exit(1)
