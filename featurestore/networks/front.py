"""The convolutional front of raw-waveform models, kept from being changed by the zeros that pad a batch.

A first convolution with group norm over time (wav2vec2-base and its kin) takes mean and variance over those zeros too,
and no attention mask repairs that. Here they are taken over each clip's true frames. Nothing else in the front mixes
a clip with its padding: convolutions without padding of their own give the same true frames, layer norm is per frame.
"""

from typing import Any

import torch
from torch import Tensor, nn


def isolate_front(model: nn.Module) -> bool:
    """Make a masked batch give each clip the same frames as the clip alone; weights and their names stay.

    Works on this instance of any transformers model with the front of wav2vec2 (HuBERT, WavLM, data2vec, …), with a
    head or without, in training and evaluation. A batch without an attention mask runs as before.

    Args:
        model: changed in place; a second call changes nothing.

    Returns:
        whether the model has such a front.
    """
    base: Any = getattr(model, str(getattr(model, "base_model_prefix", "")), model)
    layers = getattr(getattr(base, "feature_extractor", None), "conv_layers", None)
    if layers is None:
        return False
    norm = getattr(layers[0], "layer_norm", None)
    if isinstance(norm, nn.GroupNorm) and "forward" not in vars(norm):
        _isolate(base, norm, layers[0].conv)
    return True


def shortest_clip(config: Any, frames: int = 1) -> int:
    """Count the samples that give so many frames, from a configuration's `conv_kernel` and `conv_stride`."""
    samples = frames
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        samples = (samples - 1) * stride + kernel
    return int(samples)


def frame_count(config: Any, samples: int) -> int:
    """Count the frames that a clip of so many samples gives."""
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
    return int(samples)


def _isolate(base: nn.Module, norm: nn.GroupNorm, conv: nn.Conv1d) -> None:
    together = norm.forward
    masks: list[Tensor] = []

    def take_mask(_base: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        mask = kwargs.get("attention_mask", args[1] if len(args) > 1 else None)  # (B, S)
        masks[:] = [] if mask is None else [mask]

    def apart(frames: Tensor) -> Tensor:
        if not masks:
            return together(frames)
        true = (masks[0].sum(-1) - conv.kernel_size[0]) // conv.stride[0] + 1  # (B,) frames of the first convolution
        return _group_norm(frames, true, norm)

    base.register_forward_pre_hook(take_mask, with_kwargs=True)
    norm.forward = apart


def _group_norm(frames: Tensor, true: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Group norm of frames (B, D, T) with mean and variance over the first `true` (B,) of them only."""
    grouped = frames.unflatten(1, (norm.num_groups, -1))  # (B, G, D / G, T)
    inside = (torch.arange(frames.shape[-1], device=frames.device) < true[:, None])[:, None, None]  # (B, 1, 1, T)
    count = true[:, None, None, None] * grouped.shape[2]
    mean = (grouped * inside).sum((2, 3), keepdim=True) / count
    centred = grouped - mean
    variance = (centred * inside).square().sum((2, 3), keepdim=True) / count
    scaled = (centred * torch.rsqrt(variance + norm.eps)).flatten(1, 2)
    return scaled if norm.weight is None else scaled * norm.weight[:, None] + norm.bias[:, None]
