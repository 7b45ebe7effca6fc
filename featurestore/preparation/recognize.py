"""Recognize the corpus of a release by the names of its files."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurestore import registry
from featurestore.errors import BadValue, NotFound, format_count, quote

AUTO = "auto"
_LOOKED_AT = 5000  # names of files, which is enough to tell corpora apart


def recognize_corpus(root: Path) -> str:
    """Return the name of the corpus that a folder or file looks like.

    Raises:
        NotFound: it looks like none, or does not exist.
        BadValue: it looks like several.
    """
    matches = rank_corpora(root)
    if not matches:
        raise NotFound(
            f"{root} looks like no known corpus",
            expected="files named as in a release of a corpus from cli list corpora",
            got=_describe(root),
            do=f"name the corpus: cli prepare CORPUS {quote(root)}; for your own data: cli prepare table TABLE",
        )
    best = [name for name, count in matches.items() if count == max(matches.values())]
    if len(best) > 1:
        raise BadValue(
            f"{root} looks like several corpora",
            expected="files of one corpus",
            got=", ".join(f"{name} ({format_count(matches[name], 'file')})" for name in best),
            do=f"name the corpus: cli prepare {best[0]} {quote(root)}",
        )
    return best[0]


def rank_corpora(root: Path) -> dict[str, int]:
    """Count the files that are named as those of each corpus, the most frequent corpus first.

    Clips are compared without their suffix, other files with it. Corpora whose names match nothing are left out.
    """
    patterns = _collect_layouts()
    names = [_normalize(path) for path in _list_some(root)]
    counts = Counter(corpus for name in names for corpus, layout in patterns.items() if layout.fullmatch(name))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def suggest_corpus(corpus: str, root: Path) -> str:
    """Return the command that reads a folder which is not of the named corpus, or an empty text if none is known."""
    others = [name for name in rank_corpora(root) if name != corpus]
    return f"it looks like {others[0]}: cli prepare {others[0]} {quote(root)}" if others else ""


def _collect_layouts() -> dict[str, re.Pattern[str]]:
    modules = registry.import_modules("corpora")
    return {name: module.LAYOUT for name, module in modules if hasattr(module, "LAYOUT")}


def _list_some(root: Path) -> Iterator[str]:
    """Yield the names of files below a folder, of every folder some: large corpora keep clips and labels apart."""
    if root.is_file():
        yield root.name
        return
    left = _LOOKED_AT
    for _, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names)[: max(left, 20)]:
            left -= 1
            yield name
        if left < -_LOOKED_AT:
            return


def _normalize(name: str) -> str:
    from featurestore.corpora import ReleaseFiles

    path = PurePosixPath(unicodedata.normalize("NFC", name))
    return path.stem if path.suffix.lower() in ReleaseFiles.CLIPS else path.name


def _describe(root: Path) -> str:
    if not root.exists():
        return "no such file or folder"
    names = list(dict.fromkeys(_list_some(root)))[:3]
    return f"files such as {', '.join(names)}".encode(errors="backslashreplace").decode() if names else "no file"
