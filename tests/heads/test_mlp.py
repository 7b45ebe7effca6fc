import numpy as np
import pytest
import torch
from torch import nn

from heads import StreamedMatrix, draw_seed
from heads.mlp import MLPHead

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 7)).astype(np.float32)
Y = np.array(["angry", "happy", "sad"])[RNG.integers(0, 3, 100)]


def plain_adamw(parameters, gradients, state, *, rate, step, decay=0.01, betas=(0.9, 0.999), eps=1e-8):
    """Compute AdamW steps as Petec and Popoviciu write them, section III-F b."""
    for number, (theta, g) in enumerate(zip(parameters, gradients, strict=True)):
        m, v = state.setdefault(number, (np.zeros_like(theta), np.zeros_like(theta)))
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        state[number] = m, v
        m_hat, v_hat = m / (1 - betas[0] ** step), v / (1 - betas[1] ** step)
        theta[:] = theta - rate * m_hat / (np.sqrt(v_hat) + eps) - rate * decay * theta


def plain_gradients(parameters, inputs, targets):
    """Compute the loss and gradients of one hidden ReLU layer with cross entropy."""
    w1, b1, w2, b2 = parameters
    hidden = np.maximum(inputs @ w1.T + b1, 0)
    logits = hidden @ w2.T + b2
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(p)), targets]).mean()
    error = (p - np.eye(p.shape[1])[targets]) / len(p)
    back = (error @ w2) * (hidden > 0)
    return loss, [back.T @ inputs, back.sum(0), error.T @ hidden, error.sum(0)]


def clip_norm(gradients, norm):
    total = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * min(1.0, norm / (total + 1e-6)) for g in gradients]


def test_training_follows_the_equations():
    settings = {"hidden": (5,), "epochs": 4, "batch_size": 32, "learning_rate": 0.02, "max_grad_norm": 0.3}
    head = MLPHead(**settings, random_state=0, device="cpu").fit(X, Y)
    generator = torch.Generator().manual_seed(draw_seed(0))
    shapes = [(5, 7), (5,), (3, 5), (3,)]
    drawn = [nn.init.uniform_(torch.empty(s), -f, f, generator=generator) for s, f in zip(shapes, FAN, strict=True)]
    parameters = [tensor.double().numpy() for tensor in drawn]
    inputs, targets = (X - X.mean(0)) / X.std(0), np.searchsorted(head.classes_, Y)
    state, losses, batches, step, steps = {}, [], [], 0, 4 * 4  # 100 rows are 4 batches
    for _ in range(4):
        order, total = torch.randperm(100, generator=generator).numpy(), 0.0
        for rows in np.split(order, [32, 64, 96]):
            loss, gradients = plain_gradients(parameters, inputs[rows], targets[rows])
            rate = 0.02 * (1 - step / steps)  # linear decay, no warm-up
            step += 1
            plain_adamw(parameters, clip_norm(gradients, 0.3), state, rate=rate, step=step)
            total += loss * len(rows)
            batches.append(loss)
        losses.append(total / 100)
    assert head.steps_[:, 0].tolist() == pytest.approx(batches, rel=1e-4)
    assert [entry["loss"] for entry in head.history_] == pytest.approx(losses, rel=1e-4)
    for ours, theirs in zip(head.network_.parameters(), parameters, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs, atol=1e-4)


FAN = (7**-0.5, 7**-0.5, 5**-0.5, 5**-0.5)


def test_the_default_network_has_four_layers():
    head = MLPHead(epochs=1, random_state=0).fit(X, Y)
    layers = [layer for layer in head.network_ if isinstance(layer, nn.Linear)]
    assert [layer.weight.shape for layer in layers] == [(512, 7), (128, 512), (32, 128), (3, 32)]
    assert [type(layer) for layer in head.network_][1::2] == [nn.ReLU] * 3


def xor(rows=400):
    points = np.random.default_rng(1).normal(size=(rows, 2))
    return points, np.where(points[:, 0] * points[:, 1] > 0, "same", "other")


def test_relu_learns_xor_and_identity_cannot():
    points, truth = xor()
    assert MLPHead(random_state=0).fit(points, truth).score(points, truth) > 0.95
    assert MLPHead(activation="identity", random_state=0).fit(points, truth).score(points, truth) < 0.7


def test_identity_is_one_linear_map():
    head = MLPHead(activation="identity", epochs=1, random_state=0).fit(X, Y)
    with torch.inference_mode():
        one, two, both, none = (
            head.network_(torch.tensor(rows)) for rows in (X[:1], X[1:2], X[:1] + X[1:2], 0 * X[:1])
        )
    np.testing.assert_allclose(both - none, (one - none) + (two - none), atol=1e-6)


def test_history_has_a_falling_loss_and_the_decayed_rate():
    head = MLPHead(epochs=5, random_state=0).fit(X, Y)
    assert [entry["epoch"] for entry in head.history_] == [1, 2, 3, 4, 5]
    assert head.history_[-1]["loss"] < head.history_[0]["loss"]
    rates = [entry["learning_rate"] for entry in head.history_]
    assert rates == pytest.approx([8e-4, 6e-4, 4e-4, 2e-4, 0.0])


def test_columns_of_different_scales_are_standardized():
    scaled = X * np.logspace(-4, 4, 7, dtype=np.float32) + 100
    head = MLPHead(epochs=2, random_state=0)
    plain = head.fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(head.fit(scaled.astype(np.float64), Y).predict_proba(scaled), plain, atol=0.05)


def test_standardize_false_leaves_the_columns():
    head = MLPHead(epochs=1, standardize=False).fit(X, Y)
    assert (head.mean_ == 0).all()
    assert (head.scale_ == 1).all()


def test_a_memory_map_is_learned_from_as_is(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    first, second = (MLPHead(epochs=2, random_state=0).fit(rows, Y) for rows in (X, mapped))
    assert np.array_equal(first.predict_proba(X), second.predict_proba(mapped))


def test_history_is_the_mean_over_the_rows_of_an_epoch():
    head = MLPHead(epochs=2, random_state=0).fit(X, Y)
    assert head.steps_.shape == (8, 2)
    expected = np.average(head.steps_[4:], axis=0, weights=[32, 32, 32, 4])
    assert [head.history_[1]["loss"], head.history_[1]["accuracy"]] == pytest.approx(expected.tolist())


def test_chunks_change_nothing(monkeypatch):
    whole = MLPHead(epochs=2, random_state=0).fit(X, Y).predict_proba(X)
    monkeypatch.setattr("heads.mlp._CHUNK", 70)  # ten rows
    np.testing.assert_allclose(MLPHead(epochs=2, random_state=0).fit(X, Y).predict_proba(X), whole, atol=1e-4)


def test_the_global_generator_and_threads_are_left_alone():
    torch.manual_seed(5)
    expected, threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(5)
    MLPHead(epochs=1, random_state=0).fit(X, Y)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_weights_of_another_network_raise(tmp_path):
    MLPHead(epochs=1, random_state=0).fit(X, Y).save_weights(tmp_path)
    other = MLPHead(hidden=[8])
    other.classes_, other.n_features_in_ = np.unique(Y), 7
    with pytest.raises(ValueError, match=r"mlp\.safetensors is not of a network \[7, 8, 3\]"):
        other.load_weights(tmp_path)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"activation": "tanh"}, "activation must be one of 'relu', 'identity', got 'tanh'"),
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"learning_rate": "fast"}, "learning_rate must be a number above 0, got 'fast'"),
        ({"weight_decay": -1}, "weight_decay must be a number of at least 0, got -1"),
        ({"hidden": 512}, "hidden must be a list of widths above 0, got 512"),
        ({"hidden": [64, 0]}, r"hidden must be a list of widths above 0, got \[64, 0\]"),
        ({"device": "moon"}, "device must be 'auto' or a torch device such as 'cpu', got 'moon'"),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used here: choose 'auto' or 'cpu' \\(.+"),
    ],
)
def test_parameters_out_of_range_raise(params, message):
    with pytest.raises(ValueError, match=message):
        MLPHead(**params).fit(X, Y)


def test_one_step_of_the_training_can_be_replaced():
    class Smooth(MLPHead):
        def loss(self, outputs, targets):
            return nn.functional.cross_entropy(outputs, targets, label_smoothing=0.5)

    smooth, plain = (kind(epochs=1, random_state=0).fit(X, Y) for kind in (Smooth, MLPHead))
    assert not np.array_equal(smooth.predict_proba(X), plain.predict_proba(X))


def test_a_bundle_of_an_earlier_version_sets_removed_parameters():
    assert MLPHead.from_params({"epochs": 3, "extra_outputs": 0, "double_softmax": False}).epochs == 3
    with pytest.raises(ValueError, match="this version has no parameter extra_outputs, and the bundle sets extra_outp"):
        MLPHead.from_params({"extra_outputs": 1})


def test_streamed_it_is_the_same_network(monkeypatch):
    monkeypatch.setattr("heads._streamed._WINDOW", 7 * 50)
    streamed = StreamedMatrix(lambda rows: X[rows], X.shape)
    first, second = (MLPHead(epochs=3, device="cpu", random_state=0).fit(one, Y) for one in (X, streamed))
    assert np.array_equal(first.steps_, second.steps_)
    assert np.array_equal(first.predict_proba(X), second.predict_proba(streamed))
    assert np.array_equal(first.mean_, second.mean_)
