"""Compute the sha256 of clips' bytes, and read only those whose bytes may have changed."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from featurestore.audio import decode
from featurestore.errors import Unencodable
from featurestore.progress import Say
from featurestore.storage.content_index import UNKNOWN, ContentIndex, FileState, is_settled, read_clock, read_state

_READERS = 8  # threads that read files: hashing releases the interpreter's lock, and disks answer in parallel
_SLICE = 64  # files per task of a thread: one task per file would cost as much as reading a short file


class Trust(NamedTuple):
    """Trust in the index of clips that a store keeps.

    Args:
        folder: of the store, locked by this process: the index is written there.
        paranoid: whether every clip is read all the same, and the index made anew.
        say: receives a line if the index cannot be written.
    """

    folder: Path
    paranoid: bool
    say: Say


class _Content(NamedTuple):
    """Content of a clip: the sha256 of its bytes, and the state that proves it, `UNKNOWN` where none does."""

    digest: str
    state: FileState


def hash_clips(paths: Sequence[str], trust: Trust | None = None) -> dict[str, str]:
    """Compute the sha256 of each clip's bytes as hex, by path.

    A clip that cannot be read gets the digest of the reason, so that it is tried again once the reason changes.

    Args:
        paths: of the clips; each is read once.
        trust: where the index is, to read only what may have changed since. None reads every clip.
    """
    unique = list(dict.fromkeys(paths))
    if trust is None:
        return {path: content.digest for path, content in zip(unique, _read_all(unique), strict=True)}
    index = ContentIndex(trust.folder)
    states = list(map(read_state, unique))
    known = [""] * len(unique) if trust.paranoid else index.find(unique, states)
    digests = dict(zip(unique, known, strict=True))
    unread = [path for path, digest in digests.items() if not digest]
    read = dict(zip(unread, _read_all(unread), strict=True))
    digests |= {path: content.digest for path, content in read.items()}
    unproved = {path for path, content in read.items() if content.state == UNKNOWN}
    if len(unproved) < len(unread) or len(unique) - len(unproved) != len(index):
        proofs = dict(zip(unique, states, strict=True)) | {path: content.state for path, content in read.items()}
        kept = [path for path in unique if path not in unproved]
        _write(index, kept, [proofs[path] for path in kept], [digests[path] for path in kept], trust.say)
    return digests


def _write(
    index: ContentIndex, paths: Sequence[str], states: Sequence[FileState], digests: Sequence[str], say: Say
) -> None:
    """Write the index. An extraction does without it: the next one reads every clip again."""
    try:
        index.write(paths, states, digests)
    except OSError as error:
        say(f"{index.path} cannot be written ({error.strerror}), so the next run reads every clip again")


def _read_all(paths: Sequence[str]) -> list[_Content]:
    slices = [paths[start : start + _SLICE] for start in range(0, len(paths), _SLICE)]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(chain.from_iterable(pool.map(lambda part: list(map(_read, part)), slices)))


def _read(path: str) -> _Content:
    before, now = read_state(path), read_clock()
    try:
        digest = decode.digest(path)
    except Unencodable as reason:
        return _Content(hashlib.sha256(reason.what.encode()).hexdigest(), UNKNOWN)
    is_proved = is_settled(before, now) and read_state(path) == before
    return _Content(digest, before if is_proved else UNKNOWN)
