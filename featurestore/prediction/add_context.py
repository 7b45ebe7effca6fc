"""Add the turns before each utterance to the inputs of a prediction, for encoders that read them."""

from collections.abc import Sequence
from dataclasses import replace

from featurestore.corpora.table import UnlabelledTable
from featurestore.dialogues import find_previous_turns, list_texts
from featurestore.errors import format_count
from featurestore.item import Item
from featurestore.progress import Say


def add_context(items: Sequence[Item], table: UnlabelledTable, context: int, say: Say) -> list[Item]:
    """Return the items of a table with the texts of the turns before each in its dialogue.

    Args:
        items: one per row.
        table: its rows, with their dialogues and times.
        context: turns to add; 0 for none.
        say: receives a line if no row is in a dialogue.

    Raises:
        Mismatch: the order of a dialogue is ambiguous.
    """
    rows = [row.utterance for row in table.rows]
    if not context:
        return list(items)
    if not any(row.dialogue for row in rows):
        report_alone(context, say, "the table names no dialogue (column dialogue), so each row is read alone")
        return list(items)
    previous = find_previous_turns(rows, context, segments=table.segments)
    return [replace(item, context=list_texts(turns)) for item, turns in zip(items, previous, strict=True)]


def report_alone(context: int, say: Say, why: str = "a single utterance is read alone") -> None:
    """Report that an encoder which reads the turns before an utterance gets none."""
    if context:
        say(f"this bundle reads {format_count(context, 'turn')} before each utterance: {why}")
