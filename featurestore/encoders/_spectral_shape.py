"""Describe the shape of spectra: moments, roll-off, flatness, and the cepstrum of linear prediction."""

import numpy as np

from featurestore.encoders._librosa import FFT, FLOOR, SAMPLING_RATE, Floats

SHAPE = ("centroid", "bandwidth", "skewness", "kurtosis", "rolloff", "flatness")
ROLLOFF = 0.85  # share of the magnitude below the roll-off
ORDER = 12  # of the linear prediction

# White noise added to each window, as a share of its power: prediction stays stable on pure tones.
_NOISE = 1e-6


def compute_shape(magnitudes: Floats) -> list[Floats]:
    """Compute `SHAPE` of spectra (257, T), each (T,).

    Centroid, bandwidth and roll-off are in Hz. Skewness and kurtosis are the third and fourth standardized moments of
    the frequency, weighted by magnitude, like the centroid. A window of zeros has 0 everywhere, and flatness 1.
    """
    import librosa

    frequencies = librosa.fft_frequencies(sr=SAMPLING_RATE, n_fft=FFT)[:, None]
    centroid = librosa.feature.spectral_centroid(S=magnitudes, sr=SAMPLING_RATE)
    bandwidth = librosa.feature.spectral_bandwidth(S=magnitudes, sr=SAMPLING_RATE, centroid=centroid)
    rolloff = librosa.feature.spectral_rolloff(S=magnitudes, sr=SAMPLING_RATE, roll_percent=ROLLOFF)
    flatness = librosa.feature.spectral_flatness(S=magnitudes, power=2.0, amin=FLOOR)
    total = magnitudes.sum(axis=0, keepdims=True)
    shares = magnitudes / np.where(total > 0, total, 1.0)
    standardized = (frequencies - centroid) / np.where(bandwidth > 0, bandwidth, 1.0)
    skewness, kurtosis = ((shares * standardized**power).sum(axis=0) for power in (3, 4))
    return [centroid[0], bandwidth[0], skewness, kurtosis, rolloff[0], flatness[0]]


def compute_lpcc(magnitudes: Floats) -> Floats:
    """Compute the cepstrum (12, T) of the all-pole model of each spectrum (257, T), without its gain.

    The model is linear prediction of order 12 by the autocorrelation method, on the Hann window.
    """
    correlation = np.fft.irfft(magnitudes**2, axis=0)[: ORDER + 1].T  # exact: the transform is longer than the window
    correlation[:, 0] = correlation[:, 0] * (1 + _NOISE) + FLOOR
    lags = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    predictors = np.linalg.solve(correlation[:, lags], correlation[:, 1:, None])[:, :, 0].T  # (12, T)
    cepstrum = np.zeros_like(predictors)
    for n in range(ORDER):
        past = sum((k + 1) / (n + 1) * cepstrum[k] * predictors[n - k - 1] for k in range(n))
        cepstrum[n] = predictors[n] + past
    return cepstrum
