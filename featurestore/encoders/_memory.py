"""How much memory one clip takes, estimated before it is decoded: a clip that does not fit is refused, not killed."""

from functools import cache
from math import prod
from typing import Any

from featurestore.checkpoint import Checkpoint
from featurestore.encoders import Identity
from featurestore.encoders._frames import ONE_LENGTH

_FLOAT = 4  # bytes
_DECODED = 48_000 * 2 * _FLOAT * 3  # bytes a second: stereo at 48 kHz, its mono mixdown, the resampled clip

# Copies alive at the peak, measured on wav2vec2-base and wavlm-base at 20 and 60 s (2.5 and 4 were found): the first
# convolution with its norm and activation, and the attention scores where the network computes them one and all.
_FRONT_COPIES = 3
_SCORE_COPIES = 5


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


@cache
def _config(checkpoint: Checkpoint) -> dict[str, Any]:
    return checkpoint.config()


def _front(config: dict[str, Any], samples: float) -> int:
    if not config.get("conv_dim"):
        return 0
    frames = samples / config["conv_stride"][0]
    return int(_FRONT_COPIES * config["conv_dim"][0] * frames * _FLOAT)


def _attention(identity: Identity, config: dict[str, Any], seconds: float) -> int:
    if identity.description.get("attention") == "sdpa":
        return 0
    frames = seconds * _rate(identity) / prod(config.get("conv_stride") or [320])
    return int(_SCORE_COPIES * config.get("num_attention_heads", 12) * frames**2 * _FLOAT)


def _rate(identity: Identity) -> int:
    return int(identity.description["preprocessing"]["sampling_rate"])
