"""The manifest: one row per utterance, as a frozen dataclass and as a UTF-8 CSV file."""

import csv
import dataclasses
import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.errors import Mismatch, NotFound, quoted


@dataclass(frozen=True)
class Utterance:
    """One turn, one clip. What is not known is empty (text columns) or None (numbers).

    Args:
        id: unique in its corpus, for example `Ses01F_impro01_M000`.
        audio: the clip, relative to the corpus root, or absolute.
        text: the words, exactly as the corpus has them.
        label: the corpus's own code; a label scheme turns it into a class.
        partition: the corpus's own split, where it has one.
        start: seconds into `audio` where the corpus is one of segments, else into the recording of the dialogue;
            `end` likewise.
        duration: length of the clip in seconds.
        valence: mean rating on the corpus's own scale; `activation`, `dominance` likewise.
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


def to_csv(utterances: Sequence[Utterance]) -> str:
    """The manifest as CSV text: a header, then one row per utterance; numbers read back equal."""
    _check_ids(utterances, "the manifest")
    values = ([getattr(row, column) for column in COLUMNS] for row in utterances)
    return "".join(map(_line, [COLUMNS, *values]))


def read(path: Path) -> tuple[Utterance, ...]:
    """Reads a manifest; further columns are ignored.

    Raises:
        NotFound: there is no such file.
        Mismatch: a column or a number is not what it should be, or an id stands twice.
    """
    if not path.is_file():
        raise NotFound(f"there is no manifest {path}", do=f"cli prepare CORPUS ROOT --store {quoted(path.parent)}")
    try:
        content = path.read_bytes().decode("utf-8-sig")  # a spreadsheet may have put a byte-order mark in front
        csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # a text may be as long as it likes
        reader = csv.DictReader(io.StringIO(content, newline=""))
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
        if missing:
            raise Mismatch(f"{path} lacks columns", expected=", ".join(COLUMNS), got=f"no {', '.join(missing)}")
        utterances = tuple(_utterance(row, path, reader.line_num) for row in reader)
    except UnicodeDecodeError as error:
        raise Mismatch(
            f"{path} is not UTF-8: {error.reason} at byte {error.start}", do="run cli prepare again"
        ) from None
    _check_ids(utterances, str(path))
    return utterances


def digest(path: Path) -> str:
    """The sha256 of the manifest file, as `sha256sum` prints it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _line(values: Sequence[object]) -> str:
    """One row of CSV; the writer quotes a lone carriage return only while its own lines end in one."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(values)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def _utterance(row: dict[str, str], path: Path, line: int) -> Utterance:
    values: dict[str, object] = {}
    if None in row or None in row.values():
        raise Mismatch(f"{path}, line {line} has more or fewer cells than the first", do="run cli prepare again")
    for column in COLUMNS:
        text = row[column]
        try:
            values[column] = (float(text) if text else None) if column in NUMBERS else text
        except ValueError:
            raise Mismatch(f"{path}, line {line}, column {column}", expected="a number", got=repr(text)) from None
    return Utterance(**values)  # type: ignore[arg-type]  # every column has been converted to its field's type


def _check_ids(utterances: Sequence[Utterance], where: str) -> None:
    twice = [name for name, count in Counter(utterance.id for utterance in utterances).items() if count > 1]
    if twice:
        raise Mismatch(f"{where} holds an id more than once: {', '.join(twice[:5])}", expected="one row per id")
