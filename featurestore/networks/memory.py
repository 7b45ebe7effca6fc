"""Estimate how much memory a clip takes before it is decoded, and measure how much is free.

A clip that does not fit is then refused with a reason instead of ending the process.
"""

import gc
import resource
import sys
from collections.abc import Mapping
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import psutil

from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.frames import ONE_LENGTH
from featurestore.networks.identity import Identity

_FLOAT = 4  # bytes
_STRIDE = 320  # samples per frame, at 16 kHz, of networks whose configuration names no strides
_DECODED = 48_000 * 2 * _FLOAT * 3  # bytes per second: stereo at 48 kHz, its mono mixdown, the resampled clip

# Copies alive at the peak, measured on wav2vec2-base and wavlm-base at 20 and 60 s (2.5 and 4): the first convolution
# with its norm and activation, and the attention scores where the network computes them one and all.
_FRONT_COPIES = 3
_SCORE_COPIES = 5

# Training, measured on wav2vec2-base, wavlm-base, hubert-base and data2vec-audio-base of 1 to 12 layers, clips of 5 to
# 40 s, one to four at once. The first convolution is alive 5 times at its peak (a masked batch is normalized clip by
# clip), and the whole front takes 11 times its size where its activations are kept. Every layer keeps 3 copies of the
# attention scores (fused attention too, because of its dropout) and 20,000 to 24,000 values per frame: 16 times the
# width and 4 times the inner width.
_FRONT_TRAINING, _FRONT_KEPT = 5, 12
_SCORES_KEPT = 3.1
_WIDTH_KEPT, _INNER_KEPT = 16, 4

_USABLE = 0.8  # of the available memory; the rest is for what an estimate does not see
_CGROUP = Path("/sys/fs/cgroup")


def estimate_encoding_memory(identity: Identity, seconds: float) -> int:
    """Estimate the peak memory of decoding and encoding one clip, without the network itself, in bytes, rounded up.

    The first convolution grows with the clip's length and dominates for clips of minutes. Attention that is not fused
    grows with its square. A hand-made extractor only decodes, as do networks whose input always has one length
    (Whisper, AST, CLAP).

    Args:
        identity: of the encoder.
        seconds: length of the clip.
    """
    decoding = int(seconds * _DECODED)
    config = _read_config(identity.checkpoint) if identity.checkpoint else {}
    if identity.modality != "audio" or not config or identity.description.get("model_type") in ONE_LENGTH:
        return decoding
    return (
        decoding
        + _estimate_front(config, seconds * _read_sampling_rate(identity))
        + _estimate_attention(identity, config, seconds)
    )


def estimate_training_memory(config: Mapping[str, Any], samples: int, rate: int, *, clips: int, front: bool) -> int:
    """Estimate the peak memory of one training step, without weights, gradients and optimizer, in bytes, rounded up.

    Args:
        config: of the network, as its `config.json` has it.
        samples: length of the longest clip, to which the others are padded.
        rate: in Hz.
        clips: in memory at once.
        front: whether the convolutional front is trained too, so that its activations are kept.
    """
    frames = samples / prod(config.get("conv_stride") or [_STRIDE * rate // 16_000])
    scores = config.get("num_attention_heads", 12) * frames**2
    width = config.get("hidden_size", 768)
    kept = (_WIDTH_KEPT * width + _INNER_KEPT * config.get("intermediate_size", 4 * width)) * frames
    layers = config.get("num_hidden_layers", 12) * (_SCORES_KEPT * scores + kept) + _SCORE_COPIES * scores
    values = (
        layers + _first_convolution(config, samples, _FRONT_KEPT)
        if front
        else max(layers, _first_convolution(config, samples, _FRONT_TRAINING))
    )
    return int(clips * (values * _FLOAT + samples / rate * _DECODED))


def measure_free_memory(workers: int = 1) -> int:
    """Measure the bytes that each of this many workers on this machine may take.

    Workers share the machine's free memory and the container's limit. A limit on address space holds for each process.
    """
    free = min(psutil.virtual_memory().available, _measure_container_memory()) / workers
    return max(0, int(_USABLE * min(free, _measure_address_space())))


def measure_container_limit() -> float:
    """Return the bytes that the control group of this process may take. Infinite where there is no limit."""
    return _read_cgroup("max", float("inf"))


def measure_peak_memory() -> int:
    """Measure the largest number of bytes that this process has held in memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


# What torch, cuBLAS, cuDNN and the C++ library say if memory runs out, besides torch's own class.
_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "bad allocation",
    "STATUS_ALLOC_FAILED",
)


def means_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that the memory of a device or of this machine ran out. Loads no torch."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)


def release_memory(device: str) -> None:
    """Give memory back that torch keeps for later on a device, and that unused objects hold."""
    gc.collect()
    if device == "cpu":
        return
    import torch

    (torch.mps if device == "mps" else torch.cuda).empty_cache()


def format_bytes(size: int) -> str:
    """Format a number of bytes.

    >>> format_bytes(58_000_000), format_bytes(1_240_000_000)
    ('58 MB', '1.2 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


@cache
def _read_config(checkpoint: Checkpoint) -> dict[str, Any]:
    return checkpoint.config()


def _estimate_front(config: Mapping[str, Any], samples: float) -> int:
    return int(_first_convolution(config, samples, _FRONT_COPIES) * _FLOAT)


def _first_convolution(config: Mapping[str, Any], samples: float, copies: int) -> float:
    """Count the values in this many copies of the first convolution's output."""
    if not config.get("conv_dim"):
        return 0
    return float(copies * config["conv_dim"][0] * samples / config["conv_stride"][0])


def _estimate_attention(identity: Identity, config: dict[str, Any], seconds: float) -> int:
    if identity.description.get("attention") == "sdpa":
        return 0
    frames = seconds * _read_sampling_rate(identity) / prod(config.get("conv_stride") or [_STRIDE])
    return int(_SCORE_COPIES * config.get("num_attention_heads", 12) * frames**2 * _FLOAT)


def _read_sampling_rate(identity: Identity) -> int:
    return int(identity.description["preprocessing"]["sampling_rate"])


def _measure_address_space() -> float:
    """Compute the bytes left under `ulimit -v`, taking a worker to be as large as this process. Infinite if not set."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return float("inf") if limit == resource.RLIM_INFINITY else float(limit - psutil.Process().memory_info().vms)


def _measure_container_memory() -> float:
    """Compute the bytes left under the control group's limit. Infinite where there is none."""
    return measure_container_limit() - _read_cgroup("current", 0.0)


def _read_cgroup(name: str, default: float) -> float:
    try:
        text = (_CGROUP / f"memory.{name}").read_text().strip()
        return default if text == "max" else float(text)
    except (OSError, ValueError):
        return default
