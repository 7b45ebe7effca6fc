"""The convolutional front of raw-waveform models as matrix products, for one clip on a CPU.

Frames lie as rows (T, C), so that a convolution's window is one stretch of memory and the convolution a plain matrix
product, and so that layer norm needs no transposing. The group norm after the first convolution, which otherwise reads
and writes the largest array of the network three times, becomes part of that convolution's weights: mean and variance
of its output follow from mean and covariance of the windows, ten numbers wide.
"""

from typing import Any

import torch
from torch import Tensor, nn

_CLOSE = 1e-4  # of values about 1 in size; a front of another structure differs by far more
_PROBE = 4000  # samples


def multiply(model: nn.Module) -> bool:
    """Make single clips run through matrix products; batches run as before.

    Args:
        model: frozen, in evaluation mode, on a CPU; changed in place.

    Returns:
        whether the model has a front that this knows, and gives the same frames as before.
    """
    base: Any = getattr(model, str(getattr(model, "base_model_prefix", "")), model)
    front = getattr(base, "feature_extractor", None)
    layers = list(getattr(front, "conv_layers", ()))
    if front is None or not layers or not all(_is_known(layer, first=layer is layers[0]) for layer in layers):
        return False
    usual, steps = front.forward, [_step(layer) for layer in layers]

    def forward(waves: Tensor) -> Tensor:  # (B, S) -> (B, C, T)
        return _run(steps, waves[0]).t()[None] if len(waves) == 1 else usual(waves)

    probe = torch.sin(torch.arange(_PROBE) ** 1.3)[None]
    with torch.inference_mode():
        if not torch.allclose(forward(probe), usual(probe), rtol=_CLOSE, atol=_CLOSE):
            return False
    front.forward = forward
    return True


def _is_known(layer: Any, first: bool) -> bool:
    conv, norm = getattr(layer, "conv", None), getattr(layer, "layer_norm", None)
    if not isinstance(conv, nn.Conv1d) or not hasattr(layer, "activation"):
        return False
    plain = conv.padding == (0,) and conv.dilation == (1,) and conv.groups == 1
    per_channel = first and isinstance(norm, nn.GroupNorm) and norm.num_groups == conv.out_channels
    return (
        plain and (conv.in_channels == 1) == first and (norm is None or isinstance(norm, nn.LayerNorm) or per_channel)
    )


def _step(layer: Any) -> Any:
    """One layer as a function from frames (T, C) to frames."""
    conv, norm = layer.conv, getattr(layer, "layer_norm", None)
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    weight = conv.weight.permute(2, 1, 0).flatten(0, 1).contiguous()  # (kernel · C, C out)

    def first(frames: Tensor) -> Tensor:
        windows = frames[:, 0].unfold(0, kernel, stride)  # (T, kernel)
        if isinstance(norm, nn.GroupNorm):
            return layer.activation(_normalised(windows, weight, norm))
        return finish(_product(windows.contiguous(), weight, conv.bias))

    def later(frames: Tensor) -> Tensor:
        return finish(_convolved(frames, weight, conv.bias, kernel, stride))

    def finish(frames: Tensor) -> Tensor:
        return layer.activation(frames if norm is None else norm(frames))

    return first if conv.in_channels == 1 else later


def _run(steps: list[Any], wave: Tensor) -> Tensor:
    frames = wave[:, None]
    for step in steps:
        frames = step(frames)
    return frames


def _normalised(windows: Tensor, weight: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Product of windows (T, K) and weight (K, C), each channel brought to mean 0 and variance 1 over time."""
    exact = windows.double()
    centred = exact - exact.mean(0)
    covariance = centred.t() @ centred / len(centred)  # (K, K)
    variance = (weight.double() * (covariance @ weight.double())).sum(0)  # (C,)
    scale = torch.rsqrt(variance.clamp(min=0) + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    return _product(centred.float(), (weight * scale).float(), norm.bias)


def _product(left: Tensor, right: Tensor, bias: Tensor | None) -> Tensor:
    return left @ right if bias is None else torch.addmm(bias, left, right)


def _convolved(frames: Tensor, weight: Tensor, bias: Tensor | None, kernel: int, stride: int) -> Tensor:
    """Convolution of frames (T, C) over time; taps are taken `stride` at a time, so that windows do not overlap."""
    frames = frames.contiguous()
    count, channels = (len(frames) - kernel) // stride + 1, frames.shape[1]
    found: Tensor | None = None
    for tap in range(0, kernel, stride):
        width = min(stride, kernel - tap) * channels
        windows = frames.as_strided((count, width), (stride * channels, 1), tap * channels)
        part = weight[tap * channels : tap * channels + width]
        found = _product(windows, part, bias) if found is None else found.addmm_(windows, part)
    assert found is not None  # a kernel has a tap
    return found
