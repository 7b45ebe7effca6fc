from functools import partial

import numpy as np
import pytest

from heads.mdre import MDREHead
from tests.support.plain_networks import answer_utterances, attend, relu
from tests.support.utterances import check_batch_sizes, draw_product, keep_frames, score_product

WIDTHS = (("audio.frames", 3), ("text.frames", 4), ("text.words", 2))
VARIANTS = ("are", "tre", "mdre", "mdrea")
QUICK = {"epochs": 2, "device": "cpu", "random_state": 0, "validation_fraction": 0.0}


def fit(inputs, classes, **params):
    return MDREHead(**QUICK | {"hidden": 5, "dense": 6} | params).fit(inputs, classes)


def compute_plainly(layers, block, audio, first, second, *, variant, dense):
    heard = layers.gru("sides.audio.gru.0", audio) if variant != "tre" else None
    if variant != "are":
        words = [layers.gru(f"sides.text.gru.{number}", text) for number, text in enumerate((first, second))]
    if variant == "are":
        joined = np.hstack([heard[-1], block])
    elif variant == "tre":
        joined = np.hstack([states[-1] for states in words])
    elif variant == "mdre":
        joined = np.hstack([heard[-1], block, *(states[-1] for states in words)])
    else:
        query = layers.linear("query", np.hstack([heard[-1], block]))
        states = np.vstack(words)
        joined = np.hstack([attend(query, states), query])
    if dense:
        joined = relu(layers.linear("dense", joined))
    return layers.linear("output", joined)


@pytest.mark.parametrize("dense", [0, 6])
@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_the_network_of_plain_formulas(variant, dense):
    inputs, classes = draw_product(12, widths=WIDTHS, block=2)
    head = fit(inputs, classes, variant=variant, dense=dense)
    plain = answer_utterances(head, inputs, partial(compute_plainly, variant=variant, dense=dense))
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_answer_does_not_depend_on_the_batch(variant):
    inputs, classes = draw_product(20, widths=WIDTHS, lengths=(1, 15), block=2)
    check_batch_sizes(fit(inputs, classes, variant=variant), inputs)


@pytest.mark.parametrize(
    ("variant", "low", "high"), [("mdre", 0.9, 1), ("mdrea", 0.9, 1), ("are", 0.4, 0.6), ("tre", 0.4, 0.6)]
)
def test_what_only_both_modalities_tell_is_seen_by_the_variants_that_join_them(variant, low, high):
    head = MDREHead(
        **QUICK | {"hidden": 16, "dense": 16, "epochs": 12, "batch_size": 64, "learning_rate": 1e-2, "variant": variant}
    )
    assert low < score_product(head) <= high


def test_without_the_layer_of_our_own_the_scores_are_a_sum_and_cannot_tell():
    head = MDREHead(**QUICK | {"hidden": 16, "dense": 0, "epochs": 12, "batch_size": 64, "learning_rate": 1e-2})
    assert score_product(head) < 0.65


def test_the_published_numbers_of_frames_are_read():
    head = MDREHead()
    assert (head.max_frames, head.max_tokens, head.hidden) == (750, 128, 200)
    inputs, classes = draw_product(8, lengths=(6, 9))
    head = fit(inputs, classes, max_frames=5, max_tokens=3)
    frames = [[rows[:count] for rows in one.rows] for one, count in zip(inputs.frames, (5, 3), strict=True)]
    for one, kept in zip(inputs.frames, frames, strict=True):
        expected = head.predict_proba(inputs)
        one.rows[:] = kept
        np.testing.assert_array_equal(head.predict_proba(inputs), expected)
    inputs.frames[1].rows[:] = [rows[:2] for rows in frames[1]]
    assert not np.allclose(head.predict_proba(inputs), expected)


@pytest.mark.parametrize(
    ("variant", "modalities"),
    [("are", ("audio",)), ("tre", ("text",)), ("mdre", ("audio", "text")), ("mdrea", ("audio", "text"))],
)
def test_a_variant_reads_its_modalities_and_says_which(variant, modalities):
    assert MDREHead(variant=variant).list_modalities() == modalities
    inputs, classes = draw_product(8)
    for missing in modalities:
        other = "text" if missing == "audio" else "audio"
        message = f"the features have no frames of {missing}, which this head reads: {other}.frames"
        with pytest.raises(ValueError, match=message):
            fit(keep_frames(inputs, f"{other}.frames"), classes, variant=variant)


def test_an_unknown_variant_is_refused():
    inputs, classes = draw_product(8)
    with pytest.raises(ValueError, match="variant must be one of 'are', 'tre', 'mdre', 'mdrea', got 'rnn'"):
        fit(inputs, classes, variant="rnn")
