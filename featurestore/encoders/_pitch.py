"""Follow the pitch of a clip, and measure how its periods and amplitudes vary from frame to frame."""

import numpy as np

from featurestore.encoders._librosa import HOP, SAMPLING_RATE, Floats

LOWEST, HIGHEST = 60.0, 600.0  # Hz
CONTEXT = 1024  # samples, 64 ms: more than three periods of the lowest pitch
_TROUGH = 0.1  # of the difference function, below which a period is taken
VOICED = 0.5  # autocorrelation at the period above which a frame is voiced

_BLOCK = 1024  # windows at once

# Neighbouring periods that differ more belong to no steady voice (Praat's maximum period factor).
_LARGEST_STEP = 1.3


def compute_pitch(samples: Floats) -> list[Floats]:
    """Compute pitch in Hz (T,), 0 where a window is unvoiced, and voicing (T,), -1 to 1.

    Pitch is YIN (de Cheveigné and Kawahara, JASA 2002), with the steps and constants of librosa's. That one compiles
    itself by numba when it is first called, and processes that did so side by side have crashed. pYIN, which adds a
    path over time, takes 25 times as long. Voicing is the normalized autocorrelation of the 64 ms around the window at
    the period that YIN found.

    Args:
        samples: (160 * (T - 1) + 1024,).
    """
    windows = np.lib.stride_tricks.sliding_window_view(samples, CONTEXT)[::HOP]
    pitch = np.concatenate([_find_pitch(windows[start : start + _BLOCK]) for start in range(0, len(windows), _BLOCK)])
    voicing = _correlate(windows, np.rint(SAMPLING_RATE / pitch).astype(np.int64))
    return [np.where(voicing >= VOICED, pitch, 0.0), voicing]


def _find_pitch(windows: Floats) -> Floats:
    """Find the pitch of each window (T, W) in Hz, the best one where a window has none (T,)."""
    shortest, longest = int(SAMPLING_RATE // HIGHEST), int(np.ceil(SAMPLING_RATE / LOWEST))  # periods in samples
    difference = _measure_difference(windows.astype(np.float64), longest)[:, shortest - 1 :]  # (T, P)
    before, here, after = difference[:, :-2], difference[:, 1:-1], difference[:, 2:]
    is_trough = np.zeros(difference.shape, bool)
    is_trough[:, 0] = difference[:, 0] < difference[:, 1]
    is_trough[:, 1:-1] = (here < before) & (here <= after)
    deep = is_trough & (difference < _TROUGH)
    place = np.where(deep.any(axis=1), deep.argmax(axis=1), difference.argmin(axis=1))
    # the vertex of the parabola through a place and its neighbours, where it lies between them
    curve, slope = after + before - 2 * here, (after - before) / 2
    shift = np.zeros(difference.shape)
    np.divide(-slope, curve, out=shift[:, 1:-1], where=np.abs(slope) < np.abs(curve))
    rows = np.arange(len(windows))
    pitch: Floats = SAMPLING_RATE / (shortest + place + shift[rows, place])
    return pitch


def _measure_difference(windows: Floats, longest: int) -> Floats:
    """Measure YIN's cumulative mean normalized difference at the periods 1 to `longest` (T, longest)."""
    spectra = np.fft.rfft(windows, 2 * windows.shape[1], axis=1)
    correlation = np.fft.irfft(np.abs(spectra) ** 2, axis=1)[:, : longest + 1]
    energy = np.cumsum(windows**2, axis=1)[:, :longest]
    difference = 2 * (correlation[:, :1] - correlation[:, 1:]) - energy
    mean = np.cumsum(difference, axis=1) / np.arange(1, longest + 1)
    found: Floats = difference / (mean + np.finfo(np.float64).tiny)
    return found


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
