"""Compute the sha256 of clips' bytes, and read only those whose bytes may have changed."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

from featurestore.audio import decode
from featurestore.errors import Unencodable
from featurestore.progress import Say
from featurestore.storage.content_index import UNKNOWN, Content, ContentIndex, is_settled, read_clock, read_state

# Threads that read files: hashing releases the interpreter's lock, and disks and servers answer in parallel.
_READERS = 8
_SLICE = 64  # files per task of a thread: one task per file would cost as much as reading a short file

_Found = TypeVar("_Found")


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


def hash_clips(paths: Sequence[str], trust: Trust | None = None) -> dict[str, str]:
    """Compute the sha256 of each clip's bytes as hex, by path.

    A clip that cannot be read gets the digest of the reason, so that it is tried again once the reason changes.

    Args:
        paths: of the clips; each is read once.
        trust: where the index is, to read only what may have changed since. None reads every clip.
    """
    unique = list(dict.fromkeys(paths))
    if trust is not None:
        return _hash_changed(unique, trust)
    return {path: content.digest for path, content in zip(unique, _map_files(_read, unique), strict=True)}


def _hash_changed(paths: Sequence[str], trust: Trust) -> dict[str, str]:
    """Read the clips that the index does not prove to be unchanged, and update it."""
    index = ContentIndex(trust.folder)
    states = _map_files(read_state, paths)
    known = [""] * len(paths) if trust.paranoid else index.find(paths, states)
    digests = dict(zip(paths, known, strict=True))
    unread = [path for path, digest in digests.items() if not digest]
    read = dict(zip(unread, _map_files(_read, unread), strict=True))
    digests |= {path: content.digest for path, content in read.items()}
    is_proved = any(content.state != UNKNOWN for content in read.values())
    if is_proved or trust.paranoid or index.count(paths) < len(index):
        contents = {path: Content(state, digests[path]) for path, state in zip(paths, states, strict=True)}
        _write(index, contents | read, trust)
    return digests


def _write(index: ContentIndex, contents: Mapping[str, Content], trust: Trust) -> None:
    """Write what is proved. An extraction does without it: the next one reads every clip again.

    The entry of a clip that cannot be read now is kept, because a disk that was not mounted comes back as it was.
    """
    unproved = [path for path, content in contents.items() if content.state == UNKNOWN]
    kept = {} if trust.paranoid else index.list_entries(unproved)
    try:
        index.write({path: content for path, content in {**contents, **kept}.items() if content.state != UNKNOWN})
    except OSError as error:
        trust.say(f"{index.path} cannot be written ({error.strerror}), so the next run reads every clip again")


def _map_files(work: Callable[[str], _Found], paths: Sequence[str]) -> list[_Found]:
    """Call `work` for each path, in several threads."""
    slices = [paths[start : start + _SLICE] for start in range(0, len(paths), _SLICE)]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(chain.from_iterable(pool.map(lambda part: list(map(work, part)), slices)))


def _read(path: str) -> Content:
    before, now = read_state(path), read_clock()
    try:
        digest = decode.digest(path)
    except Unencodable as reason:
        return Content(UNKNOWN, hashlib.sha256(reason.what.encode()).hexdigest())
    is_proved = is_settled(before, now) and read_state(path) == before
    return Content(before if is_proved else UNKNOWN, digest)
