"""The utterances that a call asks of a sharded store, cut by shard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from featurestore.shards.shard_index import ShardIndex
from featurestore.shards.shard_rows import ShardFeature


@dataclass(frozen=True)
class Wanted:
    """Utterances by id or by row of the whole manifest.

    Args:
        ids: of the utterances (N,); None where rows were given.
        places: row of each in the whole manifest, or -1 for an unknown id, int64 (N,).
        given: the ids or rows, as the caller gave them.
    """

    ids: Sequence[str] | None
    places: np.ndarray
    given: Any

    def cut(self, start: int, stop: int) -> "Wanted":
        """Return consecutive utterances."""
        ids = None if self.ids is None else self.ids[start:stop]
        return Wanted(ids, self.places[start:stop], self.given[start:stop])

    def find_present(self, feature: ShardFeature, lines: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Tell for each of some utterances of a shard whether it has a feature, and is the one with its id, bool (M,).

        Args:
            feature: in the shard.
            lines: numbers of the utterances, from 0 to N - 1.
            places: their places in the shard.
        """
        if self.ids is None:
            found: np.ndarray = feature.has()[places]
            return found
        return feature.is_of(places, [self.ids[line] for line in lines.tolist()])


def split_lines(places: np.ndarray, index: ShardIndex) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of each shard that holds some utterances, and the lines (M,) of these in ascending place.

    Args:
        places: rows in the whole manifest (N,); a negative one is in no shard.
        index: of the store.
    """
    order = np.argsort(places, kind="stable")  # neighbours share pages of the shard's file
    ends = np.searchsorted(places, index.starts, sorter=order)
    for number in np.flatnonzero(np.diff(ends)).tolist():
        yield number, order[ends[number] : ends[number + 1]]
