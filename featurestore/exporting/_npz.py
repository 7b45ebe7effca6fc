"""Write features to a `.npz` file, block by block."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

from featurestore.exporting.exported_table import ExportedTable
from featurestore.spec import FeatureSpec
from featurestore.storage.atomic import replace_atomically


def write_npz(table: ExportedTable, path: Path) -> None:
    """Write an archive that `numpy.load` reads.

    Its arrays are `id`, `label` and other columns (N,) of text, and one for each feature: `audio.mean` (N, D); of
    ragged frames `audio.frames/value` (sum T, D) and `audio.frames/offset` (N+1,).
    """
    with replace_atomically(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, values in table.columns.items():
            _write_array(archive, name, np.array(values))
        for feature in table.features:
            _write_feature(archive, table, feature)


def _write_feature(archive: zipfile.ZipFile, table: ExportedTable, feature: FeatureSpec) -> None:
    rows, name = len(table.ids), str(feature)
    if feature.is_ragged:
        offsets = np.concatenate([[0], table.lengths(feature).cumsum()])
        _write_array(archive, f"{name}/offset", offsets)
        rows, name = int(offsets[-1]), f"{name}/value"
    blocks = (table.read(feature, start, stop) for start, stop in table.blocks())
    _write_blocks(archive, name, (rows, *table.shape(feature)), table.dtype(feature), blocks)


def _write_array(archive: zipfile.ZipFile, name: str, values: np.ndarray) -> None:
    _write_blocks(archive, name, values.shape, values.dtype, [values])


def _write_blocks(
    archive: zipfile.ZipFile,
    name: str,
    shape: Sequence[int],
    dtype: np.dtype,
    blocks: Iterator[np.ndarray] | Sequence[np.ndarray],
) -> None:
    header = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
    # a fixed date: the same features give the same bytes
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
        npy_format.write_array_header_1_0(file, header)
        for values in blocks:
            file.write(np.ascontiguousarray(values).tobytes())
