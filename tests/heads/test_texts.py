"""The own embedding of heads that read text."""

import json

import numpy as np
import pytest
from sklearn.base import clone

from heads import Block, Inputs
from heads.text_cnn import TextCNNHead
from heads.text_lstm import TextLSTMHead
from tests.support.plain_networks import PlainLayers, relu, softmax
from tests.support.utterances import check_batch_sizes, draw_product

QUICK = {"device": "cpu", "random_state": 0, "validation_fraction": 0.0, "embedding": "own", "embedding_size": 5}
HEADS = (
    TextCNNHead(**QUICK, channels=(6,), dense=7, epochs=2),
    TextCNNHead(**QUICK, channels=(6,), dense=7, epochs=2, pooling="flatten", max_frames=3),
    TextLSTMHead(**QUICK, hidden=(6,), dense=7, epochs=2),
)
WORDS = {"glad": ["Lovely", "great", "yes"], "sad": ["gone", "never", "tears"], "": ["the", "it", "was", "a"]}


def make_inputs(words):
    return Inputs(np.empty((len(words), 0)), (), words=tuple(words))


def write(utterances=120, seed=0):
    """Write transcripts of one to six words, one of which tells the class."""
    rng = np.random.default_rng(seed)
    classes = rng.choice(["glad", "sad"], utterances)
    texts = []
    for name in classes:
        words = [*rng.choice(WORDS[""], rng.integers(6)), rng.choice(WORDS[name])]
        texts.append(" ".join(rng.permutation(words)) + ".")
    return make_inputs(texts), classes


@pytest.mark.parametrize("head", HEADS)
def test_it_learns_from_transcripts_and_does_not_depend_on_the_batch(head):
    inputs, classes = write()
    params = {"epochs": 20, "learning_rate": 1e-2, "max_frames": 2 * head.max_frames}
    head = clone(head).set_params(**params).fit(inputs, classes)
    test, expected = write(seed=1)
    assert head.score(test, expected) > 0.9
    check_batch_sizes(head, make_inputs(test.words[:20]))


@pytest.mark.parametrize("head", HEADS)
def test_a_word_that_training_did_not_have_is_an_unknown_one_and_an_empty_transcript_too(head):
    head = clone(head).fit(*write())
    test = make_inputs(["it was zebra", "it was quagga", "it was GREAT!", "", "[...]", "zebra"])
    zebra, quagga, great, empty, marks, alone = head.predict_proba(test)
    np.testing.assert_allclose(zebra, quagga, atol=1e-6)
    assert not np.allclose(zebra, great, atol=1e-4)
    np.testing.assert_allclose([marks, alone], [empty, empty], atol=1e-6)


@pytest.mark.parametrize("head", HEADS)
def test_the_vocabulary_is_of_the_targets_given_to_fit_and_travels_with_the_weights(head, tmp_path):
    texts = ["b b a", "a c", "Secret secret", "It's it's"]
    inputs = Inputs(np.empty((4, 0)), (), words=tuple(texts), targets=np.array([0, 1, 3]))
    head = clone(head).fit(inputs, ["glad", "sad", "sad"])
    assert head.vocabulary_.words == ("a", "b", "it's")  # c stands once, secret in no target
    head.save_weights(tmp_path)
    assert json.loads((tmp_path / "vocabulary.json").read_text("utf-8")) == ["a", "b", "it's"]
    loaded = clone(head)
    loaded.classes_, loaded.n_features_in_ = head.classes_, 0
    loaded.load_weights(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(inputs), head.predict_proba(inputs))
    (tmp_path / "vocabulary.json").write_text('{"a": 1}', "utf-8")
    with pytest.raises(ValueError, match="vocabulary.json does not hold a list of words"):
        loaded.load_weights(tmp_path)


def test_each_word_is_a_row_of_the_embedding():
    inputs, classes = write(20)
    head = TextLSTMHead(**QUICK, hidden=(6,), dense=7, epochs=2, min_count=1).fit(inputs, classes)
    layers, known = PlainLayers(head), ["", *head.vocabulary_.words]
    for text, answer in zip(inputs.words, head.predict_proba(inputs), strict=True):
        words = text.lower().rstrip(".").split()
        frames = layers.weights["table.weight"][[known.index(word) for word in words]]
        last = layers.lstm("encoders.0.lstm.0", frames)[-1]
        plain = softmax(layers.linear("output", relu(layers.linear("dense", last))))
        np.testing.assert_allclose(answer, plain, atol=1e-5)


def test_it_takes_words_or_frames_by_its_setting():
    assert sorted(TextCNNHead.TAKES) == ["frames", "words"]
    assert TextCNNHead().takes == {"frames"}
    assert TextCNNHead(embedding="own").takes == {"words"}
    assert TextCNNHead().list_modalities() == ("text",)
    assert TextCNNHead(embedding="own").list_modalities() == ()


@pytest.mark.parametrize("X", [np.ones((4, 2)), draw_product(4)[0], Inputs(np.ones((4, 2)), (Block("X", "", (2,)),))])
def test_without_transcripts_an_own_embedding_is_refused(X):
    message = "TextCNNHead with embedding='own' reads transcripts, and the inputs have none"
    with pytest.raises(ValueError, match=message):
        TextCNNHead(**QUICK).fit(X, ["glad", "sad"] * 2)


def test_frames_beside_the_words_are_not_read():
    inputs, classes = write(12)
    frames, _ = draw_product(12)
    both = Inputs(inputs.X, (), frames.frames, words=inputs.words)
    head = TextLSTMHead(**QUICK, hidden=(6,), dense=7, epochs=2)
    expected = head.fit(inputs, classes).predict_proba(inputs)
    np.testing.assert_array_equal(head.fit(both, classes).predict_proba(both), expected)
