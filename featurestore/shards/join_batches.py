"""Join the batches that end with each shard."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np


def fill_matrix(parts: Iterable[tuple[np.ndarray, list[str]]], count: int, width: int) -> tuple[np.ndarray, list[str]]:
    """Copy batches into one matrix, float32 (count, width), and list their ids."""
    X, ids = np.empty((count, width), np.float32), list[str]()
    for rows, own in parts:
        X[len(ids) : len(ids) + len(own)] = rows
        ids += own
    return X, ids


def join_batches(parts: Iterable[tuple[np.ndarray, list[str]]], size: int) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Join the batches across the ends of shards, so that each but the last has `size` rows."""
    rows, ids, count = list[np.ndarray](), list[str](), 0
    for X, own in parts:
        taken = 0
        while taken < len(own):
            step = min(size - count, len(own) - taken)
            rows.append(X[taken : taken + step])
            ids += own[taken : taken + step]
            taken, count = taken + step, count + step
            if count == size:
                yield _concatenate(rows), ids
                rows, ids, count = [], [], 0
    if ids:
        yield _concatenate(rows), ids


def _concatenate(rows: Sequence[np.ndarray]) -> np.ndarray:
    return rows[0] if len(rows) == 1 else np.concatenate(rows)
