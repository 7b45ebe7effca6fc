"""Count the rows of each utterance in a table with one row per frame."""

from collections.abc import Sequence

import numpy as np


def group_runs(ids: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Group consecutive rows of the same id.

    Returns:
        the id of each group, and its number of rows, int64.

    >>> group_runs(["a", "a", "b"])
    (('a', 'b'), array([2, 1]))
    """
    if not ids:
        return (), np.empty(0, np.int64)
    values = np.array(ids)
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(values)]])).astype(np.int64)
    return tuple(values[starts].tolist()), lengths
