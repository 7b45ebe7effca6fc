from functools import partial

import numpy as np
import pytest

from heads.text_cnn import TextCNNHead
from tests.support.plain_networks import answer_utterances, relu
from tests.support.utterances import check_batch_sizes, draw_product, keep_frames

WIDTHS = (("text.frames", 4), ("text.words", 2))
QUICK = {"epochs": 2, "device": "cpu", "random_state": 0, "validation_fraction": 0.0, "channels": (6, 5), "dense": 7}
POOLINGS = ({"pooling": "max"}, {"pooling": "flatten", "max_frames": 8})


def fit(inputs, classes, **params):
    return TextCNNHead(**QUICK | params).fit(inputs, classes)


def compute_plainly(layers, *features, length):
    vectors = []
    for place, words in enumerate(features):
        values = words[: length or None]
        for number in range(2):
            values = relu(layers.convolve(f"encoders.{place}.convolutions.layers.{number}", values))
        vectors.append(np.pad(values, ((0, length - len(values)), (0, 0))).ravel() if length else values.max(0))
    return layers.linear("output", relu(layers.linear("dense", np.hstack(vectors))))


@pytest.mark.parametrize("params", POOLINGS)
def test_it_is_the_network_of_plain_formulas(params):
    inputs, classes = draw_product(12, widths=WIDTHS, lengths=(1, 12))
    head = fit(inputs, classes, **params)
    plain = answer_utterances(head, inputs, partial(compute_plainly, length=head.max_frames))
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)


@pytest.mark.parametrize("params", POOLINGS)
def test_an_answer_does_not_depend_on_the_batch(params):
    inputs, classes = draw_product(20, widths=WIDTHS, lengths=(1, 12))
    check_batch_sizes(fit(inputs, classes, **params), inputs)


def test_the_published_sizes_are_the_defaults():
    head = TextCNNHead()
    assert (head.channels, head.kernel, head.dense) == ((256, 128, 64, 32), 3, 256)


def test_only_text_is_read():
    inputs, classes = draw_product(20)
    head = fit(inputs, classes)
    expected = head.predict_proba(inputs)
    for rows in inputs.frames[0].rows:
        rows += 1
    np.testing.assert_array_equal(head.predict_proba(inputs), expected)
    message = "the features have no frames of text, which this head reads: audio.frames"
    with pytest.raises(ValueError, match=message):
        fit(keep_frames(inputs, "audio.frames"), classes)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"pooling": "flatten"}, "pooling='flatten' needs a fixed number of frames, and max_frames is 0"),
        ({"pooling": "mean"}, "pooling must be one of 'max', 'flatten', got 'mean'"),
        ({"kernel": 2}, "kernel must be an odd number, got 2"),
        ({"channels": ()}, r"channels must be a list of widths above 0, got \(\)"),
        ({"embedding": "glove"}, "embedding must be one of 'frozen', 'own', got 'glove'"),
    ],
)
def test_settings_out_of_range_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        fit(*draw_product(8), **params)
