"""Open a file of features in any known format."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np

from featurestore.errors import BadValue, NotFound, Problem
from featurestore.importing.feature_table import FeatureTable, ReadOptions
from featurestore.storage.damage import Unreadable

Opener = Callable[[Path, ReadOptions], AbstractContextManager[FeatureTable]]

# By suffix: the module in this package, and its function.
FORMATS = {
    ".npy": ("_numpy_files", "open_npy"),
    ".npz": ("_numpy_files", "open_npz"),
    ".csv": ("_delimited", "open_delimited"),
    ".tsv": ("_delimited", "open_delimited"),
    ".parquet": ("_parquet_files", "open_parquet"),
    ".h5": ("_hdf5_files", "open_hdf5"),
    ".hdf5": ("_hdf5_files", "open_hdf5"),
    ".pkl": ("_pickles", "open_pickle"),
    ".pickle": ("_pickles", "open_pickle"),
}
# Those of pandas and pyarrow are among them.
_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    RuntimeError,
    LookupError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)
# By the first bytes, for a file of another suffix.
_BEGINNINGS = {
    b"\x93NUMPY": ".npy",
    b"PK\x03\x04": ".npz",
    b"\x89HDF\r\n\x1a\n": ".h5",
    b"PAR1": ".parquet",
    b"\x80": ".pkl",
}


def find_format(path: Path) -> str:
    """Return the suffix of a file's format, by its name or else by its first bytes.

    Raises:
        NotFound: there is no such file.
        BadValue: the format is unknown.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}", expected=f"a file of features: {', '.join(FORMATS)}")
    if path.suffix.lower() in FORMATS:
        return path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(8)
    found = next((suffix for mark, suffix in _BEGINNINGS.items() if head.startswith(mark)), "")
    if not found:
        raise BadValue(
            f"{path} is no file of features",
            expected=", ".join(FORMATS),
            got=path.suffix or "no suffix",
            do="save the features as .npz: numpy.savez(FILE, id=ids, value=features)",
        )
    return found


@contextmanager
def open_table(path: Path, options: ReadOptions) -> Iterator[FeatureTable]:
    """Open a file of features. The table is readable until the context ends.

    Raises:
        NotFound, BadValue: as `find_format` raises, and as the reader of the format does.
        Unreadable: the file is damaged, also where that is noticed while blocks are read.
    """
    suffix = find_format(path)
    module, function = FORMATS[suffix]
    opener: Opener = getattr(import_module(f"featurestore.importing.{module}"), function)
    with ExitStack() as stack:
        with _translate_errors(path, suffix):
            table = stack.enter_context(opener(path, options))
        yield replace(table, blocks=lambda: _read_blocks(table.blocks(), path, suffix))


def _read_blocks(blocks: Iterator[tuple[int, np.ndarray]], path: Path, suffix: str) -> Iterator[tuple[int, np.ndarray]]:
    """Yield blocks. Errors of whoever writes them, such as a full disk, are not taken for those of the file."""
    while True:
        with _translate_errors(path, suffix):
            block = next(blocks, None)
        if block is None:
            return
        yield block


@contextmanager
def _translate_errors(path: Path, suffix: str) -> Iterator[None]:
    """Turn errors of the libraries that read a damaged file into a message."""
    try:
        yield
    except Problem:
        raise
    except _ERRORS as error:
        raise Unreadable(path, f"a complete {suffix} file", error) from None
