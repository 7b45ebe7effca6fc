"""Read the features of utterances that may lack a modality, and normalize what they have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.fold_features import FoldFeatures
from benchmarks.evaluation.source import FeatureSource
from featurestore.normalization import GLOBAL, NONE, Scaling, normalize
from heads import Block, Frames, Inputs, StreamedMatrix

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Patch:
    """Values (r, c) at some rows (r,) and columns (c,) of a larger matrix."""

    rows: Places
    columns: Places
    values: Any


def read_partly(
    store: FeatureSource, features: FoldFeatures, utterance_ids: Sequence[str], *, streamed: bool = False
) -> Inputs:
    """Read the rows of utterances as `FoldFeatures.read` does, also of those that lack a modality.

    An utterance has a modality if it has all its features. Where it has not, its columns are 0 and its frames one frame
    of zeros, which `heads.MissingModalityHead` replaces.

    Args:
        store: the features.
        features: of a fold.
        utterance_ids: of the rows (R,).
        streamed: whether the columns stay on disk until they are used.

    Returns:
        One row for each utterance, with `present`.
    """
    present, parts = {}, {}
    for modality, own in split_modalities(store, features).items():
        known = set(store.available(list(map(str, own.all_files))))
        present[modality] = np.array([one in known for one in utterance_ids], bool)
        ids = [one for one in utterance_ids if one in known]
        parts[modality] = own.read(store, ids, streamed=streamed)
    by_name = {block.name: block for part in parts.values() for block in part.blocks}
    blocks = tuple(by_name[str(feature)] for feature in features.features if str(feature) in by_name)
    patches = [
        Patch(np.flatnonzero(present[modality]), columns, parts[modality].X)
        for modality, columns in find_columns(blocks).items()
    ]
    width = sum(block.width for block in blocks)
    frames = {one.name: _spread_frames(store, features, one, present[one.modality]) for one in _list_frames(parts)}
    return Inputs(
        spread(patches, len(utterance_ids), width),
        blocks,
        tuple(frames[str(feature)] for feature in features.features if str(feature) in frames),
        present=present,
    )


def list_usable(store: FeatureSource, features: FoldFeatures) -> list[str]:
    """List the ids that have at least one modality of some features, in manifest order."""
    known: set[str] = set()
    for own in split_modalities(store, features).values():
        known |= set(store.available(list(map(str, own.all_files))))
    return [row.id for row in store.utterances if row.id in known]


def normalize_partly(
    train: Inputs, test: Inputs, normalization: str, speakers: tuple[Sequence[str], Sequence[str]]
) -> tuple[Any, Any, Scaling | None]:
    """Normalize as `featurestore.normalization.normalize` does, each modality by the rows that have it.

    Args:
        train: rows of the training and dev parts.
        test: rows of the test part.
        normalization: `none`, `global` or `speaker`.
        speakers: of the training rows and of the test rows.
    """
    if normalization == NONE:
        return train.X, test.X, None
    width = int(train.X.shape[1])
    mean, scale = np.zeros(width, train.X.dtype), np.ones(width, train.X.dtype)
    ours: list[Patch] = []
    theirs: list[Patch] = []
    for modality, columns in find_columns(train.blocks).items():
        sides = [np.flatnonzero(inputs.present[modality]) for inputs in (train, test)]
        if not len(sides[0]):
            continue  # the head refuses it, and says why
        X, Z = (_take(inputs.X, rows, columns) for inputs, rows in zip((train, test), sides, strict=True))
        names = [[every[row] for row in rows.tolist()] for every, rows in zip(speakers, sides, strict=True)]
        X, Z, scaling = normalize(X, Z, normalization, (names[0], names[1]))
        ours, theirs = [*ours, Patch(sides[0], columns, X)], [*theirs, Patch(sides[1], columns, Z)]
        if scaling:
            mean[columns], scale[columns] = scaling.mean, scaling.scale
    found = Scaling(mean, scale) if normalization == GLOBAL else None
    return spread(ours, len(train.X), width), spread(theirs, len(test.X), width), found


def split_modalities(store: FeatureSource, features: FoldFeatures) -> dict[str, FoldFeatures]:
    """Divide the features of a fold by modality."""
    pairs = list(zip(features.features, features.files, strict=True))
    modality = {feature: store.modality(file.encoder) for feature, file in pairs}
    return {
        name: replace(
            features,
            features=tuple(feature for feature, _ in pairs if modality[feature] == name),
            files=tuple(file for feature, file in pairs if modality[feature] == name),
            parts={feature: parts for feature, parts in features.parts.items() if modality[feature] == name},
        )
        for name in dict.fromkeys(modality.values())
    }


def find_columns(blocks: Sequence[Block]) -> dict[str, Places]:
    """Return the columns of each modality in the matrix of all blocks."""
    starts = accumulate((block.width for block in blocks), initial=0)
    found: dict[str, list[int]] = {}
    for block, start in zip(blocks, starts, strict=False):
        found.setdefault(block.modality, []).extend(range(start, start + block.width))
    return {modality: np.array(columns, np.intp) for modality, columns in found.items()}


def spread(patches: Sequence[Patch], rows: int, columns: int) -> Any:
    """Put patches into a matrix of zeros (rows, columns), which is streamed if a patch is."""
    dtype = patches[0].values.dtype if patches else np.dtype(np.float32)
    if not any(isinstance(one.values, StreamedMatrix) for one in patches):
        X = np.zeros((rows, columns), dtype)
        for one in patches:
            X[np.ix_(one.rows, one.columns)] = one.values
        return X
    lines = [_number_lines(one.rows, rows) for one in patches]

    def read(numbers: Places) -> NDArray[Any]:
        values = np.zeros((len(numbers), columns), dtype)
        for one, line in zip(patches, lines, strict=True):
            there = np.flatnonzero(line[numbers] >= 0)
            if len(there):
                values[np.ix_(there, one.columns)] = one.values[line[numbers[there]]]
        return values

    return StreamedMatrix(read, (rows, columns), dtype)


def _number_lines(rows: Places, count: int) -> Places:
    """Return the line of each row (count,) in a patch, -1 where it has none."""
    lines = np.full(count, -1)
    lines[rows] = np.arange(len(rows))
    return lines


def _take(X: Any, rows: Places, columns: Places) -> Any:
    """Select rows and columns of a matrix."""
    if isinstance(X, StreamedMatrix):
        return StreamedMatrix(lambda numbers: X[rows[numbers]][:, columns], (len(rows), len(columns)), X.dtype)
    return X[np.ix_(rows, columns)]


def _list_frames(parts: Mapping[str, Inputs]) -> list[Frames]:
    return list(chain.from_iterable(part.frames for part in parts.values()))


def _spread_frames(store: FeatureSource, features: FoldFeatures, own: Frames, present: NDArray[np.bool_]) -> Frames:
    """Give each row (R,) its frames, or one frame of zeros."""
    files = {str(feature): str(file) for feature, file in zip(features.features, features.files, strict=True)}
    sample = own.rows or store.frames(files[own.name], store.available([files[own.name]])[:1])
    nothing = np.zeros((1, sample[0].shape[1]), np.float32)
    rows = iter(own.rows)
    return replace(own, rows=[next(rows) if there else nothing for there in present])
