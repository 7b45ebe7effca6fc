"""Read the rows of a table to predict: transcribed where they have no text, with the turns around them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from featurestore.corpora import table as tables
from featurestore.corpora.table import UnlabelledTable
from featurestore.errors import BadValue
from featurestore.head_inputs import TurnPlace, place_turns
from featurestore.item import Item
from featurestore.manifest import Utterance
from featurestore.networks.identity import Identity
from featurestore.prediction.add_context import add_context
from featurestore.prediction.check_inputs import check_columns
from featurestore.prediction.recognize import fill_table
from featurestore.progress import Say

_SHOWN = 5  # rows that a line about a table lists


@dataclass(frozen=True)
class InputRow:
    """An utterance to predict, or the reason why it cannot be; `utterance` is its row of a table, if it is of one.

    `wordless` is the reason why nothing was recognized in it, where it can be predicted from its audio.
    """

    item: Item
    reason: str = ""
    utterance: Utterance = field(default_factory=lambda: Utterance(""))
    recognized: str = ""
    wordless: str = ""


def keep_without_words(row: InputRow, optional: Sequence[str]) -> InputRow:
    """Return a row in whose clip no words were recognized so that it is predicted without text, if it can be."""
    return replace(row, reason="", wordless=row.reason) if row.reason and "text" in optional else row


def read_table_rows(
    path: Path,
    columns: Mapping[str, str] | None,
    needed: set[str],
    context: int,
    recognizer: Identity | None,
    device: str,
    say: Say,
    optional: Sequence[str],
) -> list[InputRow]:
    """Read the rows of a table, with the texts of the `context` turns before each."""
    table = tables.read_for_prediction(path, columns)
    if recognizer and "text" not in table.columns:
        needed = needed - {"text"} | {"audio"}
    check_columns(needed, table.columns, table.header, path, optional)
    for finding in table.findings:
        more = " …" if len(finding.where) > _SHOWN else ""
        say(f"{finding.what}: {', '.join(finding.where[:_SHOWN])}{more}")
    recognized: dict[int, str] = {}
    if recognizer:
        table, recognized = fill_table(
            recognizer, table, [_build_item(row.utterance, table) for row in table.rows], device
        )
        if recognized:
            say(f"{len(recognized)} of {len(table.rows)} rows have no text, and are transcribed by {recognizer.name}")
    items = add_context([_build_item(row.utterance, table) for row in table.rows], table, context, say)
    rows = [
        InputRow(item, row.reason, row.utterance, recognized.get(number, ""))
        for number, (item, row) in enumerate(zip(items, table.rows, strict=True))
    ]
    return [keep_without_words(row, optional) if number in recognized else row for number, row in enumerate(rows)]


def _build_item(utterance: Utterance, table: UnlabelledTable) -> Item:
    start, end = (utterance.start, utterance.end) if table.segments else (None, None)
    return Item(utterance.id, table.folder / utterance.audio if utterance.audio else None, utterance.text, start, end)


def place_rows(rows: Sequence[InputRow], table: Path, say: Say) -> dict[str, TurnPlace]:
    """Find the place of each row in its dialogue, by row number from 0, because ids may repeat."""
    names = [f"{row.utterance.id} (row {number})" for number, row in enumerate(rows, start=1)]
    found = place_turns(
        (replace(row.utterance, id=name) for name, row in zip(names, rows, strict=True)),
        segments=any(row.item.start is not None for row in rows),
    )
    places = {str(number): found[name] for number, name in enumerate(names) if name in found}
    if not places:
        raise BadValue(
            f"this bundle reads dialogues, and no row of {table} names one",
            expected="a column dialogue, and start where the rows are not in order",
            do="say which column holds it: --column dialogue=NAME; to predict each row alone, give each a dialogue of "
            "its own",
        )
    if missing := sum(not row.reason and str(number) not in places for number, row in enumerate(rows)):
        say(f"no context for {missing} of {len(rows)} rows: they name no dialogue, and each is predicted alone")
    return places
