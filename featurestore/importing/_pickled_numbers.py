"""Convert lists of a pickle to arrays, at most as many numbers as the file may hold."""

from collections.abc import Iterable, Sized
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.importing._refused_pickle import RefusedPickle

_ENOUGH = 1 << 26  # numbers that a small file may have by sharing lists, such as frames of zeros


class PickledNumbers:
    """Convert nested lists of numbers. A list that stands in many places is converted once.

    Lists that hold others several times would otherwise grow from a few bytes to any size.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.left = max(_ENOUGH, path.stat().st_size)
        self._counts: dict[int, int] = {}
        self._arrays: dict[int, np.ndarray] = {}

    def convert(self, values: Any) -> np.ndarray:
        """Return an array of numbers, of any shape.

        Args:
            values: an array, a number or nested lists of them. It has to live as long as this object.

        Raises:
            ValueError: it holds anything else, or lists of different lengths.
            RefusedPickle: it would be larger than the file.
        """
        if isinstance(values, np.ndarray):
            return values
        if id(values) not in self._arrays:
            self._spend(self._count(values))
            self._arrays[id(values)] = np.asarray(values)
        return self._arrays[id(values)]

    def _spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise RefusedPickle("lists that hold the same lists many times, more numbers than the file has bytes")

    def _count(self, values: Any) -> int:
        """Count the numbers, those that are shared each time."""
        if isinstance(values, (int, float)):
            return 1
        if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
            return values.size
        if not isinstance(values, list):
            raise ValueError(f"a {type(values).__name__} is no number")
        if id(values) not in self._counts:
            self._counts[id(values)] = sum(map(self._count, values))
        return self._counts[id(values)]


def check_total(path: Path, lists: Iterable[Sized]) -> None:
    """Check that lists have together no more items than the file has bytes.

    Raises:
        RefusedPickle: they have, because the same list stands in many places.
    """
    if sum(map(len, lists)) > path.stat().st_size:
        raise RefusedPickle("the same list many times, more items than the file has bytes")


def list_texts(values: Any) -> list[str] | None:
    """Return plain ids, or None for anything that is no list of text, bytes or numbers."""
    items = values.tolist() if isinstance(values, np.ndarray) and values.ndim == 1 else values
    if not isinstance(items, list) or not all(isinstance(one, (str, bytes, int, float)) for one in items):
        return None
    return [one.decode("utf-8") if isinstance(one, bytes) else str(one) for one in items]
