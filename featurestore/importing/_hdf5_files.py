"""Read features from `.h5` files: this store's own layout, arrays with ids, or one dataset for each id."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue
from featurestore.importing._expansion import check_expansion
from featurestore.importing._named_arrays import build_table
from featurestore.importing.feature_table import FeatureTable, ReadOptions, StoredArray, wrap_array
from featurestore.storage import hdf5


@contextmanager
def open_hdf5(path: Path, options: ReadOptions) -> Iterator[FeatureTable]:
    """Open an HDF5 file. Links out of the file are not followed.

    Raises:
        BadValue: the ids or the features are ambiguous, or an array was never written.
    """
    with hdf5.open_file(path) as file:
        found = {name: item for name, item in hdf5.walk(file) if hdf5.is_inside(item) and _is_column(item)}
        yield build_table(path, {name: _wrap(path, name, item) for name, item in found.items()}, options)


def _is_column(item: Any) -> bool:
    return bool(item.shape) and (item.dtype.kind in "fiuS" or hdf5.is_text(item))


def _wrap(path: Path, name: str, item: Any) -> StoredArray:
    stored = hdf5.count_stored_bytes(item)
    if item.size and not stored:
        raise BadValue(f"{name} of {path} was never written", got="a dataset without values", do="write the file again")
    check_expansion(path, name, item.size * item.dtype.itemsize, stored)
    return wrap_array(item)
