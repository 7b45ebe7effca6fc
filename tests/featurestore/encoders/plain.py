"""Compute spectra, mel bands and their cosine transform from their formulas, with numpy alone."""

import numpy as np

RATE, WINDOW, HOP, FFT = 16_000, 400, 160, 512
FREQUENCIES = np.arange(FFT // 2 + 1) * RATE / FFT


def cut(samples):
    """Cut a clip (S,) into whole windows (T, 400)."""
    samples = np.asarray(samples, np.float64)
    count = 1 + (len(samples) - WINDOW) // HOP
    return np.stack([samples[number * HOP : number * HOP + WINDOW] for number in range(count)])


def magnitudes(samples):
    """Compute the magnitude spectrum of each window under a periodic Hann window (T, 257)."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.abs(np.fft.rfft(cut(samples) * hann, FFT, axis=1))


def to_mel(hertz):
    """Convert frequencies to Slaney's scale: linear below 1 kHz, logarithmic above."""
    return np.where(hertz < 1000, 3 * hertz / 200, 15 + 27 * np.log(np.maximum(hertz, 1) / 1000) / np.log(6.4))


def to_hertz(mel):
    """Invert `to_mel`."""
    return np.where(mel < 15, 200 * mel / 3, 1000 * 6.4 ** ((mel - 15) / 27))


def mel_powers(samples, bands):
    """Compute the power in triangular mel bands of unit area (T, bands)."""
    edges = to_hertz(np.linspace(0, to_mel(np.float64(RATE / 2)), bands + 2))
    filters = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        rise, fall = (FREQUENCIES - low) / (middle - low), (high - FREQUENCIES) / (high - middle)
        filters.append(np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low))
    return magnitudes(samples) ** 2 @ np.array(filters).T


def cosine_transform(values):
    """Compute the orthonormal DCT-II of each row."""
    count = values.shape[1]
    k, n = np.arange(count)[:, None], np.arange(count)[None]
    basis = np.sqrt(2 / count) * np.cos(np.pi * k * (2 * n + 1) / (2 * count))
    basis[0] /= np.sqrt(2)
    return values @ basis.T
