"""Vary clips: each effect measured against plain numpy, and draws that depend on seed, epoch and utterance alone."""

from dataclasses import replace

import numpy as np
import pytest

from featurestore.errors import BadValue
from featurestore.finetuning.inputs.augmentation import (
    RANGES,
    Augmentation,
    add_noise,
    change_gain,
    change_speed,
    list_effects,
)

RATE = 16_000
ALL = Augmentation(tuple(RANGES), seed=3, rate=RATE, shortest=400, longest=40_000)


def tone(seconds=1.0, pitch=440.0):
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def power(wave):
    return float(np.mean(wave.astype(np.float64) ** 2))


@pytest.mark.parametrize("ratio", [10.0, 17.3, 30.0])
def test_noise_has_the_ratio_that_is_asked_for(ratio):
    clip = tone()
    noise = add_noise(clip, ratio, np.random.default_rng(0)) - clip
    assert 10 * np.log10(power(clip) / power(noise)) == pytest.approx(ratio, abs=1e-3)
    assert abs(float(np.corrcoef(noise[1:], noise[:-1])[0, 1])) < 0.02  # white: neighbours tell nothing of each other
    assert abs(float(np.mean(noise))) < 0.05 * np.sqrt(power(noise))


@pytest.mark.parametrize("gain", [-6.0, 2.5, 6.0])
def test_gain_is_in_decibels_and_clips_nothing(gain):
    clip = 3 * tone()
    louder = change_gain(clip, gain)
    assert 20 * np.log10(np.abs(louder).max() / np.abs(clip).max()) == pytest.approx(gain, abs=1e-4)
    assert louder.dtype == np.float32


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.07, 1.1])
def test_speed_changes_length_and_pitch_alike(factor):
    fast = change_speed(tone(), factor, RATE)
    assert len(fast) == pytest.approx(RATE / factor, abs=1)
    peak = np.argmax(np.abs(np.fft.rfft(fast * np.hanning(len(fast))))) * RATE / len(fast)
    assert peak == pytest.approx(440 * factor, abs=RATE / len(fast))
    assert fast.dtype == np.float32


def test_what_is_drawn_is_what_is_done():
    """Find an utterance that gets everything, and undo it step by step."""
    name = next(f"u{number}" for number in range(100) if len(ALL.draw(f"u{number}", 2)) == 3)
    drawn = ALL.draw(name, 2)
    varied = ALL.vary(tone(), name, 2)
    faster = change_speed(tone(), drawn["speed"], RATE)
    assert len(varied) == len(faster)
    noise = varied / np.float32(10 ** (drawn["gain"] / 20)) - faster
    assert 10 * np.log10(power(faster) / power(noise)) == pytest.approx(drawn["noise"], abs=1e-2)


def test_draws_follow_their_ranges_and_the_probability():
    drawn = [ALL.draw(f"u{number}", epoch) for number in range(300) for epoch in range(2)]
    for effect, (low, high) in RANGES.items():
        values = np.array([one[effect] for one in drawn if effect in one])
        assert 0.43 < len(values) / len(drawn) < 0.57
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high


def test_a_draw_depends_on_seed_epoch_and_utterance_alone():
    np.random.seed(0)
    state = np.random.get_state()[1].tolist()
    first = ALL.vary(tone(), "u1", 0)
    for number in range(5):
        ALL.vary(tone(), f"other{number}", 1)
    assert np.array_equal(ALL.vary(tone(), "u1", 0), first)
    assert np.random.get_state()[1].tolist() == state
    names = [f"u{number}" for number in range(20)]
    draws = [ALL.draw(name, 0) for name in names]
    assert draws != [ALL.draw(name, 1) for name in names]
    assert draws != [replace(ALL, seed=4).draw(name, 0) for name in names]
    assert len({str(draw) for draw in draws}) > 10


def test_one_more_effect_changes_nothing_of_the_others():
    noise = replace(ALL, effects=("noise",))
    for number in range(20):
        assert noise.draw(f"u{number}", 0).get("noise") == ALL.draw(f"u{number}", 0).get("noise")


def test_no_clip_becomes_longer_than_the_longest_or_too_short_for_the_network():
    speed = Augmentation(("speed",), seed=0, rate=RATE, shortest=950, longest=1000)
    for samples in (951, 970, 1000):
        lengths = [len(speed.vary(tone(samples / RATE), f"u{number}", 0)) for number in range(60)]
        assert 950 <= min(lengths) <= max(lengths) <= 1000
    assert len(set(lengths)) > 1


def test_effects_come_in_the_order_in_which_they_are_applied():
    assert list_effects("gain, speed,,gain") == ("speed", "gain")
    assert list_effects("") == ()
    with pytest.raises(BadValue) as problem:
        list_effects("noise,echo")
    assert str(problem.value) == (
        "--augment has no effect 'echo'\n  expected: of speed, noise, gain\n  got: noise,echo"
    )
