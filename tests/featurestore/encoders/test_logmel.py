"""Test the log-mel bands against their formulas."""

import numpy as np
import pytest

from tests.featurestore.encoders import plain


def test_frames_are_the_logarithm_of_the_power_in_mel_bands(encode, voice):
    (row,) = encode("logmel", voice)
    expected = np.log(np.maximum(plain.mel_powers(voice, 80), 1e-10))
    np.testing.assert_allclose(row["frames"], expected, rtol=1e-5, atol=1e-4)


def test_silence_has_the_lowest_value_and_not_minus_infinity(encode, voice):
    (row,) = encode("logmel", voice)
    assert row["frames"].min() == np.float32(np.log(1e-10))


def test_a_louder_clip_adds_a_constant(encode, voice):
    loud, soft = encode("logmel", voice[:6000], voice[:6000] / 2)
    np.testing.assert_allclose(loud["mean"] - soft["mean"], np.log(4), atol=1e-4)


@pytest.mark.parametrize("name", ["logmel", "mfcc"])
@pytest.mark.parametrize(
    ("samples", "frames"), [(1, 1), (399, 1), (400, 1), (559, 1), (560, 2), (16_000, 98), (170_000, 1061)]
)
def test_frames_are_the_whole_windows_and_at_least_one(encode, name, samples, frames):
    random = np.random.default_rng(samples)
    (row,) = encode(name, random.normal(size=samples).astype(np.float32) * 0.1)
    assert len(row["frames"]) == frames


@pytest.mark.parametrize("name", ["logmel", "mfcc"])
def test_frames_are_the_same_in_blocks_of_any_length(encode, name, voice, monkeypatch):
    (whole,) = encode(name, voice)
    monkeypatch.setattr("featurestore.encoders._librosa._BLOCK", 7)
    (blocks,) = encode(name, voice)
    np.testing.assert_allclose(blocks["frames"], whole["frames"], rtol=1e-6, atol=1e-6)


def test_a_clip_shorter_than_a_window_is_padded_with_zeros(encode, voice):
    short, padded = encode("logmel", voice[:300], np.pad(voice[:300], (0, 100)))
    np.testing.assert_array_equal(short["frames"], padded["frames"])
