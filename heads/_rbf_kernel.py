"""Compute radial basis kernels in float32 tiles, and keep squared distances for fits that differ in their settings."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from heads._base import Matrix

_TILE = 256  # rows computed at once, so that the exponentials stay in the cache
_TOLERANCE = 1e-3  # of a value of the kernel, 0 to 1; the solver stops at it
# largest error of a float32 distance, in units of float32's resolution of the largest squared norm: 29 were measured on
# 20,000 columns far from the origin, 14 on 1,548
_ROUNDING = 32


@dataclass(frozen=True)
class SharedDistances:
    """Standardized rows with their squared distances, for any number of fits to the same rows.

    Args:
        scaler: the fitted standardization.
        Z: standardized rows (N, D).
        squared: distance of each pair of rows (N, N), float32; None if they were not asked for.
    """

    scaler: StandardScaler
    Z: Matrix
    squared: NDArray[np.float32] | None


def standardize(X: Matrix, *, with_distances: bool = False) -> SharedDistances:
    """Standardize X (N, D), and compute the distances of its rows if they are asked for."""
    scaler = StandardScaler()
    Z = scaler.fit_transform(X)
    if not with_distances:
        return SharedDistances(scaler, Z, None)
    squared = np.empty((len(Z), len(Z)), np.float32)
    for tile, distances in _iterate_distances(Z, Z, np.float32):
        squared[tile] = distances
    return SharedDistances(scaler, Z, squared)


def compute_kernel(
    A: Matrix, B: Matrix, gamma: float, *, shared: SharedDistances | None = None, dtype: DTypeLike = np.float64
) -> Matrix:
    """Compute exp(-gamma * squared distance) of the rows of A (N, D) and B (M, D): (N, M).

    Distances are float32 where that changes no value of the kernel by more than 1e-3, at which the solver stops, and
    float64 elsewhere: where gamma or a row is very large. On 4,000 x 1,548 standardized features the largest change is
    4e-7.

    Args:
        A: rows.
        B: other rows, or the same.
        gamma: above 0.
        shared: distances of A and B, used where float32 is exact enough.
        dtype: of the result.
    """
    exact = _is_exact_in_float32(A, B, gamma)
    tiles = _read_tiles(shared.squared) if exact and shared and shared.squared is not None else None
    kernel: Matrix = np.empty((len(A), len(B)), dtype)
    for rows, distances in tiles or _iterate_distances(A, B, np.float32 if exact else np.float64):
        distances *= -gamma
        np.exp(distances, out=distances)
        kernel[rows] = distances
    return kernel


def _is_exact_in_float32(A: Matrix, B: Matrix, gamma: float) -> bool:
    """Tell whether float32 distances, whose error grows with the rows' norms, change the kernel by 1e-3 at most."""
    largest = max(float(np.einsum("nd,nd->n", one, one).max(initial=0)) for one in (A, B))
    return gamma * largest * _ROUNDING * float(np.finfo(np.float32).eps) <= _TOLERANCE


def _read_tiles(squared: NDArray[np.float32]) -> Iterator[tuple[slice, Matrix]]:
    return ((rows, squared[rows].copy()) for rows in gen_batches(len(squared), _TILE))


def _iterate_distances(A: Matrix, B: Matrix, dtype: DTypeLike) -> Iterator[tuple[slice, Matrix]]:
    """Yield some rows and their squared distances to each row of B (n, M), at least 0, as arrays of their own."""
    B = np.asarray(B, dtype)
    norms = np.einsum("md,md->m", B, B)
    for rows in gen_batches(len(A), _TILE):
        some = np.asarray(A[rows], dtype)
        distances = (-2 * some) @ B.T
        distances += norms
        distances += np.einsum("nd,nd->n", some, some)[:, None]
        yield rows, np.maximum(distances, 0, out=distances)
