"""Say what a frame is where a network's output is not simply a row per moment, without loading torch."""

from importlib.util import find_spec
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.networks import pooling

MOONSHINE, SPEECH_TO_TEXT = "moonshine", "speech_to_text"
AST, CLAP, WHISPER = "audio-spectrogram-transformer", ("clap", "clap_audio_model"), "whisper"

# Their extractors pad every clip to one length.
ONE_LENGTH = (AST, *CLAP, WHISPER)

# Whisper's front: 10 ms mel frames, then a convolution of stride 2.
WHISPER_STRIDE = 2

# Tokens that AST puts before its patches: for the class, and for distillation.
_SPECIAL = 2


def along_time(values: NDArray[Any], config: Any) -> NDArray[Any]:
    """Arrange a network's output for one batch as frames (B, T, D).

    AST's patches of one time step, and CLAP's frequency bins, are averaged; AST's special tokens are left out.

    Args:
        values: (B, T, D); of AST (B, 2 + F * T, D) with F patches along frequency; of CLAP (B, D, F, T).
        config: of the network.
    """
    if config.model_type == AST:
        rows = (int(config.num_mel_bins) - int(config.patch_size)) // int(config.frequency_stride) + 1
        patches = values[:, _SPECIAL:]
        return np.asarray(patches.reshape(len(values), rows, -1, values.shape[-1]).mean(axis=1))
    if config.model_type in CLAP:
        return np.asarray(values.mean(axis=2).transpose(0, 2, 1))
    return values


def rate(config: dict[str, Any], settings: dict[str, Any], sampling_rate: int) -> float | None:
    """Frames a second, from the files of a checkpoint; None where they do not say.

    Args:
        config: `config.json`.
        settings: of the feature extractor.
        sampling_rate: samples a second.
    """
    kind = config.get("model_type")
    if config.get("conv_stride"):
        return float(sampling_rate / prod(config["conv_stride"]))
    if kind == WHISPER:
        return float(sampling_rate / (settings.get("hop_length", 160) * WHISPER_STRIDE))
    if kind == AST:
        return sampling_rate / float(160 * config.get("time_stride", 10))
    if kind == MOONSHINE:
        return sampling_rate / (64 * 3 * 2)
    if kind == SPEECH_TO_TEXT:
        return sampling_rate / (160 * 2.0 ** int(config.get("num_conv_layers", 2)))
    if kind == "wav2vec2-bert" and not config.get("add_adapter"):
        return sampling_rate / float(160 * settings.get("stride", 2))
    return None


def pooled_over(config: dict[str, Any]) -> str:
    """Say over which frames vectors are pooled, as the header states it."""
    kind = config.get("model_type")
    if kind == AST:
        return f"{pooling.POOLING}; a frame is the mean of the patches of one time step, without the special tokens"
    if kind in CLAP:
        over = "all frames that the network gives, padding included; a frame is the mean of its frequency bins"
        return pooling.POOLING.replace("true frames", over)
    return pooling.POOLING


def normalised(config: dict[str, Any], settings: dict[str, Any]) -> str:
    """Say how a clip is normalised, as the header states it."""
    kind = config.get("model_type")
    if kind == "wav2vec2-bert" or (kind == SPEECH_TO_TEXT and settings.get("do_ceptral_normalize", True)):
        return "each mel bin over its own clip"
    if not settings.get("do_normalize"):
        return "no"
    return "by the extractor's mean and deviation" if kind == AST else "each clip over its own samples"


def spectrum(config: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Say how the spectrum is made, and what becomes of a clip of another length than the network's.

    Two extractors take torchaudio's filter banks where it is installed, whose values differ from transformers' own.
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
