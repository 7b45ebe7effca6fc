"""Read and write the manifest: one row per utterance, in a UTF-8 CSV file."""

import csv
import dataclasses
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.errors import Mismatch, NotFound, quote

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


def to_csv(utterances: Sequence[Utterance]) -> str:
    """Format a manifest as CSV text: a header, then one row per utterance. Numbers read back equal.

    Raises:
        Mismatch: an id is not unique.
    """
    _check_ids(utterances, "the manifest")
    values = ([getattr(row, column) for column in COLUMNS] for row in utterances)
    return "".join(map(_format_row, [COLUMNS, *values]))


def read(path: Path) -> tuple[Utterance, ...]:
    """Read a manifest. Additional columns are ignored.

    Raises:
        NotFound: there is no such file.
        Mismatch: a column is missing, a number is not a number, or an id is not unique.
    """
    if not path.is_file():
        raise NotFound(f"there is no manifest {path}", do=f"cli prepare CORPUS ROOT --store {quote(path.parent)}")
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
        utterances = tuple(_parse_row(row, path, reader.line_num) for row in reader)
    except UnicodeDecodeError as error:
        raise Mismatch(f"{path} is not UTF-8: {error.reason} at byte {error.start}", do=_AGAIN) from None
    _check_ids(utterances, str(path))
    return utterances


def _format_row(values: Sequence[object]) -> str:
    """Format one row of CSV. The csv module quotes a lone carriage return only if its own lines end in one."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(values)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


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


def _check_ids(utterances: Sequence[Utterance], where: str) -> None:
    counts = Counter(utterance.id for utterance in utterances)
    duplicates = [utterance_id for utterance_id, count in counts.items() if count > 1]
    if duplicates:
        raise Mismatch(f"{where} has duplicate ids: {', '.join(duplicates[:5])}", expected="one row per id", do=_AGAIN)
