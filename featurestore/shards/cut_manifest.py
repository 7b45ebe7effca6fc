"""Cut a manifest into ranges that keep the turns of a dialogue together."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice

import numpy as np

from featurestore.errors import BadValue, format_count
from featurestore.manifest import Utterance
from featurestore.shards.id_index import hash_texts


def check_rows(rows: int) -> None:
    """Check the number of utterances of a shard.

    Raises:
        BadValue: it is below 1.
    """
    if rows < 1:
        raise BadValue(f"invalid number of utterances in a shard: {rows}", expected="1 or more")


def cut_manifest(utterances: Iterable[Utterance], rows: int) -> Iterator[list[Utterance]]:
    """Yield the utterances of each shard, at most `rows` and in manifest order.

    Turns of a dialogue that follow each other stay together: a text encoder may read the turns before its own. Only a
    dialogue of more than `rows` turns is cut.
    """
    found: list[Utterance] = []
    for group in _group_turns(utterances, rows):
        if found and len(found) + len(group) > rows:
            yield found
            found = []
        found += group
    if found:
        yield found


def _group_turns(utterances: Iterable[Utterance], rows: int) -> Iterator[list[Utterance]]:
    """Yield turns that must stay together: those of one dialogue, and each turn without a dialogue alone."""
    for dialogue, turns in groupby(utterances, key=lambda row: row.dialogue):
        size = rows if dialogue else 1
        while group := list(islice(turns, size)):
            yield group


class DialogueCount:
    """Count the dialogues whose turns lie in several shards, in 8 bytes for each dialogue of a shard."""

    def __init__(self) -> None:
        self._hashes: list[np.ndarray] = []

    def add(self, utterances: Sequence[Utterance]) -> None:
        """Add the utterances of the next shard."""
        self._hashes.append(hash_texts(sorted({row.dialogue for row in utterances if row.dialogue})))

    def count_cut(self) -> int:
        """Return the number of dialogues that were added more than once."""
        if not self._hashes:
            return 0
        _, counts = np.unique(np.concatenate(self._hashes), return_counts=True)
        return int((counts > 1).sum())


def describe_cut_dialogues(count: int) -> list[str]:
    """Describe in a line how many dialogues lie in several shards, and what that means. Return none for 0."""
    if not count:
        return []
    return [
        f"{format_count(count, 'dialogue')} in more than one shard, because the turns do not follow each other in the "
        "manifest or are too many; text encoders with --context are refused"
    ]
