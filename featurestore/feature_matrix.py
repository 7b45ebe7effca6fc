"""Copy features from feature files into one matrix, one row per utterance."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from featurestore.errors import BadValue, UnknownName
from featurestore.row_index import look_up
from featurestore.spec import FeatureSpec
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile

_PAGE = 4096  # bytes of a memory page


@dataclass(frozen=True)
class StoredFeature:
    """A feature in a feature file that has its kind."""

    file: FeatureFile
    spec: FeatureSpec

    @property
    def values(self) -> np.ndarray:
        """The dataset that the feature is copied from."""
        return self.file[schema.VALUES if self.spec.kind == "frames" else self.spec.kind]

    @property
    def number(self) -> int:
        """Number of frames for `frames`, number of the layer for `layers`."""
        return self.spec.index or 0

    def shape(self) -> tuple[int, ...]:
        """Return the shape of one row: (D,), or (L, D) for all layers.

        Raises:
            BadValue: every utterance has another number of frames.
            UnknownName: there is no such layer.
        """
        if self.spec.is_ragged:
            raise BadValue(
                f"{self.spec} has another number of frames for every utterance, and cannot be columns of a matrix",
                expected=f"a number of frames, such as {self.spec}[170], or a head that takes frames",
                do=f"Store.frames({str(self.spec)!r}) reads them; heads: cli list heads",
            )
        if self.spec.kind == "frames":
            return (self.number * int(self.values.shape[1]),)
        if self.spec.kind == "layers" and self.number >= self.values.shape[1]:
            last = self.values.shape[1] - 1
            raise UnknownName(f"{self.file.path} has no layer {self.number}", expected=f"0 to {last}")
        every_layer = self.spec.kind == "layers" and self.spec.index is None
        return tuple(map(int, self.values.shape[1:] if every_layer else self.values.shape[-1:]))

    def width(self) -> int:
        """Return the number of columns in a matrix. It raises as `shape` does."""
        return prod(self.shape())

    def frames(self, ids: Sequence[str]) -> list[np.ndarray]:
        """Return the frames (T, D) of each utterance as views of the memory map.

        Raises:
            BadValue: the feature is no sequence of frames.
            UnknownName: an utterance is not in the file.
        """
        if not self.spec.is_ragged:
            raise BadValue(f"{self.spec} is no sequence of frames", expected=f"{self.spec.encoder}.frames")
        values, offsets = np.asarray(self.values), np.asarray(self.file[schema.OFFSETS])
        return [values[offsets[row] : offsets[row + 1]] for row in self.find_rows(ids)]

    def find_rows(self, ids: Sequence[str]) -> np.ndarray:
        """Return the row of each utterance in the file, int64 (N,).

        Raises:
            UnknownName: an utterance is not in the file.
        """
        if ids == self.file.ids:
            return np.arange(len(ids))
        try:
            return look_up(self.file.rows, ids)
        except KeyError:
            missing = [utterance_id for utterance_id in ids if utterance_id not in self.file.rows]
            reason = self.file.failed.get(missing[0], "not in the manifest")
            raise UnknownName(
                f"{len(missing)} of {len(ids)} utterances have no {self.spec}: {', '.join(missing[:5])}",
                got=f"{missing[0]}: {reason}",
                do="leave them out: Store.available(features) lists the utterances that have every feature",
            ) from None

    def copy(self, block: np.ndarray, rows: np.ndarray) -> None:
        """Copy rows into a block of a matrix, float32 (N, width)."""
        if self.spec.kind == "frames":
            self._copy_frames(block, rows)
            return
        values = self._list_rows()
        if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
            block[:] = values[rows[0] : rows[0] + len(rows)]  # consecutive rows: one copy, no gathering
        elif block.flags.c_contiguous and values.dtype == block.dtype:
            np.take(values, rows, axis=0, out=block, mode="clip")  # `clip` writes straight into `out`
        else:
            block[:] = values[rows]

    def _list_rows(self) -> np.ndarray:
        """Return the rows to copy (R, width): of one layer, or of all side by side."""
        if self.spec.kind != "layers":
            return self.values
        return self.values.reshape(len(self.values), -1) if self.spec.index is None else self.values[:, self.number]

    def _copy_frames(self, block: np.ndarray, rows: np.ndarray) -> None:
        offsets, values = self.file[schema.OFFSETS], self.values
        block[:] = 0
        for line, row in enumerate(rows):
            frames = values[offsets[row] : offsets[row + 1]][: self.number]
            block[line, : frames.size] = frames.reshape(-1)


def assemble(features: Sequence[StoredFeature], rows: Sequence[np.ndarray]) -> np.ndarray:
    """Copy features side by side.

    Args:
        features: one or more.
        rows: the rows (N,) to copy of each feature.

    Returns:
        float32 (N, sum of widths).
    """
    widths = [feature.width() for feature in features]
    X = _allocate(len(rows[0]), sum(widths), features[0].values)
    start = 0
    for feature, width, numbers in zip(features, widths, rows, strict=True):
        feature.copy(X[:, start : start + width], numbers)
        start += width
    return X


def _allocate(rows: int, columns: int, source: np.ndarray) -> np.ndarray:
    """Allocate a float32 matrix at the same offset in its memory page as the array that will be copied into it.

    If a source lies just below its target, modulo the page size, each load of the copy waits for the store before it,
    and copying takes two to three times as long. The offset of an HDF5 dataset is arbitrary.
    """
    memory = np.empty(rows * columns * 4 + _PAGE, np.uint8)
    shift = (source.ctypes.data - memory.ctypes.data) % _PAGE
    return memory[shift : shift + rows * columns * 4].view(np.float32).reshape(rows, columns)
