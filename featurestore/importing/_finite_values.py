"""Convert values to the type that a feature file stores, and refuse those that it cannot hold."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from featurestore.errors import BadValue, format_count

_NAN, _INFINITE, _LARGE = "NaN", "infinite", "too large for the stored type"


class ValueCheck:
    """Convert blocks of values, and count the values that are not finite.

    Args:
        dtype: to store.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self._counts: Counter[str] = Counter()
        self._rows = 0
        self._first: tuple[str, tuple[int, ...]] | None = None

    def convert(self, values: np.ndarray, owners: np.ndarray, ids: Sequence[str]) -> np.ndarray:
        """Return values as they are stored, (n, …). Those that are not finite are counted.

        Args:
            values: some rows.
            owners: the row of the table that each belongs to (n,).
            ids: of the rows of the table.
        """
        with np.errstate(over="ignore"):
            stored = np.ascontiguousarray(values, self.dtype)
        is_bad = ~np.isfinite(stored)
        if is_bad.any():
            self._count(values, is_bad, owners, ids)
        return stored

    def raise_if_any(self, source: Path, columns: Sequence[str]) -> None:
        """Raise BadValue if any value was not finite, with the counts and the first place.

        Args:
            source: the file.
            columns: their names, if it has any.
        """
        if self._first is None:
            return
        utterance_id, (column, *rest) = self._first[0], self._first[1] or (0,)
        place = columns[column] if columns and not rest else ", ".join(map(str, (column, *rest)))
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(self._counts.items()))
        total, rows = format_count(self._counts.total(), "value"), format_count(self._rows, "row")
        raise BadValue(
            f"{source} holds {total} not finite, in {rows}",
            expected=f"finite numbers ({self.dtype})",
            got=f"{counts}; the first in utterance {utterance_id}, column {place}",
            do="leave these utterances out of the file, and import it again; nothing was changed",
        )

    def _count(self, values: np.ndarray, is_bad: np.ndarray, owners: np.ndarray, ids: Sequence[str]) -> None:
        bad = values[is_bad]
        self._counts.update(np.where(np.isnan(bad), _NAN, np.where(np.isinf(bad), _INFINITE, _LARGE)).tolist())
        self._rows += int(is_bad.reshape(len(is_bad), -1).any(axis=1).sum())
        if self._first is None:
            row, *column = np.argwhere(is_bad)[0].tolist()
            self._first = (ids[owners[row]], tuple(column))
