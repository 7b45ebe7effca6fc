"""Compute the wide position convolutions of frozen audio networks by Fourier transforms, on a CPU.

wav2vec2-base and related networks convolve all frames with a kernel of 128 taps in 16 groups. As a direct convolution
that takes a twentieth of the time of the whole network. Here the frames are cut into overlapping blocks, and each block
is multiplied by the kernel's spectrum, which is computed once.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEAST_TAPS = 32  # a direct convolution with fewer is as fast


def use_fourier_transforms(model: nn.Module) -> None:
    """Run wide convolutions by Fourier transforms. Their values stay the same up to rounding.

    Args:
        model: frozen, in evaluation mode, on a CPU, with weight norm folded; changed in place.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv1d) and _is_wide(module):
            module.forward = _FourierConvolution.prepare(module)


def _is_wide(conv: nn.Conv1d) -> bool:
    plain = conv.stride == (1,) and conv.dilation == (1,) and conv.padding_mode == "zeros"
    return plain and conv.kernel_size[0] >= _LEAST_TAPS and not isinstance(conv.padding, str) and _mixes(conv)


def _mixes(conv: nn.Conv1d) -> bool:
    """Tell whether a group has several channels, so that the direct convolution costs much."""
    return conv.in_channels > conv.groups and not hasattr(conv, "parametrizations")


@dataclass(frozen=True)
class _FourierConvolution:
    """Replacement of a convolution, with G groups of I channels in and O out, and F frequencies of a block."""

    conv: nn.Conv1d
    spectrum: Tensor  # (F, G, I, O)
    block: int  # frames
    original: Any

    @classmethod
    def prepare(cls, conv: nn.Conv1d) -> "_FourierConvolution":
        """Transform the kernel of a convolution, in float64."""
        taps = conv.kernel_size[0]
        block = 2 ** (2 * taps - 1).bit_length()
        flipped = conv.weight.flip(-1).double()  # a layer correlates, a product of spectra convolves
        spectrum = torch.fft.rfft(flipped, block).to(torch.complex64)
        grouped = spectrum.unflatten(0, (conv.groups, -1)).permute(3, 0, 2, 1)
        return cls(conv, grouped.contiguous(), block, conv.forward)

    def __call__(self, frames: Tensor) -> Tensor:
        """Convolve frames (B, C, T)."""
        if torch.is_autocast_enabled("cpu"):  # the products are of float32 alone
            direct: Tensor = self.original(frames)
            return direct
        taps, padding = self.conv.kernel_size[0], self.conv.padding[0]
        count = frames.shape[-1] + 2 * padding - taps + 1  # frames that come out
        step = self.block - taps + 1  # frames that a block adds
        blocks = -(-count // step)
        lengthened = functional.pad(frames, (padding, blocks * step + taps - 1 - padding - frames.shape[-1]))
        spectra = torch.fft.rfft(lengthened.unfold(-1, self.block, step))  # (B, C, blocks, F)
        products = self._multiply(spectra)
        convolved = torch.fft.irfft(products, self.block)[..., taps - 1 :].flatten(-2)[..., :count]
        return convolved if self.conv.bias is None else convolved + self.conv.bias[:, None]

    def _multiply(self, spectra: Tensor) -> Tensor:
        """Multiply the spectra (B, C, blocks, F) of all blocks by the kernel's."""
        rows, blocks = len(spectra), spectra.shape[2]
        grouped = (
            spectra.unflatten(1, (self.conv.groups, -1)).permute(4, 1, 0, 3, 2).flatten(2, 3)
        )  # (F, G, B·blocks, I)
        products = torch.matmul(grouped, self.spectrum)  # (F, G, B·blocks, O)
        return products.unflatten(2, (rows, blocks)).permute(2, 1, 4, 3, 0).flatten(1, 2)
