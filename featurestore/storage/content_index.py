"""Index the contents of a store's clips, so that a clip is read again only where its bytes may have changed.

The index lies beside the feature files. It holds, for each clip, the sha256 of its bytes and the state of the file when
they were read: size, times of the last change of content and of status in nanoseconds, and inode. A lost or damaged
index is empty: every clip is then read again.
"""

import os
import stat
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from featurestore.storage.atomic import replace_atomically

FILE = ".clips.npz"
_VERSION = 1
# A file system may round the time of a change to 2 s (FAT). Within that time a second change may leave no trace, so a
# file that has just changed is not indexed.
_SETTLED = 2_000_000_000  # nanoseconds
_INODE = 2**63 - 1  # some file systems number inodes in 64 bits, and the index has signed numbers


FileState = tuple[int, int, int, int]  # size, times of the last change of content and of status, inode
UNKNOWN: FileState = (-1, 0, 0, 0)  # of what is no readable file; equal to no entry
_FIELDS = len(UNKNOWN)


class Content(NamedTuple):
    """Content of a file: the state that proves it, `UNKNOWN` where none does, and the sha256 of its bytes as hex."""

    state: FileState
    digest: str


class ContentIndex:
    """Sha256 of the clips of a store, by path and state.

    Args:
        folder: of the store.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._paths, self._states, self._digests = _read(self.path)

    def __len__(self) -> int:
        return len(self._paths)

    def find(self, paths: Sequence[str], states: Sequence[FileState]) -> list[str]:
        """Find the sha256 of each file as hex. It is empty where the file is not indexed, or not in that state."""
        if not len(self):
            return [""] * len(paths)
        rows = self._find_rows(paths)
        now = np.array(states, np.int64).reshape(-1, _FIELDS)
        is_same = (rows >= 0) & (self._states[rows] == now).all(axis=1)
        found = self._digests[rows].tobytes().hex()
        return [found[64 * row : 64 * row + 64] if same else "" for row, same in enumerate(is_same.tolist())]

    def count(self, paths: Sequence[str]) -> int:
        """Count the files that are indexed, in whatever state."""
        return int((self._find_rows(paths) >= 0).sum())

    def list_entries(self, paths: Sequence[str]) -> dict[str, Content]:
        """List what the index has of some files, by path, without those that are not indexed."""
        rows = dict(zip(paths, self._find_rows(paths).tolist(), strict=True))
        return {path: self._make_entry(row) for path, row in rows.items() if row >= 0}

    def write(self, contents: Mapping[str, Content]) -> None:
        """Replace the index.

        Args:
            contents: of files that were read, by path.

        Raises:
            OSError: the disk is full or not writable.
        """
        states = [content.state for content in contents.values()]
        self._paths, self._states = list(contents), np.array(states, np.int64).reshape(-1, _FIELDS)
        digests = bytes.fromhex("".join(content.digest for content in contents.values()))
        self._digests = np.frombuffer(digests, np.uint8).reshape(-1, 32)
        names = np.frombuffer("\0".join(self._paths).encode("utf-8", "surrogateescape"), np.uint8)
        with replace_atomically(self.path) as temporary, temporary.open("wb") as file:
            np.savez(file, version=np.array(_VERSION), paths=names, states=self._states, digests=self._digests)

    def _make_entry(self, row: int) -> Content:
        size, changed, status, inode = self._states[row].tolist()
        return Content((size, changed, status, inode), self._digests[row].tobytes().hex())

    def _find_rows(self, paths: Sequence[str]) -> np.ndarray:
        """Return the row of each path (N,), and -1 for a path that is not indexed."""
        if self._paths == paths:
            return np.arange(len(paths))
        rows = {path: row for row, path in enumerate(self._paths)}
        return np.array([rows.get(path, -1) for path in paths], np.int64)


def read_state(path: str) -> FileState:
    """Read the state of a file, or return `UNKNOWN` where there is no regular file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # a NUL in its name
        return UNKNOWN
    if not stat.S_ISREG(found.st_mode):
        return UNKNOWN
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino & _INODE


def is_settled(state: FileState, now: int) -> bool:
    """Tell whether a later change of a file gives it another state.

    Args:
        state: of the file, before it was read.
        now: nanoseconds since the epoch at that time.
    """
    return state != UNKNOWN and now - max(state[1:3]) > _SETTLED


def read_clock() -> int:
    """Return the nanoseconds since the epoch, as file systems count them."""
    return time.time_ns()


def _read(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Read an index. One that is missing, damaged, or of another version has no entries."""
    nothing: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise ValueError("a checksum differs")
        with np.load(path, allow_pickle=False) as content:
            if int(content["version"]) != _VERSION:
                raise ValueError("another version")
            states, digests = content["states"], content["digests"]
            text = content["paths"].tobytes().decode("utf-8", "surrogateescape")
        paths = text.split("\0") if len(states) else nothing
        if states.shape != (len(paths), _FIELDS) or digests.shape != (len(paths), 32):
            raise ValueError("its arrays do not fit together")
    except Exception:  # a damaged archive may raise anything; its clips are read again
        return nothing, np.empty((0, _FIELDS), np.int64), np.empty((0, 32), np.uint8)
    return paths, states, digests
