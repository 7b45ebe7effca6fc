"""Find the clips of EmoBox's lists, and what the corpus's own reader knows about them."""

import os
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from featurestore import registry
from featurestore.errors import Problem
from featurestore.manifest import Utterance
from featurestore.releases.finding_list import FindingList
from featurestore.releases.reading import Reading
from featurestore.tables.clip_places import list_bases, locate_clips

_OWN_READER = "speakers, genders and texts read from the clips, by the reader of"
_NOT_READ = "lists of a corpus whose clips its own reader refuses; speaker, gender and text are left empty"
_COLUMNS = ("text", "speaker", "gender", "session", "dialogue", "script")


def describe_clips(root: Path, name: str, paths: Collection[str], found: FindingList) -> dict[str, dict[str, object]]:
    """Return the path of each clip on the disk, and what the corpus's own reader tells about it.

    A clip whose path is not that of the list is found by its name, if no other clip of the corpus has it.

    Args:
        root: folder of the lists.
        name: of the corpus, as EmoBox calls it.
        paths: of the clips, as the lists give them.
        found: receives the findings.
    """
    places = locate_clips(root, paths)
    folder = _find_folder(root, name)
    reading = _read_clips(folder, name, found) if folder else None
    if not folder or not reading:
        return {path: {"wav": place} for path, place in places.items()}
    rows = {os.path.normpath(folder / row.audio): row for row in reading.utterances if row.audio}
    stems = Counter(_stem(path) for path in rows)
    by_stem = {_stem(path): path for path in rows if stems[_stem(path)] == 1}
    known = {
        path: own if (own := os.path.normpath(root / place)) in rows else by_stem.get(_stem(path), "")
        for path, place in places.items()
    }
    count = sum(bool(own) for own in known.values())
    found.add(f"{_OWN_READER} {_find_corpus(name)}", [f"{count:,} of {len(known):,} clips in {folder}"])
    return {path: _describe(rows[own], own) if own else {"wav": places[path]} for path, own in known.items()}


def _find_folder(root: Path, name: str) -> Path | None:
    """Return the folder of the corpus's clips, where EmoBox wants it."""
    folders = (base / "downloads" / name for base in list_bases(root))
    return next((folder for folder in folders if folder.is_dir()), None)


def _read_clips(folder: Path, name: str, found: FindingList) -> Reading | None:
    corpus = _find_corpus(name)
    if not corpus:
        return None
    try:
        reading: Reading = registry.module("corpora", corpus).utterances(folder)
    except Problem as problem:
        found.add(_NOT_READ, [f"{corpus}: {problem.what}"])
        return None
    return reading


def _find_corpus(name: str) -> str:
    """Return the corpus of the project that a list is of, or an empty text: `cremad` is `crema-d`."""
    same = [one for one in registry.names("corpora") if _simplify(one) == _simplify(name)]
    return next((one for one in same if not registry.module("corpora", one).CARD.own), "")


def _simplify(name: str) -> str:
    return re.sub(r"[-_]", "", name.lower())


def _stem(path: str) -> str:
    return Path(path).stem.casefold()


def _describe(row: Utterance, path: str) -> dict[str, object]:
    return {"wav": path} | {column: value for column in _COLUMNS if (value := getattr(row, column))}
