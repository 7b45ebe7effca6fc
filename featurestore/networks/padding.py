"""Pad clips and texts into one batch so that each keeps the vectors that it has alone.

`pad_clips` and `pad_tokens` build the padded arrays and the attention mask over padding. `isolate_front` keeps the one
layer that ignores the mask, a group norm over time, from mixing a clip with its padding. Of what the network returns,
only a clip's own frames are pooled: `frames.py` counts them.

Two other modules decide whether a batch is padded at all. `supported_architectures.py` knows the networks whose masked
batches are exact. `fixed_length.py` pads to one length without a mask, for encoders that were fine-tuned so.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn

MASK = "attention_mask"


def pad_clips(
    extractor: Any,
    arrays: Mapping[str, Sequence[NDArray[Any]]],
    masks: Sequence[NDArray[np.int64]],
    multiple: int | None = None,
) -> dict[str, NDArray[Any]]:
    """Pad the inputs of several clips to the longest, and mask the padding.

    Args:
        extractor: of transformers.
        arrays: one array per clip (T, …), by the name of the network's argument.
        masks: the extractor's own mask (T,) per clip; empty where it gives none.
        multiple: pad to a multiple of this many samples.

    Returns:
        arrays (B, T, …) by name, and the mask (B, T) as `attention_mask`: 1 for the clip, 0 for padding.
    """
    padded = extractor.pad(
        {**arrays, **({MASK: list(masks)} if masks else {})},
        pad_to_multiple_of=multiple,
        return_attention_mask=True,
        return_tensors="np",
    )
    return {**{name: padded[name] for name in arrays}, MASK: padded[MASK].astype(np.int64)}


def pad_tokens(
    texts: Sequence[NDArray[np.int64]], fill: int, *, at_start: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pad tokens to the longest text.

    Args:
        texts: tokens (T,) of each text.
        fill: the token that stands for padding.
        at_start: pad before the text instead of after it.

    Returns:
        tokens (B, T), and the mask (B, T): 1 for a token, 0 for padding.
    """
    longest = max(map(len, texts))
    tokens = np.full((len(texts), longest), fill, np.int64)
    mask = np.zeros_like(tokens)
    for row, text in enumerate(texts):
        place = slice(longest - len(text), None) if at_start else slice(len(text))
        tokens[row, place] = text
        mask[row, place] = 1
    return tokens, mask


def isolate_front(model: "nn.Module") -> bool:
    """Make a masked batch of waveforms give each clip the frames that it has alone. Weights and their names stay.

    In wav2vec2-base and related networks a group norm follows the first convolution. It takes mean and variance over
    padding too, whatever the attention mask says. Here it takes them over each clip's true frames. Nothing else in the
    convolutional front mixes a clip with its padding: the convolutions pad nothing, and layer norm works per frame.

    Works on this instance of any transformers model with the front of wav2vec2 (HuBERT, WavLM, data2vec, …), with or
    without a classifier, in training and evaluation. A batch without an attention mask runs as before.

    Args:
        model: changed in place; a second call changes nothing.

    Returns:
        whether the model has such a front.
    """
    from torch import nn

    base: Any = getattr(model, str(getattr(model, "base_model_prefix", "")), model)
    layers = getattr(getattr(base, "feature_extractor", None), "conv_layers", None)
    if layers is None:
        return False
    norm = getattr(layers[0], "layer_norm", None)
    if isinstance(norm, nn.GroupNorm) and "forward" not in vars(norm):
        _isolate_norm(base, norm, layers[0].conv)
    return True


def _isolate_norm(base: "nn.Module", norm: "nn.GroupNorm", conv: "nn.Conv1d") -> None:
    original = norm.forward
    masks: list[Tensor] = []

    def keep_mask(_base: "nn.Module", args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        mask = kwargs.get(MASK, args[1] if len(args) > 1 else None)  # (B, S)
        masks[:] = [] if mask is None else [mask]

    def forward(frames: "Tensor") -> "Tensor":
        if not masks:
            return original(frames)
        true = (masks[0].sum(-1) - conv.kernel_size[0]) // conv.stride[0] + 1  # (B,) frames of the first convolution
        return _normalize_group(frames, true, norm)

    base.register_forward_pre_hook(keep_mask, with_kwargs=True)
    norm.forward = forward


def _normalize_group(frames: "Tensor", true: "Tensor", norm: "nn.GroupNorm") -> "Tensor":
    """Apply a group norm to frames (B, D, T), with mean and variance over the first `true` (B,) frames of each clip."""
    import torch

    # as torch's own group norm does under autocast: sums of half precision would overflow or lose digits
    grouped = frames.float().unflatten(1, (norm.num_groups, -1))  # (B, G, D / G, T)
    inside = (torch.arange(frames.shape[-1], device=frames.device) < true[:, None])[:, None, None]  # (B, 1, 1, T)
    count = true[:, None, None, None] * grouped.shape[2]
    mean = (grouped * inside).sum((2, 3), keepdim=True) / count
    centred = grouped - mean
    variance = (centred * inside).square().sum((2, 3), keepdim=True) / count
    scaled = (centred * torch.rsqrt(variance + norm.eps)).flatten(1, 2)
    return scaled if norm.weight is None else scaled * norm.weight[:, None] + norm.bias[:, None]
