"""Every head that reads frames: an answer depends on its clip alone, and frames are read a batch at a time."""

import tracemalloc
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.evaluation.baselines import is_baseline
from featurestore import registry
from tests.support.quick_heads import construct_seeded
from tests.support.utterances import draw_frames, draw_orders, make_inputs

HEADS = [
    head for head in registry.names("heads") if "frames" in registry.load("heads", head).TAKES and not is_baseline(head)
]
# pool frames, or attend to them, without looking at their order; every other head must learn from it
BLIND_TO_ORDER = {"attention", "mmer"}
# by head, settings that make another network of it
VARIANTS = {
    "attention": ({"pooling": "mean"},),
    "cnn-lstm": ({"variant": "attention-blstm"}, {"channels": (4, 4, 4, 4), "strides": (2, 2, 1, 1)}),
    "mdre": ({"variant": "are"}, {"variant": "tre"}, {"variant": "mdrea"}),
    "text-cnn": ({"pooling": "flatten", "max_frames": 16},),
}
CASES = [(head, ()) for head in HEADS]
CASES += [(head, tuple(params.items())) for head in HEADS for params in VARIANTS.get(head, ())]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case[0], *(str(v) for _, v in case[1])]))
NAMES = np.array(["angry", "happy", "sad"])
WIDTHS = {"": 5, "audio": 5, "text": 3}


def make(case, **params):
    """Construct a small head; `params` that it does not have are left out."""
    head, own = case
    known = construct_seeded(head).get_params()
    return construct_seeded(head, **dict(own), **{name: value for name, value in params.items() if name in known})


def list_modalities(case):
    """List the modalities that a head cannot do without, or one without a name."""
    return make(case).list_modalities() or ("",)


def draw_clips(case, lengths, seed=0):
    """Draw clips of these lengths, and for a second modality of other lengths from 1 to 11."""
    random = np.random.default_rng(seed)
    ways = [lengths, [3 * length % 11 + 1 for length in lengths]]
    return {
        modality: draw_frames(random, way, WIDTHS[modality])
        for modality, way in zip(list_modalities(case), ways, strict=False)
    }


def choose(clips, rows):
    return make_inputs({modality: [found[row] for row in rows] for modality, found in clips.items()})


@cache
def fit(case):
    """Fit a head to clips of different lengths, once for all tests."""
    lengths = 1 + np.arange(24) % 9
    return make(case, epochs=2).fit(choose(draw_clips(case, lengths), range(24)), NAMES[np.arange(24) % 3])


def predict(case, clips, rows, batch_size=None):
    estimator = fit(case)
    if batch_size and "batch_size" in estimator.get_params():
        estimator.set_params(batch_size=batch_size)
    return estimator.predict_proba(choose(clips, rows))


def test_there_are_heads_for_frames():
    assert HEADS
    assert set(HEADS) >= BLIND_TO_ORDER


@every_case
def test_the_size_of_a_batch_changes_no_answer(case):
    clips = draw_clips(case, np.random.default_rng(1).integers(1, 40, 70))
    alone, few, many = (predict(case, clips, range(70), batch_size) for batch_size in (1, 8, 64))
    np.testing.assert_allclose(few, alone, atol=1e-5)
    np.testing.assert_allclose(many, alone, atol=1e-5)
    assert np.ptp(alone, axis=0).max() > 1e-3  # clips differ in their answers


@every_case
@settings(max_examples=10, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6), longer=st.integers(1, 60), data=st.data())
def test_neighbours_and_order_change_no_answer(case, lengths, longer, data):
    clips = draw_clips(case, [*lengths, longer])
    rows = list(range(len(lengths)))
    alone = np.concatenate([predict(case, clips, [row], 64) for row in rows])
    order = data.draw(st.permutations(rows))
    np.testing.assert_allclose(predict(case, clips, [*order, len(lengths)], 64)[:-1], alone[order], atol=1e-5)


@every_case
def test_weights_come_back(case, tmp_path):
    clips = draw_clips(case, [1, 2, 5, 9])
    fit(case).save_weights(tmp_path)
    loaded = make(case)
    loaded.classes_, loaded.n_features_in_ = NAMES, fit(case).n_features_in_
    loaded.load_weights(tmp_path)
    assert np.array_equal(
        loaded.predict_proba(choose(clips, range(4))), fit(case).predict_proba(choose(clips, range(4)))
    )


@every_case
def test_one_clip_of_one_frame_is_answered(case):
    probabilities = predict(case, draw_clips(case, [1]), [0])
    assert probabilities.shape == (1, 3)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


@every_case
def test_frames_of_another_width_raise(case):
    clips = {modality: [np.ones((3, 9), np.float32)] for modality in list_modalities(case)}
    with pytest.raises(ValueError, match=r"^X has \d+ features, but \w+ is expecting \d+ features$"):
        fit(case).predict_proba(make_inputs(clips))


@every_case
def test_frames_are_read_from_their_file_a_batch_at_a_time(case, tmp_path, monkeypatch):
    """The arrays alive at once stay far smaller than the file."""
    count, length, width = 64, 128, 128  # 4 MB
    monkeypatch.setattr("heads._scaling._CHUNK", 2**15)
    random = np.random.default_rng(0)
    stored = {}
    for modality in list_modalities(case):
        flat = np.memmap(tmp_path / f"frames{modality}", np.float32, "w+", shape=(count * length, width))
        flat[:] = random.normal(size=flat.shape)
        stored[modality] = [flat[start : start + length] for start in range(0, len(flat), length)]
    size = len(stored) * 4 * count * length * width
    estimator = make(case, epochs=1, batch_size=4)
    fit(case)  # the first fit of a process imports modules, which would be counted
    tracemalloc.start()
    try:
        estimator.fit(make_inputs(stored), NAMES[np.arange(count) % 3])
        estimator.predict_proba(make_inputs(stored))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 3


def score_orders(case):
    """Measure the accuracy on clips that differ in the order of their frames alone."""
    random = np.random.default_rng(0)
    parts = [draw_orders(random, pairs) for pairs in (60, 40)]
    (training, names), (test, answers) = ((make_inputs(clips, list_modalities(case)), names) for clips, names in parts)
    return make(case, batch_size=16, epochs=12).fit(training, names).score(test, answers)


@pytest.mark.parametrize("case", [case for case in CASES if case[0] not in BLIND_TO_ORDER])
def test_the_order_of_frames_is_learned_from(case):
    assert score_orders(case) > 0.9


@pytest.mark.parametrize("case", [case for case in CASES if case[0] in BLIND_TO_ORDER])
def test_a_head_that_is_blind_to_order_is_at_chance_where_only_order_tells(case):
    assert score_orders(case) == pytest.approx(0.5, abs=0.05)
