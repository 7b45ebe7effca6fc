"""Ids for the rows of a table: those that it gives, else made of file names, else of row numbers."""

import os.path
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath

from featurestore.corpora import FILE_NAMES, GIVEN, ROW_NUMBERS, Finding
from featurestore.manifest import Utterance

_TWICE = "ids that stand more than once; the later ones got a number"
_NUMBERS = "ids made of row numbers, which move when a row is inserted or deleted; give the table a column id"


@dataclass(frozen=True)
class Identified:
    """Utterances with unique ids, and how these came about.

    Args:
        rows: the utterances.
        kind: the weakest way in which one of the ids came about.
        made_up: the ids that the table does not give, or gives more than once.
        findings: what was odd.
    """

    rows: tuple[Utterance, ...]
    kind: str
    made_up: tuple[str, ...]
    findings: tuple[Finding, ...]


def identified(rows: Sequence[Utterance], numbers: Sequence[int], table: Path) -> Identified:
    """Give every row an id that is unique in its table and, but for row numbers, does not depend on their order.

    A clip gives its file's name without the suffix. Where other clips have the same name, its path in the table's
    folder; where several rows cut the same clip, also their start and end.

    Args:
        rows: the utterances, their id empty where the table has none.
        numbers: the row number of each.
        table: the file that they are from.
    """
    names = _Names(rows, table.parent)
    own = [row.id or names.of(row) for row in rows]
    made = [name or f"{table.stem}-{number}" for name, number in zip(own, numbers, strict=True)]
    unique = _numbered(made)
    moved = tuple(f"{old} -> {new}" for old, new in zip(made, unique, strict=True) if old != new)
    counted = tuple(new for name, new in zip(own, unique, strict=True) if not name)
    kind = ROW_NUMBERS if moved or counted else GIVEN if all(row.id for row in rows) else FILE_NAMES
    findings = (Finding(_TWICE, moved), Finding(_NUMBERS, counted))
    complete = (replace(row, id=name) for row, name in zip(rows, unique, strict=True))
    times = Counter(row.id for row in rows)
    made_up = tuple(new for row, new in zip(rows, unique, strict=True) if not row.id or times[row.id] > 1)
    return Identified(tuple(complete), kind, made_up, tuple(finding for finding in findings if finding.where))


class _Names:
    """The ids that clips give, by what all rows of the table have."""

    def __init__(self, rows: Sequence[Utterance], folder: Path) -> None:
        self.folder = folder
        self.given = {row.id for row in rows if row.id}
        self.paths: dict[str, set[PurePosixPath]] = defaultdict(set)  # by stem
        self.times: dict[PurePosixPath, set[str]] = defaultdict(set)
        for row in rows:
            if row.audio and not row.id and (path := self._path(row.audio)).name:
                self.paths[path.stem].add(path)
                self.times[path].add(_times(row))

    def of(self, row: Utterance) -> str:
        """The id that a row's clip gives; empty where it has none."""
        if not row.audio:
            return ""
        path = self._path(row.audio)
        if not path.name:  # the folder itself, or the root
            return ""
        alone = len(self.paths[path.stem]) == 1 and path.stem not in self.given
        name = path.stem if alone else self._long(path)
        return f"{name}{_times(row)}" if len(self.times[path]) > 1 else name

    def _long(self, path: PurePosixPath) -> str:
        """The path without its suffix, or with it where that tells it from another clip."""
        short = path.with_suffix("")
        others = [other for other in self.paths[path.stem] if other.with_suffix("") == short]
        return str(path if len(others) > 1 or str(short) in self.given else short)

    def _path(self, audio: str) -> PurePosixPath:
        """A clip's path in the table's folder; of a clip that lies elsewhere, the whole path."""
        path = os.path.normpath(audio)
        return PurePosixPath(path.removeprefix(f"{os.path.normpath(self.folder)}{os.sep}"))


def _times(row: Utterance) -> str:
    """The part of a clip that a row is about, for an id: `_8-10.5`; empty for the whole."""
    if row.start is None and row.end is None:
        return ""
    return f"_{_seconds(row.start or 0.0)}-{'' if row.end is None else _seconds(row.end)}"


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _numbered(names: Sequence[str]) -> list[str]:
    """Names made unique: `a`, `a#2`, …; a number that stands in the table itself is not given again."""
    taken, seen = set(names), set[str]()
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(2))
    unique = []
    for name in names:
        if name in seen:
            name = next(new for number in numbers[name] if (new := f"{name}#{number}") not in taken)
            taken.add(name)
        seen.add(name)
        unique.append(name)
    return unique
