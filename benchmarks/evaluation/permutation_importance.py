"""Permute the test rows of one modality, to measure how much a fitted head relies on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.evaluation.feature_sets import find_modality
from benchmarks.evaluation.source import FeatureSource
from featurestore.folds.group_split import draw_key
from featurestore.spec import FeatureSpec
from heads import Inputs, StreamedMatrix


@dataclass(frozen=True)
class ModalityFeatures:
    """A modality and its features, whose rows are permuted together."""

    modality: str
    features: tuple[str, ...]


def list_modalities(store: FeatureSource, features: Sequence[FeatureSpec]) -> tuple[ModalityFeatures, ...]:
    """List text and audio with their features, or nothing for a set of one modality."""
    modality = {feature: find_modality(store, feature.encoder) for feature in features}
    found = [
        ModalityFeatures(name, tuple(str(feature) for feature in features if modality[feature] == name))
        for name in ("text", "audio")
        if name in modality.values()
    ]
    return tuple(found) if len(found) == 2 else ()


def permute(inputs: Inputs, permuted: ModalityFeatures, utterance_ids: Sequence[str], fold: str, seed: int) -> Inputs:
    """Give each target another target's values of one modality: its columns, and its frames.

    This is permutation importance at prediction time (Breiman 2001, "Random Forests", section 10), of a whole modality
    instead of one variable. The drop in a fitted head's figures shows how much it relies on this modality, given the
    other. It does not show how much information the modality has: a head that finds the same in both loses little by
    either, and a head fitted without the modality (the feature sets `text` and `audio`) uses the other more. Permuted
    rows also combine words and voices that do not occur together. With C classes, about one utterance in C gets a row
    of its own class. Turns without a class keep their values.

    Args:
        inputs: the test part as the head takes it, with N targets.
        permuted: its features are permuted by whole rows, all by the same permutation.
        utterance_ids: of the targets (N,).
        fold: its name. The permutation depends only on it, the seed, the modality and the ids, so it is the same for
            all heads.
        seed: of the run.
    """
    keys = [draw_key(f"{fold}:{permuted.modality}:{utterance_id}", seed) for utterance_id in utterance_ids]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    source = np.arange(len(inputs.X))  # the row whose values each row gets
    source[inputs.targets] = inputs.targets[order]
    columns = np.repeat([block.name in permuted.features for block in inputs.blocks], [b.width for b in inputs.blocks])
    X = _permute_columns(inputs.X, source, columns.astype(bool))
    frames = tuple(
        replace(one, rows=[one.rows[row] for row in source.tolist()]) if one.name in permuted.features else one
        for one in inputs.frames
    )
    own = inputs.present.get(permuted.modality)
    present = inputs.present if own is None else {**inputs.present, permuted.modality: own[source]}
    return replace(inputs, X=X, frames=frames, present=present)


def _permute_columns(X: Any, source: np.ndarray, columns: np.ndarray) -> Any:
    """Give each row the values of its source (R,) in the chosen columns, a mask (D,)."""
    if isinstance(X, StreamedMatrix):
        return X.map(lambda values, rows: np.where(columns, X[source[rows]], values))
    permuted = X.copy()
    permuted[:, columns] = X[source][:, columns]
    return permuted
