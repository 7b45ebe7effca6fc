"""List the files of a release, find them whatever the case and Unicode form of their names, and read their paths."""

import os
import posixpath
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from featurestore.releases.finding_list import FindingList

_AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", ".sph", ".au")
_VIDEO = (".avi", ".mp4", ".m4a", ".mkv", ".mov", ".webm", ".flv", ".mpg")
_FROM_MACOS = "files named ._*, left by macOS, ignored"
_NOT_UTF_8 = (
    "files whose path is not UTF-8, ignored; rename them, for example: convmv -f latin1 -t utf8 -r --notest ROOT"
)
_UNREADABLE = "folders that cannot be read"


class ReleaseFiles:
    """The files below a folder, as paths relative to it, the least nested ones first.

    Files left by macOS, folders that cannot be read and paths that are not UTF-8 are reported and not listed. Linked
    folders are followed, each once.

    Args:
        root: folder of the release. A path that is no folder has no files.
        found: receives the findings.
    """

    CLIPS = frozenset({*_AUDIO, *_VIDEO})  # suffixes of clips, in lower case

    def __init__(self, root: Path, found: FindingList) -> None:
        self.root = root
        self.paths = tuple(sorted(_list_usable(root, found), key=lambda path: (path.count("/"), path)))

    def clips(self) -> tuple[str, ...]:
        """Return the paths of the clips, by their suffixes."""
        return tuple(path for path in self.paths if _split_suffix(path)[1].lower() in self.CLIPS)

    def find(self, path: str) -> str:
        """Return a path as it is on the disk, or an empty text if there is no such file."""
        return self._by_path.get(normalize_name(path), "")

    def find_named(self, name: str) -> tuple[str, ...]:
        """Return the paths of all files of that name, in any folder."""
        return self._by_name.get(normalize_name(name), ())

    @cached_property
    def _by_path(self) -> dict[str, str]:
        return {normalize_name(path): path for path in reversed(self.paths)}

    @cached_property
    def _by_name(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for path in self.paths:
            found.setdefault(normalize_name(posixpath.basename(path)), []).append(path)
        return {name: tuple(paths) for name, paths in found.items()}


def normalize_name(name: str) -> str:
    """Return a name in composed Unicode and lower case: macOS decomposes accents, and copies change the case.

    >>> normalize_name("Cole\u0300re") == normalize_name("COL\u00c8RE")
    True
    """
    return unicodedata.normalize("NFC", name).casefold()


def get_stem(path: str) -> str:
    """Return the name of a clip without its folder and suffix, in composed Unicode."""
    return unicodedata.normalize("NFC", _split_suffix(path)[0])


def _split_suffix(path: str) -> tuple[str, str]:
    """Return a file's name without its suffix, and the suffix, as `PurePosixPath` does, which takes ten times as long.

    >>> _split_suffix("calls/a.b.wav"), _split_suffix("calls/end."), _split_suffix("a/.wav")
    (('a.b', '.wav'), ('end.', ''), ('.wav', ''))
    """
    name = posixpath.basename(path.rstrip("/"))
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if 0 < dot < len(name) - 1 else (name, "")


def find_folder(clip: str, names: Iterable[str]) -> str:
    """Return the name that the nearest folder above a clip has, or an empty text if none has one.

    A folder has a name whatever its case, and if it begins with the name and an underscore.

    Args:
        clip: its path relative to the folder of the release.
        names: to look for.

    >>> find_folder("Release/BEA_Amused/amused_1-28_0001.wav", ["bea", "sam"])
    'bea'
    """
    known = {name.lower(): name for name in names}
    folders = (folder.lower().partition("_")[0] for folder in reversed(PurePosixPath(clip).parent.parts))
    return next((known[folder] for folder in folders if folder in known), "")


def _list_usable(root: Path, found: FindingList) -> Iterator[str]:
    for path in _walk(root, found):
        if not _is_utf_8(path):
            found.add(_NOT_UTF_8, [path.encode(errors="backslashreplace").decode()])
        elif posixpath.basename(path).startswith("._"):
            found.add(_FROM_MACOS, [path])
        elif not posixpath.basename(path).startswith("."):
            yield path


def _walk(root: Path, found: FindingList) -> Iterator[str]:
    """Yield the path of every file below a folder, in order."""
    seen: set[str] = set()

    def report(error: OSError) -> None:
        if str(error.filename) != str(root):  # a wrong root is an error of the reader
            found.add(_UNREADABLE, [os.path.relpath(error.filename, root)])

    for folder, subfolders, names in os.walk(root, onerror=report, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        relative = os.path.relpath(folder, root)
        yield from (name if relative == "." else f"{relative}/{name}" for name in sorted(names))


def _is_utf_8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
