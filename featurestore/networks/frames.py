"""Count a clip's frames, and arrange a network's output as frames over time. Loads no torch."""

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

MOONSHINE, SPEECH_TO_TEXT = "moonshine", "speech_to_text"
AST, CLAP, WHISPER = "audio-spectrogram-transformer", ("clap", "clap_audio_model"), "whisper"

# Their extractors pad every clip to one length.
ONE_LENGTH = (AST, *CLAP, WHISPER)

# Kaldi's filter banks, in samples at 16 kHz: windows of 25 ms every 10 ms.
KALDI_WINDOW, KALDI_HOP = 400, 160

# Whisper's front: 10 ms mel frames, then a convolution of stride 2.
WHISPER_STRIDE = 2

# Tokens that AST puts before its patches: for the class, and for distillation.
_SPECIAL = 2


def compute_frame_rate(config: dict[str, Any], settings: dict[str, Any], sampling_rate: int) -> float | None:
    """Compute frames per second from the files of a checkpoint. None where they do not say.

    Args:
        config: `config.json`.
        settings: of the feature extractor.
        sampling_rate: samples per second.
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


def compute_shortest_clip(config: Any, frames: int = 1) -> int:
    """Count the samples that give this many frames, from a configuration's `conv_kernel` and `conv_stride`."""
    samples = frames
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        samples = (samples - 1) * stride + kernel
    return int(samples)


def count_frames(config: Any, samples: int) -> int:
    """Count the frames that the convolutions of a raw-waveform network make of a clip."""
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
    return int(samples)


def count_true_frames(
    config: Any, extractor: Any, samples: int, mask: NDArray[np.int64] | None
) -> tuple[int | None, int | None]:
    """Count the output frames of a clip itself, without padding, and likewise the frames between the layers.

    Args:
        config: of the network.
        extractor: of transformers.
        samples: length of the decoded clip.
        mask: the extractor's own mask (T,); None where it gives none.

    Returns:
        the two counts. They differ where an adapter or SEW makes other frames at the end. None means that all frames
        are the clip's, or that padding cannot be told from the clip.
    """
    inner = _first_layer_frames(config, extractor, samples, mask)
    if inner is None:
        return None, None
    if getattr(config, "add_adapter", False):
        return None if mask is None else _frames_after_adapter(config, inner), inner
    outer = inner - inner % read_squeeze_factor(config)
    return outer, outer // read_squeeze_factor(config)


def read_squeeze_factor(config: Any) -> int:
    """Read how many frames the network merges into one (SEW). Frames left over at the end become zeros."""
    return int(getattr(config, "squeeze_factor", 1))


def arrange_over_time(values: "Tensor", config: Any) -> "Tensor":
    """Arrange a network's output for one batch as frames (B, T, D), on its device.

    Averages AST's patches of one time step, and CLAP's frequency bins. Leaves out AST's special tokens.

    Args:
        values: (B, T, D); of AST (B, 2 + F * T, D) with F patches along frequency; of CLAP (B, D, F, T).
        config: of the network.
    """
    if config.model_type == AST:
        rows = (int(config.num_mel_bins) - int(config.patch_size)) // int(config.frequency_stride) + 1
        patches = values[:, _SPECIAL:]
        return patches.reshape(len(values), rows, -1, values.shape[-1]).mean(1)
    if config.model_type in CLAP:
        return values.mean(2).transpose(1, 2)
    return values


def _first_layer_frames(config: Any, extractor: Any, samples: int, mask: NDArray[np.int64] | None) -> int | None:
    """Count the frames of a clip that the first layer receives."""
    kind = config.model_type
    if kind == AST:
        return _time_patches(config, 1 + (samples - KALDI_WINDOW) // KALDI_HOP)
    if kind == WHISPER:
        return max(1, -(-samples // (int(extractor.hop_length) * WHISPER_STRIDE)))
    if mask is not None and kind not in (*CLAP, SPEECH_TO_TEXT):
        return int(mask.sum())
    return count_frames(config, samples) if getattr(config, "conv_kernel", None) else None


def _time_patches(config: Any, spectrum_frames: int) -> int:
    """Count AST's patches along time that lie within the spectrum's frames, at least one."""
    return max(1, (spectrum_frames - int(config.patch_size)) // int(config.time_stride) + 1)


def _frames_after_adapter(config: Any, frames: int) -> int:
    """Count the true frames after w2v-bert's adapter, whose convolutions make them fewer."""
    for _ in range(int(config.num_adapter_layers)):
        frames = (frames + 2 * (config.adapter_stride // 2) - config.adapter_kernel_size) // config.adapter_stride + 1
    return max(1, int(frames))
