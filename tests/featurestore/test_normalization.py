import numpy as np
import pytest

from featurestore.errors import Mismatch
from featurestore.normalization import fit_scaling, normalize
from heads import StreamedMatrix

RNG = np.random.default_rng(0)
TRAIN, TEST = (RNG.normal(3, 2, (rows, 4)).astype(np.float32) for rows in (30, 12))


def test_none_changes_nothing():
    assert normalize(TRAIN, TEST, "none")[1] is TEST


def test_global_measures_the_training_part_alone():
    train, test, scaling = normalize(TRAIN, TEST, "global")
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(0), 1, atol=1e-5)
    np.testing.assert_allclose(test, (TEST - TRAIN.mean(0)) / TRAIN.std(0), rtol=1e-4, atol=1e-5)
    assert test.dtype == np.float32
    assert np.array_equal(scaling.apply(TEST), test)


def test_each_speaker_has_mean_0_and_deviation_1_in_training_and_test():
    names = (["A"] * 15 + ["B"] * 15, ["C"] * 6 + ["B"] * 6)
    train, test, _ = normalize(TRAIN, TEST, "speaker", names)
    for rows in (train[:15], test[:6], np.concatenate([train[15:], test[6:]])):
        np.testing.assert_allclose(rows.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(rows.std(0), 1, atol=1e-5)


@pytest.mark.parametrize("way", ["global", "speaker"])
def test_a_constant_column_becomes_0(way):
    constant = np.full((5, 2), 7.5, np.float32)
    for rows in normalize(constant, constant[:2], way, (["A"] * 5, ["A"] * 2))[:2]:
        assert np.array_equal(rows, np.zeros_like(rows))


def stream(values):
    return StreamedMatrix(lambda rows: values[rows], values.shape, values.dtype)


@pytest.mark.parametrize("way", ["none", "global", "speaker"])
@pytest.mark.parametrize("batch", [4, 20, 1000])
def test_streamed_rows_are_normalized_as_in_memory(monkeypatch, way, batch):
    monkeypatch.setattr("heads._streamed._BATCH", batch)
    names = ("ABCABCABBA" * 3, "BCDDDDDDDBBA")
    expected, found = (normalize(wrap(TRAIN), wrap(TEST), way, names) for wrap in (np.asarray, stream))
    for one, other in zip(expected[:2], found[:2], strict=True):
        assert isinstance(other, StreamedMatrix)
        np.testing.assert_allclose(other[:], one, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(other[[3, 1]], one[[3, 1]], rtol=1e-5, atol=1e-6)
        assert other[:].dtype == np.float32
    assert (found[2] is None) == (way != "global")


def test_streamed_columns_far_from_zero_are_measured_exactly(monkeypatch):
    monkeypatch.setattr("heads._streamed._BATCH", 12)
    values = (1e4 + RNG.normal(size=(50, 3)) * [1, 1e-2, 0]).astype(np.float32)
    found, expected = fit_scaling(stream(values)), fit_scaling(values)
    np.testing.assert_allclose(found.mean, values.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-6)
    assert found.scale[2] == 1
    assert found.mean.dtype == np.float32


def test_streamed_a_missing_speaker_is_refused():
    with pytest.raises(Mismatch, match="1 of 42 utterances have no speaker to normalize by"):
        normalize(stream(TRAIN), stream(TEST), "speaker", (["A"] * 30, [*"BBBBBBBBBBB", ""]))
