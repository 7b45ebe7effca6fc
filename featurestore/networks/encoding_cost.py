"""Estimate how long one core takes to encode an utterance, from the files of a checkpoint alone.

An estimate is the network's arithmetic over the rate at which one core was measured to do it. It sizes the parts of an
extraction and its time left, so it need not be exact: within a factor of 2 is enough.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.fixed_length import read_fixed_length
from featurestore.networks.frames import AST, CLAP, WHISPER, compute_frame_rate
from featurestore.networks.identity import Identity

# Operations a second of one core, between what two machines do: wav2vec2-base encodes 4.4 and 7.1 s of audio a second
# there, deberta-v3-small 22 and 59 transcripts of 17 tokens. Texts are short, so that their matrices are small.
_AUDIO_SPEED, _TEXT_SPEED = 75e9, 60e9
_EACH = 4e-3  # seconds for one utterance beside its network: decoding, hashing, pooling

# Seconds of audio a second and core of the hand-made extractors; of any other, a guess on the slow side.
_HANDMADE = {"mfcc": 100.0, "logmel": 1000.0, "egemaps": 40.0, "compare": 50.0}
_OTHER = 15.0

_TOKEN_BYTES, _SPECIAL_TOKENS = 4.5, 2  # of a text in UTF-8; added by the tokenizer
_FRAME_RATE = 50.0  # of networks whose files do not say theirs
_UNKNOWN_SECONDS = 5.0  # of a clip whose length the manifest does not have

_CONVOLUTION = re.compile(r"conv_layers\.(\d+)\.conv\.weight$")
_NOT_RUN = re.compile(r"(^|\.)(decoder|text_model|lm_head|proj_out)\.")
_LOOKED_UP = re.compile(r"embed|(^|\.)(shared|wte|wpe)\.")


@dataclass(frozen=True)
class EncodingCost:
    """Cost of encoding as a function of an input's length.

    Args:
        each: seconds of one core for an utterance of any length.
        linear: seconds of one core for a second of audio or for a token.
        square: likewise for its square, which attention takes.
        window: the length in seconds or tokens to which every input is padded; 0 for its own length. A longer input
            counts with its own, because it fails or is read in several windows.
    """

    each: float
    linear: float
    square: float = 0.0
    window: float = 0.0

    def estimate_clip(self, seconds: float | None) -> float:
        """Estimate the seconds of one core for a clip. A clip of unknown length counts as five seconds."""
        return self._estimate(seconds or _UNKNOWN_SECONDS)

    def estimate_text(self, text: str) -> float:
        """Estimate the seconds of one core for a text with its context."""
        return self._estimate(len(text.encode()) / _TOKEN_BYTES + _SPECIAL_TOKENS)

    def _estimate(self, length: float) -> float:
        length = max(self.window, length)
        return self.each + self.linear * length + self.square * length**2


def read_encoding_cost(identity: Identity) -> EncodingCost:
    """Read the cost of an encoder from its checkpoint's configuration and the shapes of its weights."""
    if identity.checkpoint is None:
        return EncodingCost(_EACH, 1 / _HANDMADE.get(str(identity.description.get("class")), _OTHER))
    config = identity.checkpoint.config()
    if identity.modality == "text":
        return _read_text_cost(identity.checkpoint, config)
    window = 0.0 if identity.description.get("window") == "clip" else None
    return _read_audio_cost(identity.checkpoint, config, window)


def _read_text_cost(checkpoint: Checkpoint, config: Mapping[str, Any]) -> EncodingCost:
    weights = sum(prod(shape) for _, shape in _list_products(checkpoint, config))
    linear = 2 * weights * _count_repeats(config) / _TEXT_SPEED
    return EncodingCost(_EACH / 4, linear, _square(config) / _TEXT_SPEED, float(read_fixed_length(checkpoint)))


def _read_audio_cost(checkpoint: Checkpoint, config: dict[str, Any], window: float | None) -> EncodingCost:
    settings = checkpoint.extractor()
    sampling_rate = int(settings.get("sampling_rate", 16_000))
    rate = compute_frame_rate(config, settings, sampling_rate) or _FRAME_RATE
    rate *= _count_patches(config)
    strides = config.get("conv_stride") or []
    operations = 0.0  # of a second of audio
    for name, shape in _list_products(checkpoint, config):
        front = _CONVOLUTION.search(name)
        runs = sampling_rate / prod(strides[: int(front[1]) + 1]) if front and strides else rate
        operations += 2 * prod(shape) * runs
    if window is None:
        window = read_fixed_length(checkpoint) / sampling_rate or _read_window(config, settings)
    return EncodingCost(_EACH, operations / _AUDIO_SPEED, _square(config) * rate**2 / _AUDIO_SPEED, window)


def _list_products(checkpoint: Checkpoint, config: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
    """Yield name and shape of each weight that inputs are multiplied by: no embeddings, no decoder."""
    from safetensors import safe_open

    for path in sorted(checkpoint.folder.glob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            for name in file.keys():  # noqa: SIM118 - it is no dictionary
                shape = file.get_slice(name).get_shape()
                looked_up = len(shape) == 2 and (_LOOKED_UP.search(name) or shape[0] == config.get("vocab_size"))
                if len(shape) > 1 and not looked_up and not _NOT_RUN.search(name):
                    yield name, shape


def _count_repeats(config: Mapping[str, Any]) -> int:
    """Count how often the same weights are used, in networks whose layers share them (ALBERT)."""
    return int(config.get("num_hidden_layers", 1)) if "num_hidden_groups" in config else 1


def _square(config: Mapping[str, Any]) -> float:
    """Count the operations of attention for the square of the frames, over all layers."""
    width = config.get("hidden_size") or config.get("d_model") or 0
    layers = config.get("encoder_layers") or config.get("num_hidden_layers") or 0
    return 4.0 * float(width) * float(layers) * (3 if config.get("relative_attention") else 1)


def _count_patches(config: Mapping[str, Any]) -> int:
    """Count the patches along frequency of one frame (AST)."""
    if config.get("model_type") != AST:
        return 1
    return int((config["num_mel_bins"] - config["patch_size"]) // config["frequency_stride"]) + 1


def _read_window(config: Mapping[str, Any], settings: Mapping[str, Any]) -> float:
    """Read the seconds to which an extractor pads every clip. 0 where each clip keeps its own length."""
    kind = config.get("model_type")
    if kind == WHISPER:
        return float(settings.get("chunk_length", 30))
    if kind == AST:
        return float(settings.get("max_length", 1024)) / 100
    return float(settings.get("max_length_s", 10)) if kind in CLAP else 0.0
