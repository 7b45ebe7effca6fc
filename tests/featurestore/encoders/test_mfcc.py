"""Test the hand-made frames and functionals against independent plain computations."""

from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from featurestore import encoders
from featurestore.encoders import mfcc
from featurestore.encoders.mfcc import FRAME_COLUMNS, STATISTICS, list_columns
from featurestore.errors import Unavailable
from featurestore.spec import EncoderSpec
from tests.featurestore.encoders import plain

RATE = 16_000


def column(frames, name):
    return frames[:, FRAME_COLUMNS.index(name)]


def named(row):
    return dict(zip(list_columns(), row["functionals"].tolist(), strict=True))


def tone(hertz, seconds=0.5):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def test_mfcc_are_the_cosine_transform_of_mel_bands_in_decibels(encode, voice):
    (row,) = encode("mfcc", voice)
    decibels = 10 * np.log10(np.maximum(plain.mel_powers(voice, 40), 1e-10))
    expected = plain.cosine_transform(decibels)[:, :13]
    np.testing.assert_allclose(row["frames"][:, :13], expected, rtol=1e-5, atol=1e-3)


def test_deltas_are_slopes_and_curvatures_over_nine_frames(encode, voice):
    (row,) = encode("mfcc", voice)
    frames = row["frames"].astype(np.float64)
    for middle in (4, 20, 60):
        for number in range(13):
            values = frames[middle - 4 : middle + 5, number]
            slope, _ = np.polyfit(np.arange(-4, 5), values, 1)
            curve = np.polyfit(np.arange(-4, 5), values, 2)[0]
            assert frames[middle, 13 + number] == pytest.approx(slope, rel=1e-4, abs=1e-3)
            assert frames[middle, 26 + number] == pytest.approx(2 * curve, rel=1e-4, abs=1e-3)


def test_energy_and_zero_crossings_are_those_of_each_window(encode, voice):
    (row,) = encode("mfcc", voice)
    windows = plain.cut(voice)
    np.testing.assert_allclose(column(row["frames"], "rms"), np.sqrt((windows**2).mean(axis=1)), rtol=1e-5, atol=1e-7)
    crossings = (np.diff(np.signbit(windows), axis=1)).sum(axis=1) / windows.shape[1]
    np.testing.assert_allclose(column(row["frames"], "zcr"), crossings, atol=1e-7)


def test_the_shape_of_a_spectrum_is_that_of_its_magnitudes_as_weights(encode, voice):
    (row,) = encode("mfcc", voice)
    for number, magnitudes in enumerate(plain.magnitudes(voice)):
        if not magnitudes.any():
            continue
        weights = magnitudes / magnitudes.sum()
        centroid = (weights * plain.FREQUENCIES).sum()
        bandwidth = np.sqrt((weights * (plain.FREQUENCIES - centroid) ** 2).sum())
        power = np.maximum(magnitudes**2, 1e-10)
        expected = {
            "centroid": centroid,
            "bandwidth": bandwidth,
            "skewness": (weights * (plain.FREQUENCIES - centroid) ** 3).sum() / bandwidth**3,
            "kurtosis": (weights * (plain.FREQUENCIES - centroid) ** 4).sum() / bandwidth**4,
            "rolloff": plain.FREQUENCIES[np.searchsorted(weights.cumsum(), 0.85)],
            "flatness": np.exp(np.log(power).mean()) / power.mean(),
        }
        found = {name: column(row["frames"], name)[number] for name in expected}
        assert found == pytest.approx(expected, rel=1e-4), number


def test_lpcc_are_the_cepstrum_of_the_predictors_spectrum(encode, voice):
    (row,) = encode("mfcc", voice)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    for number in (0, 15, 66):
        window = plain.cut(voice)[number] * hann
        correlation = np.array([window[lag:] @ window[: 400 - lag] for lag in range(13)])
        correlation[0] = correlation[0] * (1 + 1e-6) + 1e-10
        matrix = correlation[np.abs(np.subtract.outer(np.arange(12), np.arange(12)))]
        predictor = np.linalg.solve(matrix, correlation[1:])
        spectrum = np.fft.fft(np.concatenate([[1.0], -predictor]), 1 << 16)
        cepstrum = np.fft.ifft(-2 * np.log(np.abs(spectrum))).real[1:13]  # even, so twice the causal one's half
        first = FRAME_COLUMNS.index("lpcc1")
        np.testing.assert_allclose(row["frames"][number, first : first + 12], cepstrum, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("hertz", [70, 120, 233, 400, 580])
def test_the_pitch_of_a_tone_is_found_within_two_percent(encode, hertz):
    (row,) = encode("mfcc", tone(hertz))
    inner = column(row["frames"], "f0")[3:-3]
    np.testing.assert_allclose(inner, hertz, rtol=0.02)
    found = named(row)
    assert found["f0_p50"] == pytest.approx(hertz, rel=0.02)
    assert found["voiced"] > 0.9
    assert found["jitter"] < 0.01


def test_noise_and_silence_have_no_pitch(encode):
    random = np.random.default_rng(2)
    noise = random.normal(size=RATE).astype(np.float32) * 0.1
    noise[4000:8000] = 0
    (row,) = encode("mfcc", noise)
    found = named(row)
    assert found["voiced"] == 0
    assert {found[name] for name in (*(f"f0_{statistic}" for statistic in STATISTICS), "jitter", "shimmer")} == {0}
    assert not row["frames"][30:40, FRAME_COLUMNS.index("voicing")].any()


def test_falling_pitch_has_its_slope_over_voiced_frames(encode, voice):
    (row,) = encode("mfcc", voice)
    assert named(row)["f0_slope"] == pytest.approx(-100, abs=10)  # 200 Hz to 160 Hz in 0.4 s
    assert 0.5 < named(row)["voiced"] < 0.75


def test_functionals_are_statistics_of_the_frames(encode, voice):
    (row,) = encode("mfcc", voice)
    found, frames = named(row), row["frames"].astype(np.float64)
    seconds = np.arange(len(frames)) * 0.01
    voiced = column(frames, "f0") > 0
    for name in FRAME_COLUMNS:
        chosen = voiced if name == "f0" else np.ones(len(frames), bool)
        values = column(frames, name)[chosen]
        expected = {
            "mean": values.mean(),
            "std": values.std(),
            "p10": np.quantile(values, 0.1),
            "p50": np.median(values),
            "p90": np.quantile(values, 0.9),
            "slope": np.polyfit(seconds[chosen], values, 1)[0],
        }
        assert {one: found[f"{name}_{one}"] for one in STATISTICS} == pytest.approx(expected, rel=1e-4, abs=1e-4), name
    assert found["voiced"] == pytest.approx(voiced.mean())


def test_jitter_and_shimmer_are_relative_steps_between_voiced_frames():
    frames = np.zeros((6, len(FRAME_COLUMNS)), np.float32)
    frames[:, FRAME_COLUMNS.index("f0")] = [100, 125, 0, 200, 200, 400]  # the last step is an octave
    frames[:, FRAME_COLUMNS.index("rms")] = [0.1, 0.3, 0.5, 0.2, 0.2, 0.9]
    found = dict(zip(list_columns(), mfcc.compute_functionals(frames).tolist(), strict=True))
    assert found["jitter"] == pytest.approx((0.002 + 0) / 2 / np.mean([0.01, 0.008, 0.005, 0.005]))
    assert found["shimmer"] == pytest.approx((0.2 + 0) / 2 / np.mean([0.1, 0.3, 0.2, 0.2]))


def test_the_description_names_every_column():
    columns = encoders.identify(EncoderSpec("", "mfcc")).description["columns"]
    assert columns["frames"] == list(FRAME_COLUMNS)
    names = [f"{frame}_{statistic}" for frame in columns["frames"] for statistic in columns["statistics"]]
    assert [*names, *columns["clip"]] == list_columns()
    assert len(set(list_columns())) == 369
    assert len(FRAME_COLUMNS) == 61


@pytest.mark.parametrize("name", ["mfcc", "logmel"])
def test_a_missing_package_is_reported_with_the_extra(monkeypatch, name):
    def fail(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr("featurestore.encoders._librosa.version", fail)
    with pytest.raises(Unavailable, match=rf"encoder {name} needs the package librosa\n  do: .*emofuse\[handmade\]"):
        encoders.identify(EncoderSpec("", name))


@pytest.mark.parametrize("name", ["mfcc", "logmel"])
def test_the_licence_is_not_bound_to_research(name):
    assert "ISC" in encoders.identify(EncoderSpec("", name)).description["licence"]
