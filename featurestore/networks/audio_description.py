"""Describe how an audio checkpoint prepares and pools clips, from its files alone.

The texts are stored in feature files and are part of every vector's cache key: another word, and all clips are encoded
again.
"""

from importlib.util import find_spec
from typing import Any

from featurestore.networks.frames import AST, CLAP, SPEECH_TO_TEXT
from featurestore.networks.pooling import POOLING


def describe_pooling(config: dict[str, Any]) -> str:
    """Describe the frames over which vectors are pooled."""
    kind = config.get("model_type")
    if kind == AST:
        return f"{POOLING}; a frame is the mean of the patches of one time step, without the special tokens"
    if kind in CLAP:
        over = "all frames that the network gives, padding included; a frame is the mean of its frequency bins"
        return POOLING.replace("true frames", over)
    return POOLING


def describe_normalization(config: dict[str, Any], settings: dict[str, Any]) -> str:
    """Describe how the feature extractor normalizes a clip."""
    kind = config.get("model_type")
    if kind == "wav2vec2-bert" or (kind == SPEECH_TO_TEXT and settings.get("do_ceptral_normalize", True)):
        return "each mel bin over its own clip"
    if not settings.get("do_normalize"):
        return "no"
    return "by the extractor's mean and deviation" if kind == AST else "each clip over its own samples"


def describe_spectrum(config: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Describe how the spectrum is made, and what happens to a clip of another length than the network's.

    Two extractors use torchaudio's filter banks where it is installed. Its values differ from transformers' own.
    """
    kind = config.get("model_type")
    by = {"spectrum": "torchaudio's" if find_spec("torchaudio") else "transformers' own"}
    if kind == SPEECH_TO_TEXT:
        return by
    if kind == AST:
        frames = settings.get("max_length", 1024)
        return {**by, "padding": f"to {frames} frames of the spectrum; a longer clip fails"}
    if kind in CLAP:
        seconds, how = settings.get("max_length_s", 10), settings.get("padding", "repeatpad")
        filled = "padded with silence" if how == "pad" else f"repeated ({how})"
        return {"padding": f"a clip shorter than {seconds} s is {filled}; a longer clip fails"}
    return {}
