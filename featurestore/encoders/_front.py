"""The convolutional front of raw-waveform models, run on each clip alone, so that padding cannot change a clip.

A first convolution with group norm over time (wav2vec2-base and its kin) takes mean and variance over the zeros that
pad a batch, and no attention mask repairs that.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence


def isolate_front(model: nn.Module) -> bool:
    """Makes a model convolve each clip of a masked batch on its true samples; weights and their names stay.

    Works on this instance of any transformers model with the front of wav2vec2 (HuBERT, WavLM, data2vec, …), with a
    head or without, in training and evaluation. A batch without an attention mask runs as before.

    Args:
        model: changed in place; a second call changes nothing.

    Returns:
        whether the model has such a front.
    """
    base = getattr(model, str(getattr(model, "base_model_prefix", "")), model)
    front = getattr(base, "feature_extractor", None)
    if not hasattr(front, "conv_layers"):
        return False
    if not hasattr(front, "isolated"):
        _isolate(base, front)
    return True


def shortest_clip(config: Any) -> int:
    """The number of samples that give one frame, from a configuration's `conv_kernel` and `conv_stride`."""
    samples = 1
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        samples = (samples - 1) * stride + kernel
    return int(samples)


def _isolate(base: nn.Module, front: Any) -> None:
    together: Callable[[Tensor], Tensor] = front.forward
    lengths: list[int] = []

    def take_lengths(_base: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        mask = kwargs.get("attention_mask", args[1] if len(args) > 1 else None)  # (B, S)
        lengths[:] = [] if mask is None else mask.sum(-1).tolist()

    def apart(waves: Tensor) -> Tensor:
        if not lengths:
            return together(waves)
        clips = [together(wave[None, :length])[0].T for wave, length in zip(waves, lengths, strict=True)]  # (T, D) each
        return pad_sequence(clips, batch_first=True).transpose(1, 2)  # (B, D, T)

    base.register_forward_pre_hook(take_lengths, with_kwargs=True)
    front.forward = apart
    front.isolated = True
