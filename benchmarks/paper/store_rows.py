"""Read rows of features from the memory-mapped store, a batch at a time: the fusion's input exceeds memory."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class _MatrixSource(Protocol):
    def matrix(self, features: Sequence[str], ids: Sequence[str]) -> tuple[NDArray[Any], dict[str, int], list[str]]:
        """Return X float32 (N, sum of D), the width of each feature, and the ids of the rows."""


class StoreRows:
    """Rows of features on demand: `rows[indices]` is float32 (B, D).

    Args:
        store: a feature store.
        features: side by side.
        ids: the utterance of each row.
    """

    def __init__(self, store: _MatrixSource, features: Sequence[str], ids: Sequence[str]) -> None:
        self._store, self._features = store, list(features)
        self._ids = np.array(ids, object)
        self.blocks = store.matrix(self._features, list(ids[:1]))[1]
        self.shape = (len(ids), sum(self.blocks.values()))

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        return self._store.matrix(self._features, self._ids[rows].tolist())[0]
