"""Read features from pickles: those of MMSA-FET and of IEMOCAP, dictionaries by id, and plain arrays.

MMSA-FET (github.com/thuiar/MMSA-FET) writes `{"train": {"id": [...], "audio": (N, T, D), "audio_lengths": [...],
"text": ..., "text_bert": (N, 3, T), ...}, "valid": ..., "test": ...}`; row 1 of `text_bert` is the mask of the tokens.
`IEMOCAP_features.pkl` (github.com/declare-lab/conv-emotion) is a tuple of dictionaries by dialogue: ids, speakers,
labels, text, audio, visual, sentences, and more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import BadValue, Mismatch
from featurestore.importing._named_arrays import ID_NAMES, build_table
from featurestore.importing._pickled_numbers import PickledNumbers, check_total, list_texts
from featurestore.importing._unpickler import load_arrays
from featurestore.importing.feature_table import (
    FeatureTable,
    ReadOptions,
    StoredArray,
    build_rows,
    wrap_array,
)
from featurestore.known_names import check_known

_SPLITS = ("train", "valid", "dev", "test")
_IEMOCAP = {"text": 3, "audio": 4, "visual": 5}  # place in the tuple
_VALUES = "array"


@contextmanager
def open_pickle(path: Path, options: ReadOptions) -> Iterator[FeatureTable]:
    """Open a pickle. It is read whole, without running code.

    Raises:
        BadValue: it holds no features by id, or something that could run code.
    """
    yield _PickleReader(path, options).build(load_arrays(path))


class _PickleReader:
    """Build the table of what a pickle holds."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path, self.options = path, options
        self.numbers = PickledNumbers(path)

    def build(self, content: Any) -> FeatureTable:
        """Build the table, by the layout of the content."""
        if isinstance(content, dict) and any(_is_split(content.get(name)) for name in _SPLITS):
            return self._build_from_splits(content)
        if _is_dialogues(content):
            return self._build_from_dialogues(content)
        if isinstance(content, dict):
            return self._build_from_dictionary(content)
        if self.options.ids is not None and isinstance(content, (list, np.ndarray)) and len(content):
            return self._build_from_list(content)
        raise BadValue(
            f"{self.path} holds no features by utterance id",
            expected="a dictionary by id, one with the keys id and audio or text, or an array together with --ids FILE",
            got=_describe(content),
            do="save a dictionary of arrays by utterance id",
        )

    def _build_from_splits(self, content: Mapping[str, Any]) -> FeatureTable:
        splits = [content[name] for name in _SPLITS if _is_split(content.get(name))]
        name = self.options.array or self.options.modality
        check_known(name, [key for key in splits[0] if key != "id"], what=f"array {name!r} in {self.path}")
        ids = [one for split in splits for one in self._list_ids(split["id"])]
        rows = [row for split in splits for row in self._list_rows(split, name)]
        return self._check_and_build(ids, rows)

    def _list_rows(self, split: Mapping[str, Any], name: str) -> list[StoredArray]:
        """List the true frames of each row of a split."""
        rows = [self._to_array(row) for row in split[name]]
        lengths = self._find_lengths(split, name)
        if lengths is not None and rows and rows[0].ndim == 2:
            if len(lengths) != len(rows):
                raise Mismatch(f"{self.path}: {name} has {len(rows)} rows, and {name}_lengths {len(lengths)}")
            rows = [row[: int(length)] for row, length in zip(rows, lengths, strict=True)]
        return [wrap_array(row) for row in rows]

    def _find_lengths(self, split: Mapping[str, Any], name: str) -> Any:
        """Return the number of true frames of each row, or None where it is not recorded."""
        if f"{name}_lengths" in split:
            return split[f"{name}_lengths"]
        if name == "text" and "text_bert" in split:
            return self.numbers.convert(split["text_bert"])[:, 1].sum(axis=1)
        return None

    def _build_from_dialogues(self, content: Sequence[Mapping[Any, Any]]) -> FeatureTable:
        name = self.options.array or self.options.modality
        check_known(name, _IEMOCAP, what=f"array {name!r} in {self.path}")
        turns, values = content[0], content[_IEMOCAP[name]]
        uneven = [str(dialogue) for dialogue in turns if len(turns[dialogue]) != len(values[dialogue])]
        if uneven:
            raise Mismatch(
                f"{self.path}: dialogue {uneven[0]} has another number of {name} features than of utterances",
                expected=str(len(turns[uneven[0]])),
                got=str(len(values[uneven[0]])),
            )
        check_total(self.path, turns.values())
        ids = [one for dialogue in turns for one in self._list_ids(turns[dialogue])]
        rows = [wrap_array(self._to_array(row)) for dialogue in turns for row in values[dialogue]]
        return self._check_and_build(ids, rows)

    def _build_from_dictionary(self, content: Mapping[Any, Any]) -> FeatureTable:
        """Build the table of named arrays with ids among them, or of one array for each id."""
        if self.options.ids is not None or self.options.id_column or any(name in content for name in ID_NAMES):
            arrays = {str(name): self._to_column(value) for name, value in content.items()}
            return build_table(
                self.path, {name: array for name, array in arrays.items() if array is not None}, self.options
            )
        rows = [wrap_array(self._to_array(value)) for value in content.values()]
        return self._check_and_build(self._list_ids(list(content)), rows)

    def _build_from_list(self, content: Any) -> FeatureTable:
        if (array := self._to_column(content)) is not None:
            return build_table(self.path, {self.options.array or _VALUES: array}, self.options)
        return self._check_and_build(self.options.ids or (), [wrap_array(self._to_array(row)) for row in content])

    def _check_and_build(self, ids: Sequence[str], rows: Sequence[StoredArray]) -> FeatureTable:
        if len(ids) != len(rows) or not rows:
            raise Mismatch(
                f"{self.path} has another number of rows than of ids", expected=str(len(ids)), got=str(len(rows))
            )
        return build_rows(self.path, ids, rows, self.options)

    def _list_ids(self, values: Any) -> list[str]:
        if (found := list_texts(values)) is None:
            raise BadValue(f"{self.path}: ids are text or numbers", got=_describe(values))
        return found

    def _to_array(self, row: Any) -> np.ndarray:
        """Return the numbers of one utterance, (D,) or (T, D)."""
        try:
            array = np.atleast_1d(self.numbers.convert(row))
        except ValueError:  # no numbers, or rows of different lengths
            array = np.empty(0, object)
        if array.dtype.kind not in "fiu":
            raise BadValue(f"{self.path}: the features of an utterance are not numbers", got=_describe(row))
        return array

    def _to_column(self, value: Any) -> StoredArray | None:
        """Return an array of a dictionary, or None for anything that is none."""
        try:
            array = self.numbers.convert(value)
        except ValueError:
            if (texts := list_texts(value)) is None:
                return None
            array = np.array(texts, object)
        return wrap_array(array) if array.shape and array.dtype.kind in "fiuUSO" else None


def _is_split(value: Any) -> bool:
    return isinstance(value, dict) and "id" in value


def _is_dialogues(content: Any) -> bool:
    """Tell whether a pickle is of the layout of `IEMOCAP_features.pkl`."""
    if not isinstance(content, list) or len(content) <= max(_IEMOCAP.values()):
        return False
    return all(isinstance(one, dict) and set(one) == set(content[0]) for one in content[: max(_IEMOCAP.values()) + 1])


def _describe(content: Any) -> str:
    if isinstance(content, dict):
        return f"a dictionary with the keys {', '.join(str(key)[:30] for key in list(content)[:8])}"
    return (
        f"{type(content).__name__} of {len(content)}" if isinstance(content, (list, np.ndarray)) else repr(content)[:60]
    )
