"""Compute layers of networks in plain numpy, one sequence at a time, from a network's weights."""

import numpy as np


def read_weights(network):
    """Return a network's weights as float64 arrays by name."""
    return {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def linear(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0)


def layer_norm(weights, name, x):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def recur(weights, name, x, step, layers=1, causal=False):
    """Compute the states of a recurrent network turn by turn (T, H), in both directions unless it is causal.

    Args:
        weights: by name.
        name: of the network in them.
        x: (T, D).
        step: makes the next (state, cell) of the gates' parts of the input and of the state, the state and the cell.
        layers: number of them.
        causal: forward only.
    """
    for layer in range(layers):
        directions = []
        for suffix in ("",) if causal else ("", "_reverse"):
            inner, own = (weights[f"{name}.weight_{kind}_l{layer}{suffix}"] for kind in ("ih", "hh"))
            inner_bias, own_bias = (weights[f"{name}.bias_{kind}_l{layer}{suffix}"] for kind in ("ih", "hh"))
            state = cell = np.zeros(own.shape[1])
            states = []
            for turn in x[::-1] if suffix else x:
                state, cell = step(inner @ turn + inner_bias, own @ state + own_bias, state, cell)
                states.append(state)
            directions.append(np.array(states[::-1] if suffix else states))
        x = np.hstack(directions)
    return x


def step_lstm(inner, own, state, cell):
    enter, forget, new, leave = np.split(inner + own, 4)
    cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
    return sigmoid(leave) * np.tanh(cell), cell


def step_gru(inner, own, state, cell):
    reset, update, _ = np.split(inner + own, 3)
    new = np.tanh(np.split(inner, 3)[2] + sigmoid(reset) * np.split(own, 3)[2])
    return (1 - sigmoid(update)) * new + sigmoid(update) * state, cell


def attend(query, keys, values):
    """Compute what one query takes from some values."""
    return softmax(keys @ query / np.sqrt(len(query))) @ values


def encode(weights, name, x, heads, causal):
    """Compute a transformer layer turn by turn (T, D)."""
    joint = x @ weights[f"{name}.self_attn.in_proj_weight"].T + weights[f"{name}.self_attn.in_proj_bias"]
    attended = np.empty_like(x)
    for turn in range(len(x)):
        seen = slice(0, turn + 1 if causal else len(x))
        parts = [np.split(part, heads, axis=1) for part in np.split(joint, 3, axis=1)]
        attended[turn] = np.concatenate([attend(q[turn], k[seen], v[seen]) for q, k, v in zip(*parts, strict=True)])
    x = layer_norm(weights, f"{name}.norm1", x + linear(weights, f"{name}.self_attn.out_proj", attended))
    inner = relu(linear(weights, f"{name}.linear1", x))
    return layer_norm(weights, f"{name}.norm2", x + linear(weights, f"{name}.linear2", inner))
