"""The utterances of a sharded store as a sequence, with those of one shard in memory."""

from collections.abc import Callable, Iterator
from typing import Any, overload

import numpy as np

from featurestore.manifest import Utterance, Utterances
from featurestore.shards.shard_index import ShardIndex


class ShardUtterances(Utterances):
    """Read the manifests of the shards one after another.

    Args:
        index: of the store.
        read: returns the utterances of a shard by its number.
    """

    def __init__(self, index: ShardIndex, read: Callable[[int], Utterances]) -> None:
        self._index, self._read = index, read
        self._last: tuple[int, Utterances | None] = (-1, None)

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each utterance, in order. All of them are in memory then."""
        return tuple(self.column("id"))

    def column(self, name: str) -> list[Any]:
        """Return a column of all shards, as `Utterances.column` does."""
        return [value for number in range(len(self._index.shards)) for value in self._open(number).column(name)]

    def __len__(self) -> int:
        """Return the number of utterances."""
        return len(self._index)

    def __iter__(self) -> Iterator[Utterance]:
        """Yield the utterances in manifest order."""
        for number in range(len(self._index.shards)):
            yield from self._open(number)

    @overload
    def __getitem__(self, place: int) -> Utterance: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Utterance, ...]: ...
    def __getitem__(self, place: int | slice) -> Utterance | tuple[Utterance, ...]:
        """Return the utterance at a place of the manifest, or those of a range."""
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        number = int(self._index.find_shards(np.array([place]))[0])
        return self._open(number)[place - self._index.shards[number].start]

    def _open(self, number: int) -> Utterances:
        last, found = self._last
        if found is None or last != number:
            self._last, found = (-1, None), None  # release one shard before the next is read
            found = self._read(number)
            self._last = (number, found)
        return found
