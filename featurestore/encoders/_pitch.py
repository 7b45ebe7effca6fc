"""Follow the pitch of a clip, and measure how its periods and amplitudes vary from frame to frame."""

import numpy as np

from featurestore.encoders._librosa import HOP, SAMPLING_RATE, Floats

LOWEST, HIGHEST = 60.0, 600.0  # Hz
CONTEXT = 1024  # samples, 64 ms: more than three periods of the lowest pitch
VOICED = 0.5  # autocorrelation at the period above which a frame is voiced

# Neighbouring periods that differ more belong to no steady voice (Praat's maximum period factor).
_LARGEST_STEP = 1.3


def compute_pitch(samples: Floats) -> list[Floats]:
    """Compute pitch in Hz (T,), 0 where a window is unvoiced, and voicing (T,), -1 to 1.

    Pitch is librosa's YIN (de Cheveigné and Kawahara, JASA 2002). pYIN, which adds a path over time, takes 25 times as
    long. Voicing is the normalized autocorrelation of the 64 ms around the window at the period that YIN found.

    Args:
        samples: (160 * (T - 1) + 1024,).
    """
    import librosa

    pitch = librosa.yin(
        samples, fmin=LOWEST, fmax=HIGHEST, sr=SAMPLING_RATE, frame_length=CONTEXT, hop_length=HOP, center=False
    )
    windows = np.lib.stride_tricks.sliding_window_view(samples, CONTEXT)[::HOP]
    voicing = _correlate(windows, np.rint(SAMPLING_RATE / pitch).astype(np.int64))
    return [np.where(voicing >= VOICED, pitch, 0.0), voicing]


def _correlate(windows: Floats, lags: np.ndarray) -> Floats:
    """Correlate each window (T, W) with itself at its own lag (T,). A window of zeros gives 0."""
    places = np.arange(windows.shape[1])
    inside = places < windows.shape[1] - lags[:, None]
    later = np.take_along_axis(windows, np.minimum(places + lags[:, None], windows.shape[1] - 1), axis=1) * inside
    earlier = windows * inside
    product = (earlier * later).sum(axis=1)
    norm = np.sqrt((earlier**2).sum(axis=1) * (later**2).sum(axis=1))
    correlation: Floats = product / np.where(norm > 0, norm, 1.0)
    return correlation


def compute_steadiness(pitch: Floats, amplitude: Floats) -> tuple[float, float]:
    """Compute jitter and shimmer from frames 10 ms apart, which approximates those from single periods.

    Both are over neighbouring voiced frames whose periods differ by at most a factor of 1.3: the mean absolute
    difference of their periods, or amplitudes, divided by the mean period, or amplitude. They are 0 if there are none.

    Args:
        pitch: Hz (T,), 0 where unvoiced.
        amplitude: RMS (T,).
    """
    voiced = (pitch[:-1] > 0) & (pitch[1:] > 0)
    periods = 1.0 / np.stack([pitch[:-1][voiced], pitch[1:][voiced]])
    steady = periods.max(axis=0) <= _LARGEST_STEP * periods.min(axis=0)
    if not steady.any():
        return 0.0, 0.0
    amplitudes = np.stack([amplitude[:-1][voiced], amplitude[1:][voiced]])
    return _vary(periods[:, steady]), _vary(amplitudes[:, steady])


def _vary(pairs: Floats) -> float:
    return float(np.abs(np.diff(pairs, axis=0)).mean() / pairs.mean())
