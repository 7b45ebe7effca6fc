"""Read and write the manifest: one row per utterance, in a UTF-8 CSV file."""

import csv
import dataclasses
import io
from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from featurestore.errors import Mismatch, NotFound, quote

if TYPE_CHECKING:
    import numpy as np

    from featurestore.storage.column_table import ColumnTable

_AGAIN = "run cli prepare again"


@dataclass(frozen=True)
class Utterance:
    """One turn with one clip. An unknown value is empty (text columns) or None (numbers).

    Args:
        id: unique in its corpus, for example `Ses01F_impro01_M000`.
        audio: path of the clip, relative to the corpus root, or absolute.
        text: the words, exactly as the corpus has them.
        label: the corpus's own code, which a label scheme maps to a class.
        speaker: whose turn it is.
        gender: of the speaker.
        session: recording session.
        dialogue: the dialogue that the turn is part of.
        script: the script or improvised scene of the dialogue.
        partition: the corpus's own split, if it has one.
        start: seconds. An offset into `audio` if the clips of the corpus are segments, else into the recording of the
            dialogue.
        end: seconds, counted as `start`.
        duration: length of the clip in seconds.
        valence: mean rating, on the corpus's own scale.
        activation: mean rating, on the corpus's own scale.
        dominance: mean rating, on the corpus's own scale.
        votes: every rater's judgement, as JSON.
    """

    id: str
    audio: str = ""
    text: str = ""
    label: str = ""
    speaker: str = ""
    gender: str = ""
    session: str = ""
    dialogue: str = ""
    script: str = ""
    partition: str = ""
    start: float | None = None
    end: float | None = None
    duration: float | None = None
    valence: float | None = None
    activation: float | None = None
    dominance: float | None = None
    votes: str = ""


COLUMNS = tuple(field.name for field in dataclasses.fields(Utterance))
NUMBERS = {"start", "end", "duration", "valence", "activation", "dominance"}
_REPEATED = {"label", "speaker", "gender", "session", "dialogue", "script", "partition"}
_KINDS = {name: "number" if name in NUMBERS else "repeated text" if name in _REPEATED else "text" for name in COLUMNS}
_BLOCK = 4096  # utterances that are made at once


class Utterances(Sequence[Utterance]):
    """The utterances of a store in order. Work on many of them reads columns instead of an `Utterance` each."""

    @property
    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """The id of each utterance, in order."""

    @abstractmethod
    def column(self, name: str) -> list[Any]:
        """Return a column, a text or a number (None if unknown) per utterance, in order.

        Args:
            name: one of `COLUMNS`, such as `label`.
        """


class Manifest(Utterances):
    """The utterances of a manifest, held by column. An `Utterance` is made whenever it is asked for.

    It is used as a tuple of utterances is, and equals one. Work on many utterances reads columns: it takes a tenth of
    the time and the memory.

    Args:
        table: a row per utterance, with the columns `COLUMNS` in order.

    Example:
        >>> rows = Manifest.from_rows([Utterance("a", label="happy"), Utterance("b", label="sad")])
        >>> rows.column("label"), rows[1].id, len(rows[:1])
        (['happy', 'sad'], 'b', 1)
    """

    def __init__(self, table: "ColumnTable") -> None:
        self._table = table

    @classmethod
    def from_rows(cls, utterances: Sequence[Utterance]) -> "Manifest":
        """Build a manifest from utterances."""
        from featurestore.storage.column_table import ColumnTable

        return cls(ColumnTable.from_columns({name: list_column(utterances, name) for name in COLUMNS}, _KINDS))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The id of each utterance, in order."""
        return tuple(self._table.list_values("id"))

    def column(self, name: str) -> list[Any]:
        """Return a column, as `Utterances.column` does."""
        return list(self.ids) if name == "id" else self._table.list_values(name)

    def keep(self, ids: Collection[str]) -> "Manifest":
        """Return the utterances with one of these ids, in manifest order."""
        rows = [row for row, one in enumerate(self.ids) if one in ids]
        if len(rows) == len(self):
            return self
        # Arrow would import pandas to gather no rows
        return Manifest(self._table.take(rows)) if rows else self[:0]

    def replace_texts(self, texts: Mapping[str, str]) -> "Manifest":
        """Return the same utterances with other words, by id. An utterance that is not among them has none."""
        from featurestore.storage.column_table import ColumnTable

        columns = {name: self.column(name) for name in COLUMNS} | {"text": [texts.get(one, "") for one in self.ids]}
        return Manifest(ColumnTable.from_columns(columns, _KINDS))

    def find_rows(self, ids: "np.ndarray") -> "np.ndarray | None":
        """Find each utterance's place among different ids.

        Args:
            ids: (M,) as fixed-width UTF-8 bytes.

        Returns:
            The place of each utterance in `ids`, or -1, int64 (N,). None where the ids are those of the manifest.
        """
        return self._table.find_rows("id", ids)

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> "Manifest": ...
    def __getitem__(self, index: int | slice) -> "Utterance | Manifest":
        """Return one utterance, or those of a slice as a manifest."""
        if not isinstance(index, slice):
            return Utterance(*self._table.list_row(range(len(self))[index]))
        chosen = range(len(self))[index]
        is_cut = chosen.step == 1
        return Manifest(self._table.cut(chosen.start, chosen.stop) if is_cut else self._table.take(chosen))

    def __iter__(self) -> Iterator[Utterance]:
        """Make the utterances in order, some thousand at once."""
        for start in range(0, len(self), _BLOCK):
            block = self._table.cut(start, start + _BLOCK)
            yield from map(Utterance, *map(block.list_values, COLUMNS))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Manifest):
            return len(self) == len(other) and all(self.column(name) == other.column(name) for name in COLUMNS)
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of a list: its hash would take as long as reading it all

    def __reduce__(self) -> tuple[Any, ...]:
        return Manifest, (self._table,)

    def __repr__(self) -> str:
        return f"<Manifest of {len(self)} utterances>"


def list_column(utterances: Sequence[Utterance], name: str) -> list[Any]:
    """Return a column of utterances, which may be those of a store.

    >>> list_column([Utterance("a", label="happy"), Utterance("b")], "label")
    ['happy', '']
    """
    return utterances.column(name) if isinstance(utterances, Utterances) else [getattr(row, name) for row in utterances]


def map_column(utterances: Sequence[Utterance], name: str) -> dict[str, Any]:
    """Return a column of utterances, which may be those of a store, by id."""
    return dict(zip(list_column(utterances, "id"), list_column(utterances, name), strict=True))


def keep_ids(utterances: Sequence[Utterance], ids: Collection[str]) -> Sequence[Utterance]:
    """Return the utterances, which may be a manifest, with one of these ids, in the same order."""
    return utterances.keep(ids) if isinstance(utterances, Manifest) else [row for row in utterances if row.id in ids]


def to_csv(utterances: Sequence[Utterance]) -> str:
    """Format a manifest as CSV text: a header, then one row per utterance. Numbers read back equal.

    Raises:
        Mismatch: an id is not unique.
    """
    _check_ids(list_column(utterances, "id"), "the manifest")
    lines = _Lines()
    writer = csv.writer(lines, lineterminator=_Lines.END)
    writer.writerow(COLUMNS)
    writer.writerows(map(attrgetter(*COLUMNS), utterances))
    return "".join(lines.texts)


def read(path: Path) -> Manifest:
    """Read a manifest. Additional columns are ignored.

    Raises:
        NotFound: there is no such file.
        Mismatch: a column is missing, a number is not a number, or an id is not unique.
    """
    from featurestore.storage.column_table import read_plain_csv

    if not path.is_file():
        raise NotFound(f"there is no manifest {path}", do=f"cli prepare CORPUS ROOT --store {quote(path.parent)}")
    table = read_plain_csv(path, _KINDS)
    if table is not None and table.count_different("id") == len(table):
        return Manifest(table)
    return Manifest.from_rows(_read_carefully(path))


class _Lines:
    """A file that csv writes rows to. It quotes a lone carriage return only if its own lines end in one."""

    END = "\r\n"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, line: str) -> None:
        self.texts.append(line.removesuffix(self.END) + "\n")


def _read_carefully(path: Path) -> list[Utterance]:
    """Read a manifest row by row, for notations that only Python accepts, and for the line of a fault."""
    try:
        content = path.read_bytes().decode("utf-8-sig")  # spreadsheets add a byte-order mark
        csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # texts may be long
        reader = csv.DictReader(io.StringIO(content, newline=""))
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
        if missing:
            raise Mismatch(
                f"{path} has missing columns",
                expected=", ".join(COLUMNS),
                got=f"no {', '.join(missing)}",
                do=_AGAIN,
            )
        utterances = [_parse_row(row, path, reader.line_num) for row in reader]
    except UnicodeDecodeError as error:
        raise Mismatch(f"{path} is not UTF-8: {error.reason} at byte {error.start}", do=_AGAIN) from None
    _check_ids([row.id for row in utterances], str(path))
    return utterances


def _parse_row(row: dict[str, str], path: Path, line: int) -> Utterance:
    values: dict[str, object] = {}
    if None in row or None in row.values():
        raise Mismatch(f"{path}, line {line} has more or fewer cells than the first", do=_AGAIN)
    for column in COLUMNS:
        text = row[column]
        try:
            values[column] = (float(text) if text else None) if column in NUMBERS else text
        except ValueError:
            raise Mismatch(
                f"{path}, line {line}, column {column} is not a number",
                expected="a number, or an empty cell",
                got=repr(text),
                do=_AGAIN,
            ) from None
    return Utterance(**values)  # type: ignore[arg-type]  # every column has its field's type


def _check_ids(ids: Sequence[str], where: str) -> None:
    if len(set(ids)) == len(ids):
        return
    duplicates = [utterance_id for utterance_id, count in Counter(ids).items() if count > 1]
    raise Mismatch(f"{where} has duplicate ids: {', '.join(duplicates[:5])}", expected="one row per id", do=_AGAIN)
