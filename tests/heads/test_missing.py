"""A head that predicts rows without a modality, on data whose best rates are known."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heads import Block, Frames, Inputs, MissingModalityHead, StreamedMatrix, load_head
from tests.support.quick_heads import quick_params

BLOCKS = (Block("audio.mean", "audio", (2,)), Block("text.mean", "text", (2,)))
ALONE, BOTH, SHARED = 0.7, 0.9, 24.0  # best accuracy of a modality and of both; variance of the noise that they share
NORMAL = NormalDist()
HEADS = {
    "logistic": {},
    "mlp": {
        "batch_size": 128,
        "device": "cpu",
        "epochs": 15,
        "hidden": (32, 16),
        "learning_rate": 3e-3,
        "random_state": 0,
    },
    "svm": {"random_state": 0},
    "xgb": {"device": "cpu", "n_jobs": 1, "random_state": 0},
}


def make_means():
    """Return the class means of the two columns of a modality, so that one gives 70 % at best and both 90 %.

    The first column has noise of its own, of variance 1. The second has noise of variance 1 beside noise of variance
    24, which is added in audio and subtracted in text: both together cancel it. With classes at plus and minus the
    means and equal frequencies, the best accuracy is the normal distribution at sqrt(means @ inv(covariance) @ means).
    """
    alone, both = NORMAL.inv_cdf(ALONE) ** 2, NORMAL.inv_cdf(BOTH) ** 2 / 2
    second = (both - alone) / (1 - 1 / (SHARED + 1))
    return np.sqrt([both - second, second])


def make_covariance():
    shared = np.diag([0.0, SHARED, 0.0, SHARED])
    shared[1, 3] = shared[3, 1] = -SHARED
    return np.eye(4) + shared


def draw(count, seed):
    random = np.random.default_rng(seed)
    sign = random.integers(2, size=count) * 2 - 1
    noise = random.multivariate_normal(np.zeros(4), make_covariance(), count)
    return sign[:, None] * np.tile(make_means(), 2) + noise, np.where(sign > 0, "hap", "sad")


def lack(modality, count):
    return {modality: np.zeros(count, bool)}


@pytest.fixture(scope="module")
def data():
    return draw(3000, 0), draw(6000, 1)


def test_the_best_rates_of_the_data_are_those_that_are_stated():
    means, covariance = np.tile(make_means(), 2), make_covariance()
    for columns, rate in (([0, 1], ALONE), ([2, 3], ALONE), ([0, 1, 2, 3], BOTH)):
        part = means[columns]
        distance = part @ np.linalg.inv(covariance[np.ix_(columns, columns)]) @ part
        assert NORMAL.cdf(np.sqrt(distance)) == pytest.approx(rate)
    X, y = draw(40_000, 2)
    best = X @ np.linalg.solve(covariance, means) > 0
    assert (best == (y == "hap")).mean() == pytest.approx(BOTH, abs=0.01)


@pytest.mark.parametrize("name", HEADS)
def test_dropout_keeps_what_a_modality_alone_gives_and_a_mask_alone_loses_it(name, data):
    (X, y), (Z, truth) = data

    def measure(dropout, present):
        head = MissingModalityHead(load_head(name)(**HEADS[name]), dropout=dropout, random_state=0)
        head.fit(Inputs(X, BLOCKS), y)
        return [(head.predict(Inputs(Z, BLOCKS, present=one)) == truth).mean() for one in present]

    conditions = [{}, lack("text", len(Z)), lack("audio", len(Z))]
    masked, trained = measure(0.0, conditions), measure(0.5, conditions)
    for number in (1, 2):
        assert trained[number] >= 0.67
        assert masked[number] < 0.67
        assert masked[number] < trained[number] - 0.01
        assert masked[number] < masked[0] - 0.1
    assert trained[0] > trained[1] + 0.05
    assert trained[0] > trained[2] + 0.05


def test_it_is_the_head_on_filled_columns_and_indicators(data):
    (X, y), (Z, _) = data
    X, y, Z = X[:300], y[:300], Z[:50]
    random = np.random.default_rng(3)
    present = {"text": random.random(300) < 0.7}
    head = MissingModalityHead(load_head("logistic")()).fit(Inputs(X, BLOCKS, present=present), y)
    fill = np.concatenate([X[:, :2].mean(0), X[present["text"], 2:].mean(0)])
    filled = np.where(np.column_stack([np.ones((300, 2), bool), *[present["text"]] * 2]), X, fill)
    plain = load_head("logistic")().fit(np.column_stack([filled, np.ones(300), present["text"]]), y)
    lacking = np.column_stack([np.tile(fill[:2], (50, 1)), Z[:, 2:], np.zeros(50), np.ones(50)])
    found = head.predict_proba(Inputs(Z, BLOCKS, present=lack("audio", 50)))
    np.testing.assert_allclose(found, plain.predict_proba(lacking), atol=1e-9)
    assert head.shown_ == {"complete": present["text"].sum(), "text": 300 - present["text"].sum()}


@pytest.fixture(scope="module")
def fitted(data):
    (X, y), _ = data
    present = {name: np.random.default_rng(seed).random(400) < 0.8 for seed, name in enumerate(("text", "audio"))}
    head = MissingModalityHead(load_head("svm")(random_state=0), dropout=0.5, random_state=0)
    return head.fit(Inputs(X[:400], BLOCKS, present=present), y[:400])


@st.composite
def incomplete(draw_value):
    """Draw rows, what is present of them, and an order of some of them."""
    count = draw_value(st.integers(1, 12))
    X = draw_value(arrays(np.float64, (count, 4), elements=st.floats(-5, 5, width=32)))
    present = {name: draw_value(arrays(bool, count)) for name in ("text", "audio")}
    order = draw_value(st.lists(st.integers(0, count - 1), min_size=1, max_size=count))
    return X, present, order


@given(incomplete())
def test_an_answer_depends_on_its_own_row_alone(fitted, drawn):
    X, present, order = drawn
    together = fitted.predict_proba(Inputs(X, BLOCKS, present=present))
    chosen = Inputs(X[order], BLOCKS, present={name: rows[order] for name, rows in present.items()})
    np.testing.assert_allclose(fitted.predict_proba(chosen), together[order], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(together.sum(axis=1), 1)


@given(incomplete(), st.floats(-1e3, 1e3))
def test_placeholders_of_an_absent_modality_are_never_read(fitted, drawn, value):
    X, present, _ = drawn
    changed = X.copy()
    changed[~present["audio"], :2] = value
    changed[~present["text"], 2:] = -value
    both = [fitted.predict_proba(Inputs(one, BLOCKS, present=present)) for one in (X, changed)]
    assert np.array_equal(*both)


@given(st.integers(2, 60), st.floats(0, 1), st.integers(0, 5))
def test_dropout_takes_one_modality_of_the_stated_part_of_complete_rows(count, rate, seed):
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(count, 4)), np.resize(["hap", "sad"], count)
    present = {"text": np.arange(count) != 1}
    head = MissingModalityHead(load_head("prior")(), dropout=rate, random_state=seed)
    head.fit(Inputs(X, BLOCKS, present=present), y)
    lost = round(rate * (count - 1))
    expected = {"audio": -(-lost // 2), "complete": count - 1 - lost, "text": 1 + lost // 2}
    assert head.shown_ == {name: number for name, number in expected.items() if number}


def test_a_streamed_matrix_gives_the_answers_of_one_in_memory(data):
    (X, y), (Z, _) = data
    present = {"text": np.arange(400) % 5 != 0}

    def stream(values):
        return StreamedMatrix(lambda rows: values[rows], values.shape, values.dtype)

    found = []
    for change in (lambda values: values, stream):
        head = MissingModalityHead(load_head("mlp")(**HEADS["mlp"]), dropout=0.5, random_state=1)
        head.fit(Inputs(change(X[:400]), BLOCKS, present=present), y[:400])
        found.append(head.predict_proba(Inputs(change(Z[:40]), BLOCKS, present=lack("text", 40))))
    np.testing.assert_allclose(*found, atol=1e-9)


@pytest.mark.parametrize("name", ["logistic", "svm", "xgb", "mlp", "sklearn.naive_bayes.GaussianNB"])
def test_saved_weights_give_the_same_answers(name, data, tmp_path):
    (X, y), _ = data
    kind, params = load_head(name), quick_params(name)
    head = MissingModalityHead(kind(**params), dropout=0.5, random_state=0).fit(Inputs(X[:200], BLOCKS), y[:200])
    head.save_weights(tmp_path)
    again = MissingModalityHead(kind(**params))
    again.classes_, again.n_features_in_, again.trusted_types = head.classes_, 4, head.trusted_types
    again.load_weights(tmp_path)
    for present in ({}, lack("text", 200), lack("audio", 200)):
        inputs = Inputs(X[:200], BLOCKS, present=present)
        assert np.array_equal(again.predict_proba(inputs), head.predict_proba(inputs))
    again.n_features_in_ = 5
    with pytest.raises(ValueError, match=r"missing\.safetensors is of 4 columns, not 5"):
        again.load_weights(tmp_path)


def test_an_absent_sequence_is_one_frame_of_means():
    random = np.random.default_rng(0)
    rows = [random.normal(size=(1 + number % 3, 2)).astype(np.float32) for number in range(24)]
    frames = (Frames("audio.frames", "audio", rows), Frames("text.frames", "text", rows[::-1]))
    present = {"audio": np.arange(24) % 4 != 0}
    seen = []

    class Recorder(load_head("prior")):
        def fit(self, X, y):
            seen.append(X)
            return super().fit(X, y)

    MissingModalityHead(Recorder()).fit(Inputs(np.empty((24, 0)), (), frames, present=present), ["a", "b"] * 12)
    shown = seen[0].frames[0].rows
    expected = np.concatenate([one for number, one in enumerate(rows) if number % 4]).mean(0)
    np.testing.assert_allclose(shown[0], expected[None], rtol=1e-5)
    assert all(shown[number] is rows[number] for number in range(24) if number % 4)
    assert [block.name for block in seen[0].blocks] == ["audio.present", "text.present"]
    assert np.array_equal(seen[0].X[:, 0], present["audio"])


def test_a_modality_that_no_row_has_and_words_are_refused():
    X, y = np.zeros((4, 4)), ["a", "b"] * 2
    with pytest.raises(ValueError, match="no row of training has text: there is nothing to learn from"):
        MissingModalityHead(load_head("prior")()).fit(Inputs(X, BLOCKS, present=lack("text", 4)), y)
    with pytest.raises(ValueError, match=r"dropout must be a number of at least 0 and at most 1, got 1\.5"):
        MissingModalityHead(load_head("prior")(), dropout=1.5).fit(Inputs(X, BLOCKS), y)
    with pytest.raises(ValueError, match="TextCNNHead reads words, of which none can be masked"):
        MissingModalityHead(load_head("text-cnn")(embedding="own")).fit(Inputs(X, BLOCKS, words=("a",) * 4), y)


def test_distributions_and_epochs_reach_the_wrapped_head(data):
    (X, y), _ = data
    X, y, inputs = X[:200], y[:200], Inputs(X[:200], BLOCKS)
    soft = np.random.default_rng(0).dirichlet([1, 1], 200)
    found = MissingModalityHead(load_head("logistic")()).fit(inputs, y, distributions=soft)
    plain = load_head("logistic")().fit(np.column_stack([X, np.ones((200, 2))]), y, distributions=soft)
    np.testing.assert_allclose(
        found.predict_proba(inputs), plain.predict_proba(np.column_stack([X, np.ones((200, 2))])), atol=1e-9
    )
    with pytest.raises(ValueError, match="SVMHead learns from classes, not from distributions over them"):
        MissingModalityHead(load_head("svm")()).fit(inputs, y, distributions=soft)
    seen = []
    head = MissingModalityHead(load_head("mlp")(**HEADS["mlp"] | {"epochs": 2}))
    head.fit(inputs, y, after_epoch=lambda one: seen.append(one.predict_proba(inputs).shape))
    assert seen == [(200, 2)] * 2
    assert len(head.history_) == 2
