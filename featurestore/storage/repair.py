"""Repair a feature file that another program has changed, if the checksum of every dataset still matches.

A file is written once and never changed. A notebook or HDFView may still open it for writing, and leave a mark, an
attribute, a dataset of its own, or another layout. Datasets whose checksums match are kept, and nothing is encoded
again.
"""

import itertools
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from featurestore.errors import Mismatch, quote
from featurestore.storage import changes, hdf5, seal, superblock
from featurestore.storage.damage import Damaged, OpenForWriting, extract_command
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import open_writer


def repair(path: Path) -> str:
    """Repair a file without encoding anything. A readable file is left as it is.

    Returns:
        What was done, for the user. Empty if nothing had to be done.

    Raises:
        OpenForWriting: a program has the file open now.
        Mismatch: a dataset is damaged, or the file was written by a newer version.
        Unavailable: the file permissions forbid reading it.
    """
    try:
        FeatureFile(path)
    except OpenForWriting as problem:
        if problem.programs:
            raise
        return _clear_mark(path)
    except Damaged as problem:
        return _rewrite(path, problem.reason)
    return ""


def seal_again(path: Path) -> str:
    """Rewrite a readable file that another program wrote without a seal. Returns and raises as `repair` does."""
    return "" if FeatureFile(path).sealed else _rewrite(path, "it has no seal")


def check_whole(file: FeatureFile) -> None:
    """Check the checksum of every dataset.

    Raises:
        Mismatch: a dataset is not as it was written.
    """
    if damaged := file.find_damaged():
        raise _refuse(file.path, _format_damage(damaged))


def _rewrite(path: Path, reason: str) -> str:
    """Rewrite a file from its datasets, if the checksum of each matches.

    Args:
        path: a file whose attributes, layout or seal were changed.
        reason: what is wrong with it, for the message.

    Returns:
        What was done, for the user.
    """
    if unreadable := changes.explain_unreadable(path):
        raise _refuse(path, reason if unreadable in reason else f"{reason}; {unreadable}")
    found = changes.find_changes(path)
    if found.damaged:
        raise _refuse(path, f"{reason}; {_format_damage(found.damaged)}")
    backup = _back_up(path) if found.added else None
    with hdf5.open_file(path) as file:
        header = hdf5.read_header(file, path, lenient=True)
        columns = {name: file[name] for name in header.digests}
        layout = {name: (column.shape, hdf5.simplify_dtype(column.dtype)) for name, column in columns.items()}
        with open_writer(path, layout, header) as writer:
            for name, column in columns.items():
                for start, values in changes.iterate_blocks(column):
                    writer.put(name, values, start)
    done = f"{path} was changed by another program ({reason}); every checksum matches; the file was rewritten"
    return f"{done} without {', '.join(found.added)}; the changed file is {backup}" if found.added else done


def _clear_mark(path: Path) -> str:
    damaged = changes.find_changes(path).damaged
    if damaged:
        raise _refuse(path, f"a program left it open for writing; {_format_damage(damaged)}")
    with path.open("rb") as file:
        offset = seal.find_superblock(file.read(seal.SIZE))
    superblock.clear(path, offset)
    return f"{path} was left open for writing by another program; every checksum matches; the mark was cleared"


def _format_damage(names: Sequence[str]) -> str:
    return f"damaged datasets: {', '.join(sorted(names))}"


def _back_up(path: Path) -> Path:
    """Keep the changed file beside the one that replaces it, because it may hold the user's work."""
    names = (path.with_name(f"{path.name}.changed{number or ''}") for number in itertools.count())
    backup = next(name for name in names if not name.exists())
    try:
        os.link(path, backup)
    except OSError:  # a file system without hard links
        shutil.copy2(path, backup)
    return backup


def _refuse(path: Path, reason: str) -> Mismatch:
    """Return the error about a file that cannot be repaired."""
    moved = path.with_name(f"{path.name}.damaged")
    return Mismatch(
        f"{path} is damaged",
        got=reason,
        do=f"restore a backup copy of it; or re-encode everything: mv {quote(path)} {quote(moved)}, then "
        f"{extract_command(path)}",
    )
