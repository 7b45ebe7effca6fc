"""Report what may be a mistake in a table: unknown columns, empty rows, labels that look alike, `nan` as a text."""

from collections import Counter
from collections.abc import Iterator, Sequence

from featurestore.manifest import COLUMNS, NUMBERS, Utterance
from featurestore.releases.reading import Finding
from featurestore.tables.table_file import TableFile

# missing values as pandas, R, SQL and Excel write them
_MISSING = frozenset({"nan", "none", "null", "na", "n/a", "#n/a", "<na>", "nat"})
_TEXTS = tuple(column for column in COLUMNS if column not in NUMBERS and column not in ("id", "audio", "votes"))


def find_in_table(table: TableFile, rows: Sequence[Utterance]) -> tuple[Finding, ...]:
    """Report unknown columns, empty rows, missing and suspicious labels, shared clips and written-out missing values.

    Args:
        table: the file.
        rows: its utterances, with their final ids.
    """
    unknown = (name or "(a column without a name)" for name in table.columns if name not in COLUMNS)
    empty = (f"row {row.number}" for row in table.rows if not any(row.cells.values()))
    unlabelled = (row.id for row in rows if not row.label)
    quoted = (label for label in dict.fromkeys(row.label for row in rows) if label.startswith('"'))
    shared = "audio files on several rows, without a start and end that tell these apart"
    findings = (
        Finding("columns that the manifest does not have, ignored", tuple(unknown)),
        Finding("empty rows, ignored", tuple(empty)),
        Finding("rows without a label", tuple(unlabelled)),
        Finding("labels that differ only in case or space, kept as separate classes", tuple(_find_similar(rows))),
        Finding("labels that begin with a quotation mark, kept with it", tuple(quoted)),
        Finding(shared, tuple(_find_shared_clips(rows))),
    )
    return (*(finding for finding in findings if finding.where), *find_missing_values(rows))


def find_missing_values(rows: Sequence[Utterance], columns: Sequence[str] = _TEXTS) -> tuple[Finding, ...]:
    """Report cells that look like a missing value, such as a speaker called `nan`, by column."""
    cells = ((column, Counter(getattr(row, column) for row in rows)) for column in columns)
    missing = (
        (
            column,
            tuple(f"{cell!r} on {count} row{'s' * (count > 1)}" for cell, count in counts.items() if _is_word(cell)),
        )
        for column, counts in cells
    )
    return tuple(Finding(_describe(column), where) for column, where in missing if where)


def _describe(column: str) -> str:
    if column == "label":
        return (
            "labels that look like a missing value, kept as a class; empty these cells if the label is unknown, or "
            "leave the class out by null in a label map"
        )
    return f"{column}s that look like a missing value, kept; empty these cells if the {column} is unknown"


def _is_word(cell: str) -> bool:
    return cell.strip().casefold() in _MISSING


def _find_similar(rows: Sequence[Utterance]) -> Iterator[str]:
    """Yield each group of labels that differ only in case and space, as `Happy, happy`."""
    groups: dict[str, list[str]] = {}
    for label in dict.fromkeys(row.label for row in rows):
        groups.setdefault("".join(label.split()).casefold(), []).append(label)
    return (", ".join(labels) for labels in groups.values() if len(labels) > 1)


def _find_shared_clips(rows: Sequence[Utterance]) -> Iterator[str]:
    """Yield each clip that several rows have with the same start and end."""
    counts = Counter((row.audio, row.start, row.end) for row in rows if row.audio)
    return iter(dict.fromkeys(audio for (audio, _, _), count in counts.items() if count > 1))
