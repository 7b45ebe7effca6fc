"""Choose the ids and the features among the named arrays of a file (`.npz`, `.h5`, a pickled dictionary)."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from featurestore.errors import BadValue, quote
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
_MOST_IDS, _MOST_BYTES = 20_000_000, 1 << 30
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
    ids = options.ids if options.ids is not None else _read_ids(path, id_name, arrays[id_name])
    others = {name: array for name, array in arrays.items() if name != id_name}
    name = _choose_values(path, others, len(ids), options)
    lengths = _find_lengths(others, name)
    array = others[name]
    if lengths is not None and options.kind in ("", "frames"):
        return build_frames(path, ids, array, lengths)
    if len(array.shape) == 3 and options.kind == "frames":
        return build_frames(path, ids, array, np.full(len(ids), array.shape[1]))
    return build_vectors(path, ids, array, options)


def _read_ids(path: Path, name: str, array: StoredArray) -> tuple[str, ...]:
    check_id_count(path, prod(array.shape))
    if prod(array.shape) * array.dtype.itemsize > _MOST_BYTES:
        raise BadValue(f"ids {name!r} of {path} are too long", got=f"{array.dtype.itemsize:,} bytes each")
    return decode_ids(array.read())


def check_id_count(path: Path, count: int) -> None:
    """Check a number of ids. A small compressed file may claim any.

    Raises:
        BadValue: no store is that large.
    """
    if count > _MOST_IDS:
        raise BadValue(f"{path} claims {count:,} ids", expected=f"{_MOST_IDS:,} at most")


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
    if all("/" in name for name in numeric):
        numeric = _strip_common_end(numeric, options.array)
    elif options.array:
        numeric = {}
    widths = {array.shape[-1] for array in numeric.values()}
    if len(numeric) < 2 or len(widths) != 1:
        raise BadValue(
            f"{path} has no ids of utterances",
            expected=f"an array of ids, named {', '.join(ID_NAMES[:3])}, or one array for each utterance",
            got=_describe(arrays),
            do=_suggest_ids(arrays),
        )
    return build_rows(path, list(numeric), list(numeric.values()), options)


def _suggest_ids(arrays: Mapping[str, StoredArray]) -> str:
    texts = [name for name, array in arrays.items() if array.dtype.kind in "SUO" and len(array.shape) == 1]
    if len(texts) == 1:
        return f"--id-column {quote(texts[0])} if these are the ids"
    return "--ids FILE lists the ids, one a line, in the order of the rows"


def _strip_common_end(arrays: Mapping[str, StoredArray], end: str) -> dict[str, StoredArray]:
    """Return the arrays of groups by the group's name, `ID/hidden` as `ID`, where all groups have that array."""
    ends = {name.rpartition("/")[2] for name in arrays}
    end = end or (ends.pop() if len(ends) == 1 else "")
    chosen = {name.removesuffix(f"/{end}"): array for name, array in arrays.items() if name.endswith(f"/{end}")}
    return chosen if end else dict(arrays)


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
            do=f"name it: --array {found[0]}" if found else _suggest_shape(arrays, rows),
        )
    return found[0]


def _suggest_shape(arrays: Mapping[str, StoredArray], rows: int) -> str:
    for name, array in arrays.items():
        if array.dtype.kind in "bc" and array.shape[:1] == (rows,):
            return f"{name} holds {array.dtype} values: save it as float32"
        if array.is_numeric and len(array.shape) == 2 and array.shape[1] == rows:
            return f"save {name} with a row for each id: {name}.T"
    return "check the ids: one for each row"


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
