import numpy as np
import pytest
from scipy.special import expit

from heads.mmer import MMERHead
from tests.support.plain_networks import answer_utterances, gelu, relu
from tests.support.utterances import check_batch_sizes, draw_product, score_product

WIDTHS = (("audio.frames", 3), ("text.frames", 4), ("text.words", 2))
QUICK = {"hidden": 8, "attention_heads": 2, "device": "cpu", "random_state": 0, "validation_fraction": 0.0}


def fit(inputs, classes, **params):
    return MMERHead(**QUICK | {"epochs": 2} | params).fit(inputs, classes)


def compute_plainly(layers, audio, first, second):
    def attend(name, queries, keys):
        seen = layers.attention(f"{name}.attention", queries, keys, QUICK["attention_heads"])
        values = layers.normalize(f"{name}.inner", queries + seen)
        fed = layers.linear(f"{name}.feed.2", gelu(layers.linear(f"{name}.feed.0", values)))
        return layers.normalize(f"{name}.outer", values + fed)

    audio = layers.linear("audio.linear.0", audio)
    words = np.vstack([layers.linear("text.linear.0", first), layers.linear("text.linear.1", second)])
    words = attend("text_to_itself", words, words)
    of_audio = attend("text_to_audio", words, audio)
    of_text = attend("text_to_aware", words, attend("audio_to_text", audio, words))
    gate = expit(layers.linear("gate", np.hstack([of_text, of_audio])))
    both = layers.linear("halve", np.hstack([of_text, gate * of_audio]).max(0))
    hidden = relu(layers.linear("dense", np.hstack([audio.max(0), both])))
    return layers.linear("output", hidden)


def test_it_is_the_network_of_plain_formulas():
    inputs, classes = draw_product(12, widths=WIDTHS, lengths=(1, 9))
    head = fit(inputs, classes)
    plain = answer_utterances(head, inputs, compute_plainly)
    np.testing.assert_allclose(head.predict_proba(inputs), plain, atol=1e-5)


def test_an_answer_does_not_depend_on_the_batch():
    inputs, classes = draw_product(20, widths=WIDTHS, lengths=(1, 15))
    check_batch_sizes(fit(inputs, classes), inputs)


def test_what_only_both_modalities_tell_is_seen():
    assert (
        score_product(MMERHead(**QUICK | {"hidden": 16, "epochs": 12, "batch_size": 64, "learning_rate": 3e-3})) > 0.9
    )


def test_the_width_is_a_multiple_of_the_attention_heads():
    with pytest.raises(ValueError, match="hidden must be a multiple of attention_heads=3, got 8"):
        fit(*draw_product(8), attention_heads=3)
