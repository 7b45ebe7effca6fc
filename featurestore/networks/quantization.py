"""Quantize the linear layers of frozen networks to 8 bits, on a CPU that multiplies such integers.

Weights have a scale for each output. What a layer reads has a scale for each token or frame, found as it comes, so that
a vector does not depend on what else is in its batch. All else stays float32: convolutions, attention, norms.
"""

import logging
import warnings
from importlib.util import find_spec
from typing import Any

from featurestore.errors import Unavailable

# Instructions for products of 8-bit integers. Without them int8 is slower than float32, and its sums can overflow.
_INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "amx_int8")


def check_int8(device: str) -> None:
    """Check that networks can be quantized here.

    Raises:
        Unavailable: another device than a CPU, a CPU without such arithmetic, or no torchao.
    """
    if device != "cpu":
        raise Unavailable(
            f"device {device} does not compute in int8",
            do="use --device cpu, or --precision bf16 or fp16 on a GPU",
        )
    if find_spec("torchao") is None:
        raise Unavailable("--precision int8 needs the package torchao", do="pip install 'emofuse[int8]'")
    found = _read_capabilities()
    if not any(found.get(name) for name in _INSTRUCTIONS):
        raise Unavailable(
            "this CPU does not compute in int8",
            expected="a CPU with VNNI or AMX: Intel's of 2019 or later, AMD's of 2022 or later",
            got=str(found.get("cpu_name", "a CPU that torch does not know")),
            do="leave --precision out",
        )


def quantize_linear_layers(model: Any) -> None:
    """Quantize every linear layer of a frozen network.

    Args:
        model: in evaluation mode, on a CPU; changed in place.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

        quantize_(model, Int8DynamicActivationInt8WeightConfig(set_inductor_config=False))


def silence_torchao() -> None:
    """Keep torchao from logging that it lacks libraries for GPUs. Transformers loads it wherever it is installed."""
    for name in ("torchao", "torch.utils._pytree"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _read_capabilities() -> dict[str, Any]:
    import torch

    read = getattr(torch.cpu, "get_capabilities", None)  # torch before 2.11 has none
    return dict(read()) if read else {}
