"""Keep SpecAugment from masking short clips completely.

Transformers draws spans of one length for every clip of a batch. It fails where a span is longer than the padded batch,
and masks all of a clip that is as long as a span. HuBERT and SEW draw spans over padding as if it were speech.
Whisper's classifier masks nothing, whatever its configuration says: transformers masks in the whole encoder-decoder
alone.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from featurestore.networks.frames import count_frames


def fit_masks(model: nn.Module) -> None:
    """Draw the time masks of a batch clip by clip where a clip is shorter than two spans.

    Such a clip gets one span of at most half its frames. The longer clips of the batch get spans as configured. Other
    batches, and evaluation, are left to transformers.

    Args:
        model: of transformers, changed in place; one without SpecAugment along time stays as it is.
    """
    base: Any = getattr(model, str(getattr(model, "base_model_prefix", "")), model)
    config: Any = model.config
    masked = getattr(config, "apply_spec_augment", True) and getattr(config, "mask_time_prob", 0) > 0
    if not masked or "mask_time_indices" not in inspect.signature(base.forward).parameters:
        return

    def supply(base: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not base.training:
            return None
        inputs = args[0] if args else next(iter(kwargs.values()))  # (B, S) or (B, T, features)
        frames, width = _count_frames(config, inputs, kwargs.get("attention_mask"))
        if min(frames) >= 2 * config.mask_time_length:
            return None
        spans = torch.from_numpy(draw_masks(frames, width, config)).to(inputs.device)
        return args, {**kwargs, "mask_time_indices": spans}

    base.register_forward_pre_hook(supply, with_kwargs=True)


def mask_spectra(model: nn.Module) -> None:
    """Mask the spectra that Whisper's encoder reads in training, as its configuration says.

    Masks along time lie within the clip's own part of the 30 s. It ends with the last frame above the floor of the
    spectrum, at which the extractor puts the silence that it appends. Masked values are 0, as transformers has them.

    Args:
        model: a classifier, changed in place.
    """
    encoder: Any = model.get_submodule("encoder")
    config: Any = model.config

    def mask(encoder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not encoder.training:
            return None
        features = args[0] if args else kwargs["input_features"]  # (B, M, T)
        masked = features.masked_fill(draw_spectrum_masks(features, config), 0.0)
        return (masked, *args[1:]) if args else (), kwargs if args else {**kwargs, "input_features": masked}

    encoder.register_forward_pre_hook(mask, with_kwargs=True)


def draw_spectrum_masks(features: Tensor, config: Any) -> Tensor:
    """Draw the masks of spectra (B, M, T): frames of all M channels, and channels of all T frames."""
    _, channels, width = features.shape
    masks = torch.zeros(features.shape, dtype=torch.bool)
    if config.mask_time_prob > 0:
        masks |= torch.from_numpy(draw_masks(_count_spectrum_frames(features), width, config))[:, None, :]
    if config.mask_feature_prob > 0:
        share, length = config.mask_feature_prob, config.mask_feature_length
        for row in masks:
            row |= torch.from_numpy(_draw_spans(channels, share, length, config.mask_feature_min_masks))[:, None]
    return masks.to(features.device)


def draw_masks(frames: Sequence[int], width: int, config: Any) -> NDArray[np.bool_]:
    """Draw the masks (B, width) of clips. Clips of two spans or more follow transformers' own rule.

    Args:
        frames: of each clip.
        width: frames of the padded batch.
        config: with `mask_time_prob`, `mask_time_length` and `mask_time_min_masks`.
    """
    masks = np.zeros((len(frames), width), bool)
    for mask, count in zip(masks, frames, strict=True):
        mask[:count] = _draw_spans(count, config.mask_time_prob, config.mask_time_length, config.mask_time_min_masks)
    return masks


def _draw_spans(count: int, share: float, longest: int, least: int) -> NDArray[np.bool_]:
    """Draw spans over a number of places (count,), each at most half of them."""
    mask = np.zeros(count, bool)
    length = min(longest, count // 2)
    if not length:
        return mask
    most = count // length if length == longest else 1
    wanted = int(share * count / length + np.random.rand())
    spans = min(max(wanted, least), most, count - length + 1)
    for start in np.random.choice(count - length + 1, spans, replace=False):
        mask[start : start + length] = True
    return mask


def _count_spectrum_frames(features: Tensor) -> list[int]:
    """Count the frames up to the last one that is above the floor of its spectrum, of spectra (B, M, T)."""
    above = (features > features.amin((1, 2), keepdim=True)).any(1)  # (B, T)
    places = torch.arange(1, features.shape[2] + 1, device=features.device)
    return [int(count) for count in (above * places).amax(1).tolist()]


def _count_frames(config: Any, inputs: Tensor, mask: Tensor | None) -> tuple[list[int], int]:
    """Count the frames of each clip, and those of the padded batch."""
    lengths = [inputs.shape[1]] * len(inputs) if mask is None else mask.sum(-1).tolist()
    if not getattr(config, "conv_kernel", None):
        return lengths, inputs.shape[1]
    return [count_frames(config, length) for length in lengths], count_frames(config, inputs.shape[1])
