"""Read features a batch of rows at a time, as a matrix for heads that learn from more than memory holds."""

from collections.abc import Sequence
from math import prod
from typing import Any, Protocol

import numpy as np

from featurestore.spec import FeatureSpec, check_list
from heads import StreamedMatrix


class RowSource(Protocol):
    """Features whose rows are found once and read several times; a store has them, cut into shards or not."""

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Return the row of each utterance in the manifest, int64 (N,)."""

    def check_features(self, features: Any, rows: np.ndarray) -> None:
        """Check that utterances have every feature."""

    def shape(self, feature: Any) -> tuple[int, ...]:
        """Return the shape of a feature's columns."""

    def matrix(self, features: Any, *, rows: np.ndarray) -> tuple[np.ndarray, Any, Any]:
        """Return X, float32 (N, sum of D)."""


def stream(store: RowSource, features: Sequence[str | FeatureSpec], ids: Sequence[str]) -> StreamedMatrix:
    """Return features side by side as `Store.matrix` does, with rows that stay on disk until they are used.

    The utterances are looked up once, in the manifest. Reading a batch of them takes no id after that.

    Args:
        store: an open store, which may be cut into shards.
        features: for example `["audio.mean", "text.logits"]`.
        ids: utterance ids, in the order of the rows (N,).

    Returns:
        X, float32 (N, sum of D). A head that `STREAMS` is fitted to it: `load_head("logistic")().fit(X, y)`.

    Raises:
        BadValue: no feature, the same feature twice, a text that is not a feature, or a text in place of a list.
        UnknownName: a feature or an utterance that does not exist.
    """
    chosen = list(check_list(features, "features"))
    rows = store.rows(ids)
    store.check_features(chosen, rows)
    width = sum(prod(store.shape(feature)) for feature in chosen)

    def read(places: np.ndarray) -> np.ndarray:
        return store.matrix(chosen, rows=rows[places])[0]

    return StreamedMatrix(read, (len(rows), width))
