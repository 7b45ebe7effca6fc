"""Write features to a Parquet file, or to a folder that `datasets.load_dataset` reads."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import BadValue
from featurestore.exporting.exported_table import ExportedTable
from featurestore.exposure import note_unknown_exposure
from featurestore.spec import FeatureSpec
from featurestore.storage.atomic import flush, replace_atomically, write_text
from featurestore.storage.parquet import load_pyarrow

_DATA = "data/train-00000-of-00001.parquet"
_README = "README.md"
_CARD_START = f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: {_DATA}
---"""


def write_parquet(table: ExportedTable, path: Path) -> None:
    """Write a file with a row for each utterance: text columns, and a column of lists for each feature.

    A vector is a list of fixed size, layers are lists of lists, and ragged frames are a list of vectors.

    Raises:
        Unavailable: pyarrow is not installed.
    """
    arrow, parquet = load_pyarrow()
    fields = [(name, arrow.string()) for name in table.columns]
    fields += [(str(one), _find_type(arrow, table, one)) for one in table.features]
    schema = arrow.schema(fields)
    # dictionaries and statistics of single numbers only cost time and space
    options = {"use_dictionary": list(table.columns), "write_statistics": list(table.columns)}
    with replace_atomically(path) as temporary, parquet.ParquetWriter(temporary, schema, **options) as writer:
        for start, stop in table.blocks():
            text = [arrow.array(values[start:stop], arrow.string()) for values in table.columns.values()]
            values = [_build_column(arrow, table, one, start, stop) for one in table.features]
            writer.write_batch(arrow.record_batch([*text, *values], schema=schema))


def write_dataset(table: ExportedTable, folder: Path) -> None:
    """Write a folder that `datasets.load_dataset(FOLDER)` reads: one Parquet file and a card.

    Raises:
        BadValue: the folder exists and is no earlier export.
        Unavailable: pyarrow is not installed.
    """
    load_pyarrow()
    folder = folder.absolute()
    if folder.exists() and not _is_replaceable(folder):
        raise BadValue(
            f"{folder} exists and is no earlier export", expected="a new folder", do="choose another --to, or empty it"
        )
    building = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    (building / "data").mkdir(parents=True)
    write_parquet(table, building / _DATA)
    write_text(building / _README, _write_card(table))
    flush(building)
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)


def _is_replaceable(folder: Path) -> bool:
    """Tell whether a folder is empty or an earlier export, and nothing else is in it."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    found = {one.relative_to(folder).as_posix() for one in folder.rglob("*")}
    if not found:
        return True
    return found == {"data", _DATA, _README} and (folder / _README).read_bytes().startswith(_CARD_START.encode())


def _find_type(arrow: Any, table: ExportedTable, feature: FeatureSpec) -> Any:
    found = arrow.from_numpy_dtype(table.dtype(feature))
    for size in reversed(table.shape(feature)):
        found = arrow.list_(found, size)
    return arrow.large_list(found) if feature.is_ragged else found


def _build_column(arrow: Any, table: ExportedTable, feature: FeatureSpec, start: int, stop: int) -> Any:
    values = table.read(feature, start, stop)
    column = arrow.array(np.ascontiguousarray(values).reshape(-1))
    for size in reversed(table.shape(feature)):
        column = arrow.FixedSizeListArray.from_arrays(column, size)
    if not feature.is_ragged:
        return column
    offsets = np.concatenate([[0], table.lengths(feature, start, stop).cumsum()])
    return arrow.LargeListArray.from_arrays(offsets, column)


def _write_card(table: ExportedTable) -> str:
    """Return the card of a dataset: which file is which split, and where the features come from."""
    encoders = {one.encoder: table.store.describe(one.encoder) for one in table.features}
    lines = [
        f"- `{name}`: {' '.join(filter(None, (made['class'], made.get('checkpoint'))))}"
        for name, made in encoders.items()
    ]
    lines += [f"\n{note}." for name, made in encoders.items() if (note := note_unknown_exposure(name, made))]
    return "\n".join(
        [
            _CARD_START,
            "",
            f"# Features of {table.store.corpus}",
            "",
            f"{len(table.ids):,} utterances, features {', '.join(map(str, table.features))}, "
            f"labels by the scheme {table.scheme}.",
            "The split is called train because it is the only one: how to split is up to you.",
            "",
            *lines,
            "",
            "```json",
            json.dumps(encoders, indent=1, sort_keys=True),
            "```",
            "",
        ]
    )
