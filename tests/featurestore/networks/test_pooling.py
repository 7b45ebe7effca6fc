"""Vectors pooled on the device are those that numpy computes in float64."""

import numpy as np
import pytest
import torch

from featurestore.networks import pooling
from featurestore.networks.pooling import mark_true_frames, split_rows

COUNTS = [7, 1, None, 3]


def make_states(*, offset=0.0, padding=0.0):
    """Make states (4, 9, 5) whose frames beyond those of `COUNTS` hold `padding`."""
    states = offset + np.random.default_rng(0).standard_normal((4, 9, 5)).astype(np.float32)
    for row, count in enumerate(COUNTS):
        states[row, 9 if count is None else count :] = padding
    return states


def plain(states):
    """Pool each row's own frames with numpy."""
    own = [state[:count].astype(np.float64) for state, count in zip(states, COUNTS, strict=True)]
    return np.array([frames.mean(0) for frames in own]), np.array([frames.std(0) for frames in own])


@pytest.mark.parametrize("padding", [0.0, 1e6, np.nan, np.inf])
@pytest.mark.parametrize("offset", [0.0, 1e4], ids=["centred", "far from zero"])
def test_mean_and_deviation_are_those_of_numpy_whatever_the_padding_holds(offset, padding):
    states = make_states(offset=offset, padding=padding)
    before = states.copy()
    mean, std = pooling.pool(torch.from_numpy(states), mark_true_frames(COUNTS, 9))
    assert mean.dtype == std.dtype == torch.float32
    for values, expected in zip((mean, std), plain(states), strict=True):
        np.testing.assert_allclose(values.numpy(), expected, rtol=1e-7, atol=1e-12)
    np.testing.assert_array_equal(states, before)


def test_a_single_frame_deviates_by_nothing():
    assert not pooling.pool(torch.randn(1, 1, 4), mark_true_frames([None], 1))[1].any()


def test_any_frames_may_be_left_out():
    states, true = make_states(), np.ones((4, 9), bool)
    true[:, 2:5] = False
    mean, std = pooling.pool(torch.from_numpy(states), true)
    own = np.delete(states, slice(2, 5), axis=1).astype(np.float64)
    np.testing.assert_allclose(mean.numpy(), own.mean(1), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(std.numpy(), own.std(1), rtol=1e-7)


def test_layers_are_averaged_alike():
    layers = [make_states(offset=float(number)) for number in range(3)]
    averaged = pooling.average_layers([torch.from_numpy(states) for states in layers], mark_true_frames(COUNTS, 9))
    expected = np.stack([plain(states)[0] for states in layers], axis=1)
    np.testing.assert_allclose(averaged.numpy(), expected, rtol=1e-6, atol=1e-8)


def test_states_of_half_precision_are_pooled_in_full():
    states = torch.from_numpy(make_states(offset=3.0)).to(torch.bfloat16)
    mean, std = pooling.pool(states, mark_true_frames(COUNTS, 9))
    for values, expected in zip((mean, std), plain(states.float().numpy()), strict=True):
        np.testing.assert_allclose(values.numpy(), expected, rtol=1e-7, atol=1e-12)


def test_rows_keep_their_own_frames_alone():
    states = make_states()
    rows = split_rows({"mean": states[:, 0], "frames": states}, mark_true_frames(COUNTS, 9))
    assert [len(row["frames"]) for row in rows] == [7, 1, 9, 3]
    for row, state in zip(rows, states, strict=True):
        np.testing.assert_array_equal(row["frames"], state[: len(row["frames"])])
        np.testing.assert_array_equal(row["mean"], state[0])


def test_a_layer_with_fewer_frames_reads_the_first_of_them():
    long, short = torch.randn(4, 9, 5), torch.randn(4, 6, 5)
    averaged = pooling.average_layers([long, short], mark_true_frames([7, 1, None, 3], 9))
    expected = [short[row, :count].double().mean(0) for row, count in enumerate((6, 1, 6, 3))]
    np.testing.assert_allclose(averaged[:, 1].numpy(), torch.stack(expected).numpy(), rtol=1e-6, atol=1e-8)


def test_a_mask_of_another_batch_is_refused():
    with pytest.raises(ValueError, match=r"^a mask of shape \(3, 9\) for frames of shape \(4, 9, 5\)$"):
        pooling.pool(torch.randn(4, 9, 5), np.ones((3, 9), bool))
