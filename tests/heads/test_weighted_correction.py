from dataclasses import replace

import numpy as np
import pytest

from heads import Frames
from heads.weighted_correction import WeightedCorrectionHead
from tests.support.plain_networks import answer_utterances, relu, softmax
from tests.support.utterances import check_batch_sizes, draw_product, keep_frames, score_product

QUICK = {"hidden": 4, "attention_size": 5, "dense": 6, "device": "cpu", "random_state": 0, "validation_fraction": 0.0}


def fit(inputs, classes, **params):
    return WeightedCorrectionHead(**QUICK | {"epochs": 2} | params).fit(inputs, classes)


def add_confidence(inputs, make):
    """Add a feature with the confidences that `make` makes for a number of words."""
    lengths = [len(rows) for rows in inputs.frames[1].rows]
    rows = [np.asarray(make(length), np.float32).reshape(-1, 1) for length in lengths]
    return replace(inputs, frames=(*inputs.frames, Frames("asr.confidence", "text", rows)))


def draw_confident(utterances=20, seed=0, **params):
    inputs, classes = draw_product(utterances, seed, **params)
    return add_confidence(inputs, np.random.default_rng(seed).random), classes


def compute_plainly(layers, audio, text, *confidence):
    vectors = []
    for place, (frames, trust) in enumerate([(audio, None), (text, confidence[0][:, 0] if confidence else None)]):
        states = layers.lstm(f"pools.{place}.lstm", frames, both=True)
        hidden = np.tanh(layers.linear(f"pools.{place}.look", states))
        weights = softmax(layers.linear(f"pools.{place}.score", hidden)[:, 0])
        if trust is not None:
            weights = weights * trust / (weights * trust).sum() if trust.any() else 0 * weights
        vectors.append(weights @ states)
    return layers.linear("output", relu(layers.linear("dense", np.hstack(vectors))))


@pytest.mark.parametrize("confident", [False, True])
def test_it_is_the_network_of_plain_formulas(confident):
    inputs, classes = (draw_confident if confident else draw_product)(12, lengths=(1, 9))
    head = fit(inputs, classes)
    np.testing.assert_allclose(head.predict_proba(inputs), answer_utterances(head, inputs, compute_plainly), atol=1e-5)


@pytest.mark.parametrize("confident", [False, True])
def test_an_answer_does_not_depend_on_the_batch(confident):
    inputs, classes = (draw_confident if confident else draw_product)(20, lengths=(1, 15))
    check_batch_sizes(fit(inputs, classes), inputs)


def test_confidence_1_everywhere_is_the_uncorrected_network():
    inputs, classes = draw_confident()
    head = fit(inputs, classes)
    plain = keep_frames(inputs, "audio.frames", "text.frames")
    sure = add_confidence(plain, np.ones)
    uncorrected = fit(plain, classes)
    uncorrected.network_.load_state_dict(head.network_.state_dict())
    np.testing.assert_allclose(head.predict_proba(sure), uncorrected.predict_proba(plain), atol=1e-6)
    assert not np.allclose(head.predict_proba(inputs), uncorrected.predict_proba(plain), atol=1e-4)


def test_confidence_is_not_standardized():
    head = fit(*draw_confident())
    assert head.scaling_[2].mean == 0
    assert head.scaling_[2].scale == 1


def test_a_last_word_of_confidence_0_has_no_influence_but_on_the_states_before_it():
    inputs, classes = draw_confident()
    head = fit(inputs, classes)
    backward = [name for name, _ in head.network_.named_parameters() if "pools.1" in name and "reverse" in name]
    for name in backward:  # so that no state before it has read it
        head.network_.get_parameter(name).data.zero_()
    doubtful = add_confidence(keep_frames(inputs, "audio.frames", "text.frames"), lambda n: [1] * (n - 1) + [0])
    expected = head.predict_proba(doubtful)
    for rows in doubtful.frames[1].rows:
        rows[-1] += 5
    np.testing.assert_allclose(head.predict_proba(doubtful), expected, atol=1e-6)
    doubtful.frames[2].rows[0][-1] = 1
    assert not np.allclose(head.predict_proba(doubtful)[0], expected[0], atol=1e-4)


def test_confidence_0_everywhere_leaves_nothing_of_the_text():
    inputs, classes = draw_confident()
    head = fit(inputs, classes)
    silent = add_confidence(keep_frames(inputs, "audio.frames", "text.frames"), np.zeros)
    expected = head.predict_proba(silent)
    for rows in silent.frames[1].rows:
        rows += 3
    np.testing.assert_array_equal(head.predict_proba(silent), expected)
    np.testing.assert_allclose(expected, answer_utterances(head, silent, compute_plainly), atol=1e-5)


def test_what_only_both_modalities_tell_is_seen():
    params = QUICK | {
        "hidden": 16,
        "attention_size": 16,
        "dense": 16,
        "epochs": 12,
        "batch_size": 64,
        "learning_rate": 1e-2,
    }
    assert score_product(WeightedCorrectionHead(**params)) > 0.9


@pytest.mark.parametrize(
    ("confidences", "message"),
    [
        (lambda n: np.ones(n + 1), "asr.confidence has another number of frames than text.frames"),
        (lambda n: np.full(n, 1.5), "asr.confidence has values outside 0 to 1"),
        (lambda n: np.full(n, -0.5), "asr.confidence has values outside 0 to 1"),
    ],
)
def test_confidences_that_fit_no_words_are_refused(confidences, message):
    inputs, classes = draw_product(8)
    with pytest.raises(ValueError, match=message):
        fit(add_confidence(inputs, confidences), classes)


def test_confidences_without_the_words_that_they_are_of_are_refused():
    inputs, classes = draw_confident(8)
    with pytest.raises(ValueError, match="the features have no frames of text beside the confidences"):
        fit(keep_frames(inputs, "audio.frames", "asr.confidence"), classes)


def test_confidences_beside_two_features_of_text_are_refused():
    inputs, classes = draw_confident(8, widths=(("audio.frames", 3), ("text.frames", 4), ("text.words", 2)))
    message = r"confidences are one feature \(T, 1\) beside one feature of text frames, got audio.frames, text.frames,"
    with pytest.raises(ValueError, match=message):
        fit(inputs, classes)
