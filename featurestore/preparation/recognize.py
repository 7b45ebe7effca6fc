"""Recognize the corpus of a release by the names of its files."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from featurestore import registry
from featurestore.errors import BadValue, NotFound, format_count, quote

AUTO = "auto"
_LOOKED_AT = 5000  # names of files, which is enough to tell corpora apart
_RIVAL_FILES, _RIVAL_SHARE = 20, 0.1  # at least so many files beside those of the best corpus are another corpus
_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")

Matches = Mapping[str, Sequence[str]]


def recognize_corpus(root: Path) -> str:
    """Return the name of the corpus that a folder or file looks like.

    Raises:
        NotFound: it looks like none, or does not exist.
        BadValue: it looks like several.
    """
    matches = match_corpora(root)
    if not matches:
        raise NotFound(
            f"{root} looks like no known corpus",
            expected="files named as in a release of a corpus from cli list corpora",
            got=_describe(root),
            do=_suggest_unpacking(root)
            or f"name the corpus: cli prepare CORPUS {quote(root)}; for your own data: cli prepare table TABLE",
        )
    best, *rivals = _find_rivals(matches)
    if rivals:
        raise BadValue(
            f"{root} looks like several corpora",
            expected="the folder of one corpus",
            got=", ".join(f"{name} ({format_count(len(matches[name]), 'file')})" for name in (best, *rivals)),
            do=f"name one: {_build_command(best, root, matches)}, or {_build_command(rivals[0], root, matches)}",
        )
    return best


def match_corpora(root: Path) -> dict[str, list[str]]:
    """Return the files that are named as those of each corpus, by corpus, the one with the most files first.

    Clips are compared without their suffix, other files with it. Corpora whose names match nothing are left out. The
    paths are relative to `root`.
    """
    patterns = _collect_layouts()
    found: dict[str, list[str]] = defaultdict(list)
    for path in _list_some(root):
        name = _normalize(PurePosixPath(path).name)
        for corpus, layout in patterns.items():
            if layout.fullmatch(name):
                found[corpus].append(path)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def suggest_corpus(corpus: str, root: Path) -> str:
    """Return what to do about a folder that is not of the named corpus, or an empty text if nothing is known."""
    matches = match_corpora(root)
    others = [name for name in matches if name != corpus]
    if corpus in matches and registry.module("corpora", corpus).CARD.own:
        folder = (root / matches[corpus][0]).parent
        return "" if folder == root else f"its files are in folders below: cli prepare {corpus} {quote(folder)}"
    if not others:
        return _suggest_unpacking(root)
    return f"it looks like {others[0]}: {_build_command(others[0], root, matches)}"


def _find_rivals(matches: Matches) -> list[str]:
    """Return the corpus with the most files, and those whose files beside its own are too many to be a part of it."""
    best = next(iter(matches))
    enough = max(_RIVAL_FILES, _RIVAL_SHARE * len(matches[best]))
    others = [name for name in matches if name != best]
    return [
        best,
        *(
            name
            for name in others
            if len(matches[name]) == len(matches[best]) or len({*matches[name]} - {*matches[best]}) >= enough
        ),
    ]


def _build_command(corpus: str, root: Path, matches: Matches) -> str:
    return f"cli prepare {corpus} {quote(_choose_folder(corpus, root, matches))}"


def _choose_folder(corpus: str, root: Path, matches: Matches) -> Path:
    """Return the least nested folder below `root` that holds all files of a corpus and none of another."""
    own = matches[corpus]
    foreign = {path for paths in matches.values() for path in paths} - {*own}
    parts = PurePosixPath(os.path.commonpath([os.path.dirname(path) for path in own])).parts
    folders = [PurePosixPath(*parts[:depth]) for depth in range(len(parts) + 1)]
    for folder in folders:
        if not any(PurePosixPath(path).is_relative_to(folder) for path in foreign):
            return root / folder
    return root


def _suggest_unpacking(root: Path) -> str:
    """Return the advice to unpack an archive or those in a folder, or an empty text if there are none."""
    paths = [root] if root.is_file() else sorted(root.glob("*"))
    archives = [path.name for path in paths if path.name.lower().endswith(_ARCHIVES)]
    if not archives:
        return ""
    return f"unpack {', '.join(archives[:3])}{' …' if len(archives) > 3 else ''}, and give the folder with the files"


def _collect_layouts() -> dict[str, re.Pattern[str]]:
    modules = registry.import_modules("corpora")
    return {name: module.LAYOUT for name, module in modules if hasattr(module, "LAYOUT")}


def _list_some(root: Path) -> Iterator[str]:
    """Yield paths of files below a folder, of every folder some: large corpora keep clips and labels apart."""
    if root.is_file():
        yield root.name
        return
    left = _LOOKED_AT
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names)[: max(left, 20)]:
            left -= 1
            yield os.path.relpath(os.path.join(folder, name), root)
        if left < -_LOOKED_AT:
            return


def _normalize(name: str) -> str:
    from featurestore.corpora import ReleaseFiles

    path = PurePosixPath(unicodedata.normalize("NFC", name))
    return path.stem if path.suffix.lower() in ReleaseFiles.CLIPS else path.name


def _describe(root: Path) -> str:
    if not root.exists():
        return "no such file or folder"
    names = list(dict.fromkeys(os.path.basename(path) for path in _list_some(root)))[:3]
    return f"files such as {', '.join(names)}".encode(errors="backslashreplace").decode() if names else "no file"
