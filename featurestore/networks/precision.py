"""Run networks in half precision by autocast, and check what that changes.

Weights stay float32, and torch computes matrix products and convolutions in half precision. How far a vector then is
from its float32 value depends on the network, so it is measured on a probe before anything is encoded.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from featurestore.errors import Unavailable
from featurestore.spec import FULL

# The largest accepted difference from float32, of a vector's norm. The documentation lists what was measured.
BOUNDS = {"bf16": 0.03, "fp16": 0.005}

_TYPES = {"bf16": "bfloat16", "fp16": "float16"}

Vectors = Sequence[Mapping[str, np.ndarray]]


class Autocast:
    """Run forward passes on a device in one precision.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: one of `spec.PRECISIONS`.

    Raises:
        Unavailable: the device has no such arithmetic.
    """

    def __init__(self, device: str, precision: str) -> None:
        self.device, self.precision = device, precision
        if precision != FULL and not self._is_supported():
            raise Unavailable(
                f"device {device} does not compute in {precision}",
                do="leave --precision out, or use a GPU that does: bf16 needs one of 2020 or later",
            )

    def __call__(self) -> AbstractContextManager[Any]:
        """Return the context in which to call a network."""
        import torch

        if self.precision == FULL:
            return nullcontext()
        context: AbstractContextManager[Any] = torch.autocast(
            self._device_type, dtype=getattr(torch, _TYPES[self.precision])
        )
        return context

    def check(self, name: str, encode: Callable[[], Vectors]) -> list[str]:
        """Encode a probe in float32 too, and compare.

        Args:
            name: of the checkpoint.
            encode: encodes the probe, with this object's contexts around the network.

        Returns:
            a line with the measured difference; none for float32, for which nothing is encoded.

        Raises:
            Unavailable: a vector differs by more than its bound, or is not finite in half precision alone.
        """
        if self.precision == FULL:
            return []
        kind, difference = measure_difference(encode(), self._encode_in_full(encode))
        precision, bound = self.precision, BOUNDS[self.precision]
        if not difference <= bound:
            raise Unavailable(
                f"--precision {precision} changes the vectors of checkpoint {name} too much, as a probe shows",
                expected=f"a difference from float32 of at most {bound:g} of a vector's norm",
                got=f"{difference:.1e} in {kind}" if np.isfinite(difference) else f"NaN or infinite values in {kind}",
                do="leave --precision out" + (", or try --precision bf16" if precision == "fp16" else ""),
            )
        return [
            f"{precision} differs from float32 by {difference:.1e} of a vector's norm at most ({kind}, on a probe; "
            f"{bound:g} is allowed)"
        ]

    @property
    def _device_type(self) -> str:
        return self.device.partition(":")[0]

    def _is_supported(self) -> bool:
        import torch

        if self._device_type == "cuda" and self.precision == "bf16":
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns, and goes on in float32
            with self():
                return bool(torch.is_autocast_enabled(self._device_type))

    def _encode_in_full(self, encode: Callable[[], Vectors]) -> Vectors:
        precision, self.precision = self.precision, FULL
        try:
            return encode()
        finally:
            self.precision = precision


def measure_difference(vectors: Vectors, reference: Vectors) -> tuple[str, float]:
    """Measure the largest difference of vectors from a reference, of the reference's norm, layer by layer.

    Logits near 0 say little, so theirs is of 1 where the norm is less.

    Returns:
        the kind that differs most, and by how much; infinite where a vector is not finite.
    """
    found = {
        kind: max(_compare(kind, row[kind], plain[kind]) for row, plain in zip(vectors, reference, strict=True))
        for kind in reference[0]
    }
    return max(found.items(), key=lambda one: one[1])


def _compare(kind: str, values: np.ndarray, reference: np.ndarray) -> float:
    if not (np.isfinite(values).all() and np.isfinite(reference).all()):
        return float("inf")
    rows, least = len(reference) if kind == "layers" else 1, 1.0 if kind == "logits" else 1e-12
    plain = reference.reshape(rows, -1).astype(np.float64)
    difference = np.linalg.norm(values.reshape(rows, -1) - plain, axis=1)
    return float((difference / np.maximum(np.linalg.norm(plain, axis=1), least)).max())
