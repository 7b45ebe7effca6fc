import numpy as np
import pytest

from heads.dcnn_blstm_svm import DCNNBLSTMSVMHead
from heads.svm import SVMHead
from tests.support.plain_networks import PlainLayers, relu, softmax, standardize, take_last
from tests.support.utterances import check_batch_sizes, draw_product, score_product

QUICK = {"channels": (6, 5), "hidden": 4, "dense": 7, "device": "cpu", "random_state": 0, "validation_fraction": 0.0}


def fit(inputs, classes, **params):
    return DCNNBLSTMSVMHead(**QUICK | {"epochs": 2} | params).fit(inputs, classes)


def join_plainly(head, inputs, row):
    layers = PlainLayers(head)
    audio, text = standardize(head, inputs, row)
    for number in range(len(head.channels)):
        audio = relu(layers.convolve(f"convolutions.0.layers.{number}", audio))
    last = take_last(layers.lstm("lstm.0", text, both=True))
    return relu(layers.linear("dense", np.hstack([audio.mean(0), audio.max(0), last])))


def test_it_is_a_support_vector_machine_on_the_vectors_of_plain_formulas():
    inputs, classes = draw_product(40, lengths=(1, 9))
    head = fit(inputs, classes)
    vectors = np.array([join_plainly(head, inputs, row) for row in range(40)], np.float32)
    np.testing.assert_allclose(head.svm_.predict_proba(vectors), head.predict_proba(inputs), atol=1e-5)
    fitted_here = SVMHead(C=3.0, random_state=0).fit(vectors, classes)
    np.testing.assert_allclose(fitted_here.predict_proba(vectors), head.predict_proba(inputs), atol=1e-4)


def test_until_training_has_ended_the_softmax_layer_answers():
    inputs, classes = draw_product(40)
    answers = []
    head = DCNNBLSTMSVMHead(**QUICK | {"epochs": 2})
    for _ in range(2):  # the second fit does not see the first one's machine
        head.fit(inputs, classes, after_epoch=lambda one: answers.append(one.predict_proba(inputs)))
    layers = PlainLayers(head)
    softmax_layer = [softmax(layers.linear("output", join_plainly(head, inputs, row))) for row in range(40)]
    for answer in (answers[1], answers[3]):
        np.testing.assert_allclose(answer, softmax_layer, atol=1e-5)
    assert not np.allclose(head.predict_proba(inputs), softmax_layer, atol=1e-3)


def test_an_answer_does_not_depend_on_the_batch():
    inputs, classes = draw_product(30, lengths=(1, 15), widths=(("audio.a", 3), ("audio.b", 2), ("text.frames", 4)))
    check_batch_sizes(fit(inputs, classes), inputs)


def test_what_only_both_modalities_tell_is_seen():
    params = QUICK | {
        "channels": (16, 16),
        "hidden": 16,
        "dense": 16,
        "epochs": 12,
        "batch_size": 64,
        "learning_rate": 1e-2,
    }
    assert score_product(DCNNBLSTMSVMHead(**params)) > 0.9


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kernel": 4}, "kernel must be an odd number, got 4"),
        ({"channels": ()}, r"channels must be a list of widths above 0, got \(\)"),
        ({"C": 0}, "C must be a number above 0, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        fit(*draw_product(8), **params)
