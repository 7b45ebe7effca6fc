"""Assign ids to the rows of a table: the given ones, else from file names, else from row numbers."""

import os.path
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath

from featurestore.manifest import Utterance
from featurestore.releases.reading import FILE_NAMES, GIVEN, ROW_NUMBERS, Finding

_DUPLICATE = "duplicate ids; a number was appended to the later ones"
_NUMBERED = "ids from row numbers, which change when a row is inserted or deleted; add a column id to the table"


@dataclass(frozen=True)
class IdentifiedRows:
    """Utterances with unique ids, and the origin of the ids.

    Args:
        rows: the utterances.
        origin: least stable origin of an id.
        made_up: the ids that the table does not give, or gives more than once.
        findings: irregularities.
    """

    rows: tuple[Utterance, ...]
    origin: str
    made_up: tuple[str, ...]
    findings: tuple[Finding, ...]


def assign_ids(rows: Sequence[Utterance], numbers: Sequence[int], table: Path) -> IdentifiedRows:
    """Give every row an id that is unique in its table and, unless from a row number, independent of the row order.

    A row without an id is named after its clip's file name without the suffix. If other clips have the same name, it
    is named after the clip's path in the table's folder. If several rows select segments of the clip, start and end
    are appended.

    Args:
        rows: the utterances, with an empty id if the table gives none.
        numbers: row number of each.
        table: the file.
    """
    clip_ids = _ClipIds(rows, table.parent)
    known = [row.id or clip_ids.name(row) for row in rows]
    drafts = [utterance_id or f"{table.stem}-{number}" for utterance_id, number in zip(known, numbers, strict=True)]
    unique = _number_duplicates(drafts)
    renamed = tuple(f"{old} -> {new}" for old, new in zip(drafts, unique, strict=True) if old != new)
    numbered = tuple(new for utterance_id, new in zip(known, unique, strict=True) if not utterance_id)
    origin = ROW_NUMBERS if renamed or numbered else GIVEN if all(row.id for row in rows) else FILE_NAMES
    findings = (Finding(_DUPLICATE, renamed), Finding(_NUMBERED, numbered))
    complete = tuple(replace(row, id=utterance_id) for row, utterance_id in zip(rows, unique, strict=True))
    given = Counter(row.id for row in rows)
    made_up = tuple(new for row, new in zip(rows, unique, strict=True) if not row.id or given[row.id] > 1)
    return IdentifiedRows(complete, origin, made_up, tuple(finding for finding in findings if finding.where))


class _ClipIds:
    """Name rows after their clips, with a path or times where other rows would get the same name."""

    def __init__(self, rows: Sequence[Utterance], folder: Path) -> None:
        self.folder = folder
        self.given = {row.id for row in rows if row.id}
        self.paths: dict[str, set[PurePosixPath]] = defaultdict(set)  # by stem
        self.times: dict[PurePosixPath, set[str]] = defaultdict(set)
        for row in rows:
            if row.audio and not row.id and (path := self._path(row.audio)).name:
                self.paths[path.stem].add(path)
                self.times[path].add(_format_times(row))

    def name(self, row: Utterance) -> str:
        """Return the id for a row, or an empty text if it has no clip."""
        if not row.audio:
            return ""
        path = self._path(row.audio)
        if not path.name:  # the folder itself, or the root
            return ""
        is_alone = len(self.paths[path.stem]) == 1 and path.stem not in self.given
        name = path.stem if is_alone else self._long_name(path)
        return f"{name}{_format_times(row)}" if len(self.times[path]) > 1 else name

    def _long_name(self, path: PurePosixPath) -> str:
        """Return the path without its suffix, or with it if another clip has the same path otherwise."""
        short = path.with_suffix("")
        others = [other for other in self.paths[path.stem] if other.with_suffix("") == short]
        return str(path if len(others) > 1 or str(short) in self.given else short)

    def _path(self, audio: str) -> PurePosixPath:
        """Return a clip's path relative to the table's folder, or the whole path of a clip elsewhere."""
        path = os.path.normpath(audio)
        return PurePosixPath(path.removeprefix(f"{os.path.normpath(self.folder)}{os.sep}"))


def _format_times(row: Utterance) -> str:
    """Return a row's segment for use in an id, such as `_8-10.5`, or an empty text for the whole clip."""
    if row.start is None and row.end is None:
        return ""
    return f"_{_format_seconds(row.start or 0.0)}-{'' if row.end is None else _format_seconds(row.end)}"


def _format_seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _number_duplicates(ids: Sequence[str]) -> list[str]:
    """Make ids unique by a number, as in `a`, `a#2`, …, skipping those that exist already."""
    taken, seen = set(ids), set[str]()
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(2))
    unique = []
    for utterance_id in ids:
        if utterance_id in seen:
            candidates = (f"{utterance_id}#{number}" for number in numbers[utterance_id])
            utterance_id = next(new for new in candidates if new not in taken)
            taken.add(utterance_id)
        seen.add(utterance_id)
        unique.append(utterance_id)
    return unique
