import numpy as np
import pytest

from featurestore.normalization import normalize

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
