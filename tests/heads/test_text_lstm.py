import numpy as np
import pytest

from heads.text_lstm import TextLSTMHead
from tests.support.plain_networks import answer_utterances, relu
from tests.support.utterances import check_batch_sizes, draw_product

WIDTHS = (("text.frames", 4), ("text.words", 2))
QUICK = {"epochs": 2, "device": "cpu", "random_state": 0, "validation_fraction": 0.0, "hidden": (6, 5), "dense": 7}


def fit(inputs, classes, **params):
    return TextLSTMHead(**QUICK | params).fit(inputs, classes)


def compute_plainly(layers, *features):
    vectors = []
    for place, values in enumerate(features):
        for number in range(2):
            values = layers.lstm(f"encoders.{place}.lstm.{number}", values)
        vectors.append(values[-1])
    return layers.linear("output", relu(layers.linear("dense", np.hstack(vectors))))


def test_it_is_the_network_of_plain_formulas():
    inputs, classes = draw_product(12, widths=WIDTHS, lengths=(1, 12))
    head = fit(inputs, classes)
    plain = answer_utterances(head, inputs, compute_plainly)
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)


def test_an_answer_does_not_depend_on_the_batch():
    inputs, classes = draw_product(20, widths=WIDTHS, lengths=(1, 12))
    check_batch_sizes(fit(inputs, classes), inputs)


def test_the_published_sizes_are_the_defaults():
    head = TextLSTMHead()
    assert (head.hidden, head.dense, head.embedding_size) == ((256, 256), 512, 128)


def test_the_order_of_words_tells():
    rng = np.random.default_rng(0)
    inputs, _ = draw_product(300, widths=(("text.frames", 3),), lengths=(4, 8))
    first = rng.choice([-1, 1], 300)
    for rows, sign in zip(inputs.frames[0].rows, first, strict=True):
        rows[:] = 0.3 * rng.normal(size=rows.shape)
        rows[0, 0], rows[-1, 0] = sign, -sign  # the same words in another order
    classes = np.where(first > 0, "rises", "falls")
    head = fit(inputs.select(range(200)), classes[:200], hidden=(16,), epochs=15, learning_rate=1e-2)
    assert head.score(inputs.select(range(200, 300)), classes[200:]) > 0.9


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"hidden must be a list of widths above 0, got \(8, 0\)"):
        fit(*draw_product(8), hidden=(8, 0))
