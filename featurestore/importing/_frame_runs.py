"""Count the rows of each utterance in a table with one row per frame."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np


def group_runs(ids: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Group consecutive rows of the same id.

    Returns:
        the id of each group, and its number of rows, int64.

    >>> group_runs(["a", "a", "b"])
    (('a', 'b'), array([2, 1]))
    """
    runs = [(one, sum(1 for _ in group)) for one, group in groupby(ids)]
    return tuple(one for one, _ in runs), np.array([count for _, count in runs], np.int64)
