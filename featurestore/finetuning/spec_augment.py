"""Keep SpecAugment from masking short clips completely.

Transformers draws spans of one length for every clip of a batch. It fails where a span is longer than the padded batch,
and masks all of a clip that is as long as a span. HuBERT and SEW draw spans over padding as if it were speech.
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


def draw_masks(frames: Sequence[int], width: int, config: Any) -> NDArray[np.bool_]:
    """Draw the masks (B, width) of clips. Clips of two spans or more follow transformers' own rule.

    Args:
        frames: of each clip.
        width: frames of the padded batch.
        config: with `mask_time_prob`, `mask_time_length` and `mask_time_min_masks`.
    """
    masks = np.zeros((len(frames), width), bool)
    for mask, count in zip(masks, frames, strict=True):
        length = min(config.mask_time_length, count // 2)
        if not length:
            continue
        most = count // length if length == config.mask_time_length else 1
        wanted = int(config.mask_time_prob * count / length + np.random.rand())
        spans = min(max(wanted, config.mask_time_min_masks), most, count - length + 1)
        for start in np.random.choice(count - length + 1, spans, replace=False):
            mask[start : start + length] = True
    return masks


def _count_frames(config: Any, inputs: Tensor, mask: Tensor | None) -> tuple[list[int], int]:
    """Count the frames of each clip, and those of the padded batch."""
    lengths = [inputs.shape[1]] * len(inputs) if mask is None else mask.sum(-1).tolist()
    if not getattr(config, "conv_kernel", None):
        return lengths, inputs.shape[1]
    return [count_frames(config, length) for length in lengths], count_frames(config, inputs.shape[1])
