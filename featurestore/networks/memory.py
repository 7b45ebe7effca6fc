"""How much memory one clip takes, estimated before it is decoded: a clip that does not fit is refused, not killed."""

from collections.abc import Mapping
from functools import cache
from math import prod
from typing import Any

from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.frames import ONE_LENGTH
from featurestore.networks.identity import Identity

_FLOAT = 4  # bytes
_STRIDE = 320  # samples a frame, at 16 kHz, of networks whose configuration names no strides
_DECODED = 48_000 * 2 * _FLOAT * 3  # bytes a second: stereo at 48 kHz, its mono mixdown, the resampled clip

# Copies alive at the peak, measured on wav2vec2-base and wavlm-base at 20 and 60 s (2.5 and 4 were found): the first
# convolution with its norm and activation, and the attention scores where the network computes them one and all.
_FRONT_COPIES = 3
_SCORE_COPIES = 5

# Training, measured on wav2vec2-base, wavlm-base, hubert-base and data2vec-audio-base of 1 to 12 layers, clips of 5 to
# 40 s, one to four at once. The first convolution stands 5 times at its peak (a masked batch is normalised clip by
# clip), and the whole front 11 times its size where its activations are kept. Every layer keeps 3 copies of the
# attention scores (fused attention too, because of its dropout) and 20,000 to 24,000 values a frame: 16 times the width
# and 4 times the inner width.
_FRONT_TRAINING, _FRONT_KEPT = 5, 12
_SCORES_KEPT = 3.1
_WIDTH_KEPT, _INNER_KEPT = 16, 4


def needed(identity: Identity, seconds: float) -> int:
    """The peak memory of decoding and encoding one clip beside the network itself, in bytes, rounded up.

    The first convolution grows with the clip's length and leads for clips of minutes; attention that is not fused
    grows with its square. A hand-made extractor only decodes, as do networks whose input is always
    of one length (Whisper, AST, CLAP).

    Args:
        identity: which encoder.
        seconds: length of the clip.
    """
    decoding = int(seconds * _DECODED)
    config = _config(identity.checkpoint) if identity.checkpoint else {}
    if identity.modality != "audio" or not config or identity.description.get("model_type") in ONE_LENGTH:
        return decoding
    return decoding + _front(config, seconds * _rate(identity)) + _attention(identity, config, seconds)


def needed_to_train(config: Mapping[str, Any], samples: int, rate: int, *, clips: int, front: bool) -> int:
    """Estimate the peak memory of one training step beside weights, gradients and optimiser, in bytes, rounded up.

    Args:
        config: of the network, as its `config.json` has it.
        samples: length of the longest clip, which the others are padded to.
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
        layers + _convolved(config, samples, _FRONT_KEPT)
        if front
        else max(layers, _convolved(config, samples, _FRONT_TRAINING))
    )
    return int(clips * (values * _FLOAT + samples / rate * _DECODED))


@cache
def _config(checkpoint: Checkpoint) -> dict[str, Any]:
    return checkpoint.config()


def _front(config: Mapping[str, Any], samples: float) -> int:
    return int(_convolved(config, samples, _FRONT_COPIES) * _FLOAT)


def _convolved(config: Mapping[str, Any], samples: float, copies: int) -> float:
    """Count the values of so many copies of the first convolution's output."""
    if not config.get("conv_dim"):
        return 0
    return float(copies * config["conv_dim"][0] * samples / config["conv_stride"][0])


def _attention(identity: Identity, config: dict[str, Any], seconds: float) -> int:
    if identity.description.get("attention") == "sdpa":
        return 0
    frames = seconds * _rate(identity) / prod(config.get("conv_stride") or [_STRIDE])
    return int(_SCORE_COPIES * config.get("num_attention_heads", 12) * frames**2 * _FLOAT)


def _rate(identity: Identity) -> int:
    return int(identity.description["preprocessing"]["sampling_rate"])
