"""369 statistics of MFCC, LPCC, pitch, energy and spectral shape, or their frames (extra 'handmade'; librosa, ISC)."""

from collections.abc import Sequence

import numpy as np

from featurestore.encoders import Encoded
from featurestore.encoders._librosa import (
    FLOOR,
    HOP,
    SAMPLING_RATE,
    WINDOW,
    Floats,
    LibrosaEncoder,
    build_mel_bands,
    compute_frames,
    compute_magnitudes,
    identify_librosa,
)
from featurestore.encoders._pitch import CONTEXT, HIGHEST, LOWEST, VOICED, compute_pitch, compute_steadiness
from featurestore.encoders._spectral_shape import ORDER, ROLLOFF, SHAPE, compute_lpcc, compute_shape
from featurestore.networks.identity import Identity
from featurestore.spec import EncoderSpec

__all__ = ["MFCC"]

COEFFICIENTS, BANDS = 13, 40
_DELTA_WIDTH = 9  # frames

_CEPSTRUM = [f"mfcc{number}" for number in range(COEFFICIENTS)]
FRAME_COLUMNS = (
    *_CEPSTRUM,
    *(f"{name}_delta" for name in _CEPSTRUM),
    *(f"{name}_delta2" for name in _CEPSTRUM),
    *(f"lpcc{number}" for number in range(1, ORDER + 1)),
    *("f0", "voicing", "rms", "zcr"),
    *SHAPE,
)
STATISTICS = ("mean", "std", "p10", "p50", "p90", "slope")
CLIP_COLUMNS = ("voiced", "jitter", "shimmer")

_UNITS = (
    f"mfcc: DCT-II of {BANDS} mel bands in dB, deltas by Savitzky-Golay over {_DELTA_WIDTH} frames; "
    f"lpcc: autocorrelation method, order {ORDER}; f0: Hz by YIN, {LOWEST:.0f} to {HIGHEST:.0f}, 0 if unvoiced; "
    f"voicing: autocorrelation at the period over {1000 * CONTEXT // SAMPLING_RATE} ms, voiced from {VOICED}; "
    "rms: full scale is 1; zcr: sign changes per sample; centroid, bandwidth: Hz; skewness, kurtosis: of the frequency "
    f"weighted by magnitude; rolloff: Hz, of {ROLLOFF} of the magnitude; flatness: of power"
)
_POOLING = (
    "mean, population standard deviation, percentiles 10, 50 and 90, and least-squares slope per second of each column "
    "over all frames, of f0 over voiced frames; then voiced: share of frames; jitter, shimmer: mean absolute "
    "difference of period and rms between voiced frames 10 ms apart, divided by their mean"
)


def identify(spec: EncoderSpec) -> Identity:
    """Identify the statistics and frames."""
    return identify_librosa(
        spec,
        "mfcc",
        ("functionals", "frames"),
        pooling=_POOLING,
        columns={
            "frames": list(FRAME_COLUMNS),
            "functionals": "<column of frames>_<statistic>, statistics of one column side by side; then the clip's own",
            "statistics": list(STATISTICS),
            "clip": list(CLIP_COLUMNS),
        },
        units=_UNITS,
    )


def list_columns() -> list[str]:
    """List the names of the 369 functionals, in order.

    >>> list_columns()[0], list_columns()[-4:]
    ('mfcc0_mean', ['flatness_slope', 'voiced', 'jitter', 'shimmer'])
    """
    return [f"{column}_{statistic}" for column in FRAME_COLUMNS for statistic in STATISTICS] + list(CLIP_COLUMNS)


class MFCC(LibrosaEncoder):
    """Compute hand-made features of a clip: `functionals` (369,), `frames` (T, 61).

    The kinds of features are those that Bhangale and Kothandaraman (Electronics 12(4):839, 2023) name: MFCC, LPCC, zero
    crossings, centroid, roll-off, kurtosis, RMS, pitch, jitter and shimmer. Their wavelet packets are left out. Jitter
    and shimmer are approximated from frames.
    """

    def __init__(self, identity: Identity, device: str) -> None:
        self.bands = build_mel_bands(BANDS)

    def encode(self, batch: Sequence[np.ndarray], kinds: frozenset[str]) -> list[Encoded]:
        """Compute the features of each clip."""
        return [self._encode(samples, kinds) for samples in batch]

    def _encode(self, samples: np.ndarray, kinds: frozenset[str]) -> Encoded:
        frames = add_deltas(compute_frames(samples, self._compute, CONTEXT)).astype(np.float32)
        encoded = {"functionals": compute_functionals(frames)}
        return encoded | ({"frames": frames} if "frames" in kinds else {})

    def _compute(self, samples: Floats) -> list[Floats]:
        """Compute all columns but the deltas from the samples of T windows and the context around them."""
        import librosa

        margin = (CONTEXT - WINDOW) // 2
        windows = samples[margin : len(samples) - margin]
        magnitudes = compute_magnitudes(windows)
        decibels = librosa.power_to_db(self.bands @ magnitudes**2, ref=1.0, amin=FLOOR, top_db=None)
        return [
            librosa.feature.mfcc(S=decibels, n_mfcc=COEFFICIENTS, dct_type=2, norm="ortho"),
            compute_lpcc(magnitudes),
            *compute_pitch(samples),
            librosa.feature.rms(y=windows, frame_length=WINDOW, hop_length=HOP, center=False),
            librosa.feature.zero_crossing_rate(windows, frame_length=WINDOW, hop_length=HOP, center=False),
            *compute_shape(magnitudes),
        ]


def add_deltas(values: Floats) -> Floats:
    """Insert the first and second differences of the MFCC of values (T, 35): (T, 61), as `FRAME_COLUMNS` lists."""
    import librosa

    cepstrum = values[:, :COEFFICIENTS]
    deltas = [
        librosa.feature.delta(cepstrum, width=_DELTA_WIDTH, order=order, axis=0, mode="nearest") for order in (1, 2)
    ]
    return np.concatenate([cepstrum, *deltas, values[:, COEFFICIENTS:]], axis=1)


def compute_functionals(frames: np.ndarray) -> np.ndarray:
    """Compute the functionals (369,) of frames (T, 61), float32, as `list_columns` names them."""
    values = frames.astype(np.float64)
    seconds = np.arange(len(values)) * HOP / SAMPLING_RATE
    statistics = _summarize(values, seconds)  # (6, 61)
    pitch, amplitude = (values[:, FRAME_COLUMNS.index(name)] for name in ("f0", "rms"))
    voiced = pitch > 0
    column = FRAME_COLUMNS.index("f0")
    statistics[:, column] = _summarize(pitch[voiced, None], seconds[voiced])[:, 0] if voiced.any() else 0.0
    clip = [voiced.mean(), *compute_steadiness(pitch, amplitude)]
    return np.concatenate([statistics.T.reshape(-1), clip]).astype(np.float32)


def _summarize(values: Floats, seconds: Floats) -> Floats:
    """Compute `STATISTICS` (6, D) of values (T, D) at these times (T,). A single frame has slope 0."""
    mean = values.mean(axis=0)
    centred = seconds - seconds.mean()
    slope = centred @ (values - mean) / max(float(centred @ centred), FLOOR)
    return np.stack([mean, values.std(axis=0), *np.percentile(values, (10, 50, 90), axis=0), slope])
