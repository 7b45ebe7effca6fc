"""The utterances of a sharded store as a sequence, with those of one shard in memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np

from featurestore.manifest import Utterance
from featurestore.shards.shard_index import ShardIndex


class ShardUtterances(Sequence[Utterance]):
    """Read the manifests of the shards one after another.

    Args:
        index: of the store.
        read: returns the utterances of a shard by its number.
    """

    def __init__(self, index: ShardIndex, read: Callable[[int], Sequence[Utterance]]) -> None:
        self._index, self._read = index, read
        self._last: tuple[int, Sequence[Utterance]] = (-1, ())

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

    def _open(self, number: int) -> Sequence[Utterance]:
        if self._last[0] != number:
            self._last = (-1, ())  # release one shard before the next is read
            self._last = (number, self._read(number))
        return self._last[1]
