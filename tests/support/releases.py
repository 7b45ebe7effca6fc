"""Inspect and damage the files of a release, for the contract tests of corpora."""

import glob
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

_SELECTED = 3  # files of each suffix


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def is_audio(name):
    return Path(name).suffix.lower() in {".wav", ".flac", ".mp3", ".ogg", ".avi", ".mp4", ".m4a", ".webm"}


def clips(root):
    return [name for name in files(root) if is_audio(name)]


def is_mentioned(name, reading):
    """Return whether a file is the clip of an utterance, or in a finding by its path, name or stem."""
    words = (name, Path(name).name, Path(name).stem)
    return any(row.audio == name for row in reading.utterances) or any(
        word in where for finding in reading.findings for where in finding.where for word in words
    )


def list_in_order(patch, descending):
    """Make every function that lists a folder return its files in ascending or descending order."""

    class Scan:
        def __init__(self, found):
            self.found = iter(found)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.close()

        def __iter__(self):
            return self

        def __next__(self):
            return next(self.found)

        def close(self):
            self.found = iter(())

    def in_order(function, container=list):
        def list_sorted(*arguments, **options):
            found = function(*arguments, **options)
            return container(sorted(found, key=lambda one: getattr(one, "path", str(one)), reverse=descending))

        return list_sorted

    patch.setattr(os, "listdir", in_order(os.listdir))
    patch.setattr(os, "scandir", in_order(os.scandir, Scan))
    patch.setattr(glob, "glob", in_order(glob.glob))
    for name in ("glob", "rglob", "iterdir"):
        patch.setattr(Path, name, in_order(getattr(Path, name), lambda found: iter(list(found))))


def select(names):
    """Return the first, middle and last of the files of each suffix."""
    found = []
    for suffix in sorted({Path(name).suffix for name in names}):
        same = [name for name in names if Path(name).suffix == suffix]
        found += dict.fromkeys(same[round(place * (len(same) - 1) / (_SELECTED - 1))] for place in range(_SELECTED))
    return found


@contextmanager
def damage_file(path, damage):
    """Remove or empty a file for as long as the context lasts."""
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"")
    try:
        yield
    finally:
        path.write_bytes(content)


def new_places(before, after):
    """Return the places of findings that were not found before."""
    old = Counter((finding.what, where) for finding in before.findings for where in finding.where)
    new = Counter((finding.what, where) for finding in after.findings for where in finding.where)
    return [where for _, where in new - old]
