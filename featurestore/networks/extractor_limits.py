"""Find the shortest and the longest clip that each feature extractor reads without cutting it.

Feature extractors of transformers cut, repeat or pad clips without a warning: to 30 seconds (Whisper), to 1,024 frames
of a spectrum (AST), to a random ten seconds (CLAP), to a whole number of strides (w2v-bert).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from featurestore.errors import BadValue
from featurestore.networks.frames import KALDI_HOP, KALDI_WINDOW, MOONSHINE, compute_shortest_clip, read_squeeze_factor
from featurestore.networks.supported_architectures import EXTRACTORS

# Moonshine's convolutions: kernels of 127, 7 and 3 samples or frames, strides of 64, 3 and 2.
_MOONSHINE_SHORTEST = ((3 - 1) * 3 + 7 - 1) * 64 + 127


@dataclass(frozen=True)
class ExtractorLimits:
    """Lengths of clips that an extractor passes on whole, in samples.

    Args:
        shortest: the least number of samples that gives a frame.
        longest: the most samples that are read; None where there is no limit.
        waveform: whether the network reads the waveform itself, not a spectrum.
    """

    shortest: int
    longest: int | None
    waveform: bool = False


def find_limits(extractor: Any, config: Any) -> ExtractorLimits:
    """Find the limits of a feature extractor.

    Args:
        extractor: of transformers.
        config: of the network.

    Raises:
        BadValue: an extractor whose limits are not known.
    """
    name = type(extractor).__name__
    if name not in _LIMITS:
        raise BadValue(
            f"cannot tell which clips {name} cuts or pads",
            expected=f"one of the feature extractors {', '.join(EXTRACTORS)}",
            do="use an encoder with one of these",
        )
    return _LIMITS[name](extractor, config)


def _limit_waveforms(_extractor: Any, config: Any) -> ExtractorLimits:
    """Limit waveforms by what the network's own convolutions need."""
    if config.model_type == MOONSHINE:
        return ExtractorLimits(_MOONSHINE_SHORTEST, None, waveform=True)
    shortest = compute_shortest_clip(config, read_squeeze_factor(config)) if getattr(config, "conv_kernel", None) else 1
    return ExtractorLimits(shortest, None, waveform=True)


def _limit_ast(extractor: Any, _config: Any) -> ExtractorLimits:
    """Limit Kaldi's filter banks, which are cut or padded to `max_length` frames."""
    return ExtractorLimits(KALDI_WINDOW, KALDI_WINDOW + KALDI_HOP * int(extractor.max_length) - 1)


def _limit_clap(extractor: Any, _config: Any) -> ExtractorLimits:
    """Limit mel spectra of ten seconds: a longer clip is cut at random, a shorter one is repeated or padded."""
    return ExtractorLimits(1, int(extractor.nb_max_samples))


def _limit_seamless(extractor: Any, _config: Any) -> ExtractorLimits:
    """Limit Kaldi's filter banks, `stride` frames together. The mask leaves out a frame that is not whole."""
    return ExtractorLimits(KALDI_WINDOW + KALDI_HOP * (int(extractor.stride) - 1), None)


def _limit_speech_to_text(_extractor: Any, _config: Any) -> ExtractorLimits:
    """Limit Kaldi's filter banks, normalized over the clip, which needs more than one frame."""
    return ExtractorLimits(KALDI_WINDOW + KALDI_HOP, None)


def _limit_whisper(extractor: Any, _config: Any) -> ExtractorLimits:
    """Limit mel spectra of 30 seconds."""
    return ExtractorLimits(1, int(extractor.n_samples))


_LIMITS: Mapping[str, Callable[[Any, Any], ExtractorLimits]] = {
    "ASTFeatureExtractor": _limit_ast,
    "ClapFeatureExtractor": _limit_clap,
    "SeamlessM4TFeatureExtractor": _limit_seamless,
    "Speech2TextFeatureExtractor": _limit_speech_to_text,
    "SpeechT5FeatureExtractor": _limit_waveforms,
    "Wav2Vec2FeatureExtractor": _limit_waveforms,
    "WhisperFeatureExtractor": _limit_whisper,
}
