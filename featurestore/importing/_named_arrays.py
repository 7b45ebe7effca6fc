"""Choose the ids and the features among the named arrays of a file (`.npz`, `.h5`, a pickled dictionary)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from featurestore.errors import BadValue
from featurestore.importing.feature_table import (
    FeatureTable,
    ReadOptions,
    StoredArray,
    build_frames,
    build_rows,
    build_vectors,
)
from featurestore.known_names import check_known

# Usual names of the ids, the likeliest first.
ID_NAMES = ("id", "ids", "utterance_id", "utterance_ids", "name", "names", "file", "filename")
_VALUE, _OFFSETS, _LENGTHS = "value", ("offset", "offsets"), ("length", "lengths")


def build_table(path: Path, arrays: Mapping[str, StoredArray], options: ReadOptions) -> FeatureTable:
    """Build the table of the arrays of a file.

    Args:
        path: the file, for messages.
        arrays: by name.
        options: which array, of which kind, and the ids where the file has none.

    Raises:
        BadValue: the file has no ids, or the features are ambiguous.
        UnknownName: there is no such array.
    """
    id_name = _find_ids(path, arrays, options)
    if options.ids is None and not id_name:
        return _build_from_names(path, arrays, options)
    ids = options.ids if options.ids is not None else decode_ids(arrays[id_name].read())
    others = {name: array for name, array in arrays.items() if name != id_name}
    name = _choose_values(path, others, len(ids), options)
    lengths = _find_lengths(others, name)
    array = others[name]
    if lengths is not None and options.kind in ("", "frames"):
        return build_frames(path, ids, array, lengths)
    if len(array.shape) == 3 and options.kind == "frames":
        return build_frames(path, ids, array, np.full(len(ids), array.shape[1]))
    return build_vectors(path, ids, array, options)


def decode_ids(values: np.ndarray) -> tuple[str, ...]:
    """Return ids as text. Numbers, text and UTF-8 bytes are taken."""
    return tuple(one.decode("utf-8") if isinstance(one, bytes) else str(one) for one in values.reshape(-1).tolist())


def _find_ids(path: Path, arrays: Mapping[str, StoredArray], options: ReadOptions) -> str:
    """Return the name of the array of ids, or an empty text if there is none."""
    if options.ids is not None:
        return ""
    if options.id_column:
        check_known(options.id_column, arrays, what=f"array {options.id_column!r} in {path}")
        return options.id_column
    return next((name for name in ID_NAMES if name in arrays and not _is_float(arrays[name])), "")


def _is_float(array: StoredArray) -> bool:
    return array.dtype.kind == "f"


def _build_from_names(path: Path, arrays: Mapping[str, StoredArray], options: ReadOptions) -> FeatureTable:
    """Build the table of a file with one array per utterance, by id."""
    numeric = {name: array for name, array in arrays.items() if array.is_numeric and array.shape}
    widths = {array.shape[-1] for array in numeric.values()}
    if options.array or len(numeric) < 2 or len(widths) != 1:
        raise BadValue(
            f"{path} has no ids of utterances",
            expected=f"an array of ids, named {', '.join(ID_NAMES[:3])}, or one array for each utterance",
            got=_describe(arrays),
            do="--ids FILE lists the ids, one a line, in the order of the rows",
        )
    return build_rows(path, list(numeric), list(numeric.values()), options)


def _choose_values(path: Path, arrays: Mapping[str, StoredArray], rows: int, options: ReadOptions) -> str:
    """Return the name of the array of features."""
    if options.array:
        name = options.array if options.array in arrays else f"{options.array}/{_VALUE}"
        if name not in arrays:
            check_known(options.array, arrays, what=f"array {options.array!r} in {path}")
        return name
    found = [name for name, array in arrays.items() if _fits(name, array, arrays, rows)]
    found = [name for name in found if _is_float(arrays[name])] or found
    kind = options.kind or "mean"
    chosen = [name for name in found if name.split("/")[0].rpartition(".")[2] == kind]
    found = chosen if len(chosen) == 1 else found
    if len(found) != 1:
        raise BadValue(
            f"{path} has {len(found)} arrays of features for {rows} ids",
            expected="one",
            got=_describe(arrays),
            do=f"name it: --array {found[0]}" if found else "check the ids: one for each row",
        )
    return found[0]


def _fits(name: str, array: StoredArray, arrays: Mapping[str, StoredArray], rows: int) -> bool:
    """Tell whether an array may hold the features of this number of utterances."""
    if not array.is_numeric or not array.shape:
        return False
    if _find_name(arrays, name, _OFFSETS):
        return True
    return array.shape[0] == rows and len(array.shape) > 1


def _find_lengths(arrays: Mapping[str, StoredArray], name: str) -> np.ndarray | None:
    """Return the number of frames of each row, or None if no offsets or lengths are beside the values."""
    if offsets := _find_name(arrays, name, _OFFSETS):
        return np.diff(arrays[offsets].read().astype(np.int64))
    if len(arrays[name].shape) == 3 and (lengths := _find_name(arrays, name, _LENGTHS)):
        return arrays[lengths].read()
    return None


def _find_name(arrays: Mapping[str, StoredArray], name: str, words: Sequence[str]) -> str:
    """Return the name of the array that belongs to `name`: `X/offset` to `X/value`, `X_lengths` to `X`."""
    prefix = name.removesuffix(_VALUE) if name.endswith(_VALUE) else None
    names = [f"{prefix}{word}" for word in words] if prefix is not None else []
    if words is _LENGTHS:
        names += [f"{name}_{word}" for word in words] + list(words)
    return next((one for one in names if one in arrays and one != name), "")


def _describe(arrays: Mapping[str, StoredArray]) -> str:
    shown = [f"{name} ({' x '.join(map(str, array.shape))})" for name, array in list(arrays.items())[:8]]
    return ", ".join(shown) + (f", … {len(arrays)} in all" if len(arrays) > 8 else "")
