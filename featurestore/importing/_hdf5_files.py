"""Read features from `.h5` files: this store's own layout, arrays with ids, or one dataset for each id."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featurestore.importing._named_arrays import build_table
from featurestore.importing.feature_table import FeatureTable, ReadOptions, StoredArray, wrap_array
from featurestore.storage import hdf5


@contextmanager
def open_hdf5(path: Path, options: ReadOptions) -> Iterator[FeatureTable]:
    """Open an HDF5 file. Links out of the file are not followed.

    Raises:
        BadValue: the ids or the features are ambiguous.
    """
    with hdf5.open_file(path) as file:
        arrays = {name: _wrap(item) for name, item in hdf5.walk(file) if hdf5.is_inside(item) and _is_column(item)}
        yield build_table(path, arrays, options)


def _is_column(item: Any) -> bool:
    return bool(item.shape) and (item.dtype.kind in "fiuS" or hdf5.is_text(item))


def _wrap(item: Any) -> StoredArray:
    return wrap_array(item) if item.dtype.kind != "O" else wrap_array(item[:])
