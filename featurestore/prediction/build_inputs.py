"""Build what a head is given from the vectors of new utterances, laid out as the store lays them out."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from featurestore.encoders import Encoded
from featurestore.item import Item
from featurestore.spec import FeatureSpec
from heads import Block, Frames, Inputs


def build_inputs(
    features: Sequence[FeatureSpec],
    modalities: Mapping[str, str],
    items: Sequence[Item],
    encoded: Sequence[Mapping[str, Encoded]],
    shapes: Mapping[str, tuple[int, ...]],
    absent: Sequence[Collection[str]],
) -> Inputs:
    """Build the inputs of some utterances.

    Args:
        features: of the bundle, in column order.
        modalities: `audio` or `text`, by encoder.
        items: one or more utterances (N).
        encoded: the vectors of each, by encoder (N,).
        shapes: of what stands in for an absent feature, by feature; empty if none may be absent.
        absent: the modalities that each lacks (N,).
    """
    values = {feature: [_select_value(feature, one, shapes) for one in encoded] for feature in features}
    flat = [feature for feature in features if not feature.is_ragged]
    blocks = tuple(Block(str(one), modalities[one.encoder], values[one][0].shape) for one in flat)
    frames = tuple(Frames(str(one), modalities[one.encoder], values[one]) for one in features if one.is_ragged)
    columns = [np.stack([row.reshape(-1) for row in values[one]]) for one in flat]
    X = np.concatenate(columns, axis=1) if columns else np.empty((len(items), 0), np.float32)
    named = dict.fromkeys(modalities.values()) if shapes else {}
    present = {modality: np.array([modality not in one for one in absent]) for modality in named}
    return Inputs(X, blocks, frames, words=tuple(item.text for item in items), present=present)


def _select_value(
    feature: FeatureSpec, encoded: Mapping[str, Encoded], shapes: Mapping[str, tuple[int, ...]]
) -> np.ndarray:
    """Return one feature of one utterance, or zeros in its place."""
    if feature.encoder in encoded or not shapes:
        return _select_feature(feature, encoded[feature.encoder])
    return np.zeros(shapes[str(feature)], np.float32)


def _select_feature(feature: FeatureSpec, encoded: Encoded) -> np.ndarray:
    """Return one feature of one utterance: (D,), all layers (L, D), or all frames (T, D)."""
    if feature.index is None:
        return encoded[feature.kind]
    if feature.kind == "layers":
        layer: np.ndarray = encoded["layers"][feature.index]
        return layer
    frames = encoded["frames"][: feature.index]
    padded = np.zeros((feature.index, frames.shape[1]), np.float32)
    padded[: len(frames)] = frames
    return padded.reshape(-1)
