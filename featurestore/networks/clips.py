"""Turn decoded clips into what an audio network reads, the same way for encoding and for tuning.

Feature extractors of transformers cut, repeat or pad clips without a word: to 30 seconds (Whisper), to 1,024 frames of
a spectrum (AST), to a random ten seconds (CLAP), to a whole number of strides (w2v-bert). Here each kind of extractor
is known with its limits. A clip beyond them is refused, and what stands for padding is known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.errors import BadValue, Unencodable
from featurestore.networks.families import EXTRACTORS
from featurestore.networks.fixed_length import fixed
from featurestore.networks.frames import AST, CLAP, MOONSHINE, SPEECH_TO_TEXT, WHISPER, WHISPER_STRIDE
from featurestore.networks.front import frame_count, shortest_clip

# Kaldi's filter banks, in samples at 16 kHz: windows of 25 ms every 10 ms.
_WINDOW, _HOP = 400, 160

# Moonshine's convolutions: kernels of 127, 7 and 3 samples or frames, strides of 64, 3 and 2.
_MOONSHINE_SHORTEST = ((3 - 1) * 3 + 7 - 1) * 64 + 127

_MASK = "attention_mask"


@dataclass(frozen=True)
class Clip:
    """One clip as its network reads it, without padding to any other clip.

    Args:
        inputs: arrays by the name of the network's argument, without a batch axis.
        mask: the extractor's own mask (T,), 0 for padding that the extractor added; None where it returns none.
        samples: length of the decoded clip; the fixed length where there is one.
        frames: how many output frames stand for the clip itself, from the first on; None where all of them do, or where
            padding cannot be told from the clip.
        inner_frames: likewise of the frames between the layers, where an adapter or SEW makes others of them.
    """

    inputs: Mapping[str, NDArray[Any]]
    mask: NDArray[np.int64] | None
    samples: int
    frames: int | None
    inner_frames: int | None


@dataclass(frozen=True)
class _Limits:
    shortest: int  # samples
    longest: int | None  # samples


class ClipReader:
    """Prepare clips with a checkpoint's own feature extractor; nothing is cut or padded without being known.

    Args:
        extractor: of transformers.
        config: of the network, which says how many frames a clip gives.
        fixed_length: samples that every waveform is cut or padded to, without a mask, as the encoder was tuned; 0: each
            its own length.

    Raises:
        BadValue: an extractor whose limits are not known, or one of spectra with a fixed length.
    """

    def __init__(self, extractor: Any, config: Any, fixed_length: int = 0) -> None:
        self.extractor, self.config, self.fixed = extractor, config, fixed_length
        self.rate = int(extractor.sampling_rate)
        name = type(extractor).__name__
        if name not in _LIMITS:
            raise BadValue(
                f"cannot tell which clips {name} cuts or pads",
                expected=f"one of the feature extractors {', '.join(EXTRACTORS)}",
                do="take an encoder with one of these",
            )
        self.waveform = _LIMITS[name] is _raw
        if fixed_length and not self.waveform:
            raise BadValue(
                f"a {config.model_type} encoder reads spectra, which have no fixed length in samples",
                do="leave fixed_length at 0, or take an encoder that reads the waveform",
            )
        self._limits = _LIMITS[name](extractor, config)
        self.shortest, self.longest = self._limits.shortest, self._limits.longest

    def check(self, samples: int) -> None:
        """Raise Unencodable for a clip of so many samples that is too short or too long for the network."""
        if self.longest is not None and samples > self.longest:
            kind = self.config.model_type
            takes = "Whisper's encoder takes" if kind == "whisper" else f"{kind} encoders take"
            longest = f"{int(100 * self.longest / self.rate) / 100:g}"  # rounded down
            raise Unencodable(f"{samples / self.rate:.1f} s long: {takes} at most {longest} s")
        if samples < self.shortest:
            raise Unencodable(f"too short for one frame: {samples} samples at {self.rate} Hz, {self.shortest} needed")

    def read(self, samples: NDArray[np.float32]) -> Clip:
        """Prepare one decoded clip.

        Args:
            samples: mono at the extractor's rate, (S,).

        Raises:
            Unencodable: too short or too long for the network, with its length and the limit.
        """
        self.check(len(samples))
        found = self.extractor(samples, sampling_rate=self.rate, return_tensors="np")
        if self.waveform:
            wave = fixed(np.asarray(found["input_values"][0], np.float32), self.fixed)
            length = self.fixed or len(samples)
            return self._clip({"input_values": wave}, None, length)
        mask = np.asarray(found[_MASK][0], np.int64) if _MASK in found else None
        inputs = {name: np.asarray(found[name][0]) for name in found if name != _MASK}
        inputs = {name: value if value.dtype == bool else value.astype(np.float32) for name, value in inputs.items()}
        return self._clip(inputs, mask, len(samples))

    def alone(self, clip: Clip) -> dict[str, NDArray[Any]]:
        """Network inputs of a single clip: a batch of one, with the extractor's own mask where there is one."""
        inputs = {name: value[None] for name, value in clip.inputs.items()}
        return inputs if clip.mask is None else {**inputs, _MASK: clip.mask[None]}

    def batch(self, clips: Sequence[Clip], multiple: int | None = None) -> dict[str, NDArray[Any]]:
        """Network inputs of several clips, padded to the longest, with a mask over padding.

        Inputs of one length for all (a fixed length, Whisper, AST, CLAP) are stacked without a mask.

        Args:
            clips: as `read` returned them.
            multiple: pad waveforms to a multiple of so many samples.
        """
        stacked = {name: [clip.inputs[name] for clip in clips] for name in clips[0].inputs}
        masks = [clip.mask for clip in clips if clip.mask is not None]
        if self.fixed or not (self.waveform or masks):
            return {name: np.stack(values) for name, values in stacked.items()}
        padded = self.extractor.pad(
            {**stacked, **({_MASK: masks} if masks else {})},
            pad_to_multiple_of=multiple if self.waveform else None,
            return_attention_mask=True,
            return_tensors="np",
        )
        return {**{name: padded[name] for name in stacked}, _MASK: padded[_MASK].astype(np.int64)}

    def _clip(self, inputs: Mapping[str, NDArray[Any]], mask: NDArray[np.int64] | None, samples: int) -> Clip:
        config, inner = self.config, self._inner_frames(samples, mask)
        if inner is None:
            return Clip(inputs, mask, samples, None, None)
        if getattr(config, "add_adapter", False):
            return Clip(inputs, mask, samples, None if mask is None else _adapted(config, inner), inner)
        outer = inner - inner % squeeze(config)
        return Clip(inputs, mask, samples, outer, outer // squeeze(config))

    def _inner_frames(self, samples: int, mask: NDArray[np.int64] | None) -> int | None:
        """Count the frames of a clip that the first layer is given."""
        kind, config = self.config.model_type, self.config
        if kind == AST:
            return time_patches(config, 1 + (samples - _WINDOW) // _HOP)
        if kind == WHISPER:
            return max(1, -(-samples // (int(self.extractor.hop_length) * WHISPER_STRIDE)))
        if mask is not None and kind not in (*CLAP, SPEECH_TO_TEXT):
            return int(mask.sum())
        return frame_count(config, samples) if getattr(config, "conv_kernel", None) else None


def squeeze(config: Any) -> int:
    """Read how many frames the network takes together; those left over at the end become zeros (SEW)."""
    return int(getattr(config, "squeeze_factor", 1))


def time_patches(config: Any, spectrum_frames: int) -> int:
    """Count AST's patches along time that lie wholly within so many frames of the spectrum, at least one."""
    return max(1, (spectrum_frames - int(config.patch_size)) // int(config.time_stride) + 1)


def _adapted(config: Any, frames: int) -> int:
    """Count true frames behind w2v-bert's adapter, whose convolutions make them fewer."""
    for _ in range(int(config.num_adapter_layers)):
        frames = (frames + 2 * (config.adapter_stride // 2) - config.adapter_kernel_size) // config.adapter_stride + 1
    return max(1, int(frames))


def _raw(_extractor: Any, config: Any) -> _Limits:
    """Waveforms as they are; the network's own convolutions need a least length."""
    if config.model_type == MOONSHINE:
        return _Limits(_MOONSHINE_SHORTEST, None)
    return _Limits(shortest_clip(config, squeeze(config)) if getattr(config, "conv_kernel", None) else 1, None)


def _ast(extractor: Any, _config: Any) -> _Limits:
    """Kaldi's filter banks, cut or padded to `max_length` frames."""
    return _Limits(_WINDOW, _WINDOW + _HOP * int(extractor.max_length) - 1)


def _clap(extractor: Any, _config: Any) -> _Limits:
    """Mel spectra of ten seconds; a random part of a longer clip, a shorter one repeated or padded."""
    return _Limits(1, int(extractor.nb_max_samples))


def _seamless(extractor: Any, _config: Any) -> _Limits:
    """Kaldi's filter banks, `stride` frames together; the mask leaves out a frame that is not whole."""
    return _Limits(_WINDOW + _HOP * (int(extractor.stride) - 1), None)


def _speech_to_text(_extractor: Any, _config: Any) -> _Limits:
    """Kaldi's filter banks, normalised over the clip, which a single frame cannot be."""
    return _Limits(_WINDOW + _HOP, None)


def _whisper(extractor: Any, _config: Any) -> _Limits:
    """Mel spectra of 30 seconds."""
    return _Limits(1, int(extractor.n_samples))


# How each known extractor's limits are found.
_LIMITS: Mapping[str, Callable[[Any, Any], _Limits]] = {
    "ASTFeatureExtractor": _ast,
    "ClapFeatureExtractor": _clap,
    "SeamlessM4TFeatureExtractor": _seamless,
    "Speech2TextFeatureExtractor": _speech_to_text,
    "SpeechT5FeatureExtractor": _raw,
    "Wav2Vec2FeatureExtractor": _raw,
    "WhisperFeatureExtractor": _whisper,
}
