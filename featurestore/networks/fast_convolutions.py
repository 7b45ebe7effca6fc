"""Compute the convolutions of frozen raw-waveform networks faster: the convolutional front, and position convolutions.

The front runs as matrix products, for one clip on a CPU. Frames are rows (T, C), so that a convolution's window is one
stretch of memory, the convolution is a plain matrix product, and layer norm needs no transposing. The group norm after
the first convolution would read and write the network's largest array three times. It becomes part of that
convolution's weights instead: mean and variance of the output follow from mean and covariance of the windows, ten
numbers wide.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

_CLOSE = 1e-4  # of values about 1 in size; a front of another structure differs by far more
_PROBE = 4000  # samples


def fold_weight_norm(model: nn.Module) -> None:
    """Compute weights that are stored as direction and length once, instead of at every call.

    wav2vec2 and related networks store the weight of their position convolution so.

    Args:
        model: frozen; changed in place. A network without such weights stays as it is.
    """
    for module in list(model.modules()):
        for name in list(getattr(module, "parametrizations", ())):
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)


def use_matrix_products(model: nn.Module) -> bool:
    """Run the front by matrix products for single clips. Batches run as before.

    Args:
        model: frozen, in evaluation mode, on a CPU; changed in place.

    Returns:
        whether the model has a front of the known structure that gives the same frames as before.
    """
    base: Any = getattr(model, str(getattr(model, "base_model_prefix", "")), model)
    front = getattr(base, "feature_extractor", None)
    layers = list(getattr(front, "conv_layers", ()))
    if front is None or not layers or not all(_is_known(layer, first=layer is layers[0]) for layer in layers):
        return False
    original, steps = front.forward, [_make_step(layer) for layer in layers]

    def forward(waves: Tensor) -> Tensor:  # (B, S) -> (B, C, T)
        alone = len(waves) == 1 and not torch.is_autocast_enabled("cpu")  # the products are of float32 alone
        return _run(steps, waves[0]).t()[None] if alone else original(waves)

    probe = torch.sin(torch.arange(_PROBE) ** 1.3)[None]
    with torch.inference_mode():
        if not torch.allclose(forward(probe), original(probe), rtol=_CLOSE, atol=_CLOSE):
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


def _make_step(layer: Any) -> Any:
    """Make a function from frames (T, C) to the frames that one layer gives."""
    conv, norm = layer.conv, getattr(layer, "layer_norm", None)
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    weight = conv.weight.permute(2, 1, 0).flatten(0, 1).contiguous()  # (kernel · C, C out)

    def first(frames: Tensor) -> Tensor:
        windows = frames[:, 0].unfold(0, kernel, stride)  # (T, kernel)
        if isinstance(norm, nn.GroupNorm):
            return layer.activation(_multiply_and_normalize(windows, weight, norm))
        return finish(_multiply(windows.contiguous(), weight, conv.bias))

    def later(frames: Tensor) -> Tensor:
        return finish(_convolve(frames, weight, conv.bias, kernel, stride))

    def finish(frames: Tensor) -> Tensor:
        return layer.activation(frames if norm is None else norm(frames))

    return first if conv.in_channels == 1 else later


def _run(steps: list[Any], wave: Tensor) -> Tensor:
    frames = wave[:, None]
    for step in steps:
        frames = step(frames)
    return frames


def _multiply_and_normalize(windows: Tensor, weight: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Multiply windows (T, K) by weight (K, C), and scale each channel to mean 0 and variance 1 over time."""
    exact = windows.double()
    centred = exact - exact.mean(0)
    covariance = centred.t() @ centred / len(centred)  # (K, K)
    variance = (weight.double() * (covariance @ weight.double())).sum(0)  # (C,)
    scale = torch.rsqrt(variance.clamp(min=0) + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    return _multiply(centred.float(), (weight * scale).float(), norm.bias)


def _multiply(left: Tensor, right: Tensor, bias: Tensor | None) -> Tensor:
    return left @ right if bias is None else torch.addmm(bias, left, right)


def _convolve(frames: Tensor, weight: Tensor, bias: Tensor | None, kernel: int, stride: int) -> Tensor:
    """Convolve frames (T, C) over time, `stride` taps at a time, so that windows do not overlap."""
    frames = frames.contiguous()
    count, channels = (len(frames) - kernel) // stride + 1, frames.shape[1]
    total: Tensor | None = None
    for tap in range(0, kernel, stride):
        width = min(stride, kernel - tap) * channels
        windows = frames.as_strided((count, width), (stride * channels, 1), tap * channels)
        part = weight[tap * channels : tap * channels + width]
        total = _multiply(windows, part, bias) if total is None else total.addmm_(windows, part)
    assert total is not None  # a kernel has a tap
    return total
