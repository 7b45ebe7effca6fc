"""Compute networks by plain formulas in float64, one utterance or one dialogue at a time, to check heads against."""

import numpy as np
from scipy.special import erf, expit, softmax


class PlainLayers:
    """The layers of a fitted head's network by name, for one sequence (T, D) or one vector (D,) at a time."""

    def __init__(self, head):
        self.weights = {name: tensor.double().numpy() for name, tensor in head.network_.state_dict().items()}

    def linear(self, name, values):
        return values @ self.weights[f"{name}.weight"].T + self.weights.get(f"{name}.bias", 0)

    def normalize(self, name, values):
        """Layer normalization."""
        centred = values - values.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(values.var(axis=-1, keepdims=True) + 1e-5)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def convolve(self, name, values):
        """Convolve (T, D) over time with zeros on both sides."""
        kernel = self.weights[f"{name}.weight"]  # (after, before, K)
        half = kernel.shape[2] // 2
        padded = np.pad(values, ((half, half), (0, 0)))
        seen = [padded[time : time + kernel.shape[2]] for time in range(len(values))]
        return np.array([[(one.T * part).sum() for one in kernel] for part in seen]) + self.weights[f"{name}.bias"]

    def lstm(self, name, values, *, layers=1, both=False):
        """Return the states (T, H), those of both directions side by side."""
        return self._recur(name, values, step_lstm, layers, both)

    def gru(self, name, values, *, layers=1, both=False):
        """Return the states (T, H), those of both directions side by side."""
        return self._recur(name, values, step_gru, layers, both)

    def step_lstm(self, name, vector, state, cell):
        """Return the next state and cell of `torch.nn.LSTMCell`."""
        return step_lstm(*self._gates(name, "", vector, state), state, cell)

    def attention(self, name, queries, keys, heads, *, causal=False):
        """Attend from queries (T, H) to keys (S, H), head by head."""
        packed, bias = (self.weights[f"{name}.in_proj_{part}"] for part in ("weight", "bias"))
        q, k, v = (
            np.split(values @ weight.T + one, heads, axis=1)
            for values, weight, one in zip((queries, keys, keys), np.split(packed, 3), np.split(bias, 3), strict=True)
        )
        parts = [attend_to_all(*one, causal=causal) for one in zip(q, k, v, strict=True)]
        return self.linear(f"{name}.out_proj", np.hstack(parts))

    def encode(self, name, values, heads, *, causal=False):
        """Pass (T, D) through a layer of `torch.nn.TransformerEncoder`."""
        attended = self.attention(f"{name}.self_attn", values, values, heads, causal=causal)
        values = self.normalize(f"{name}.norm1", values + attended)
        inner = relu(self.linear(f"{name}.linear1", values))
        return self.normalize(f"{name}.norm2", values + self.linear(f"{name}.linear2", inner))

    def _recur(self, name, values, step, layers, both):
        for layer in range(layers):
            directions = []
            for suffix in ("", "_reverse") if both else ("",):
                state = cell = np.zeros(self.weights[f"{name}.weight_hh_l{layer}{suffix}"].shape[1])
                states = []
                for vector in values[::-1] if suffix else values:
                    gates = self._gates(name, f"_l{layer}{suffix}", vector, state)
                    state, cell = step(*gates, state, cell)
                    states.append(state)
                directions.append(np.array(states[::-1] if suffix else states))
            values = np.hstack(directions)
        return values

    def _gates(self, name, suffix, vector, state):
        """Compute what the gates read of the input and of the state."""
        return tuple(
            self.weights[f"{name}.weight_{part}{suffix}"] @ read + self.weights[f"{name}.bias_{part}{suffix}"]
            for part, read in (("ih", vector), ("hh", state))
        )


def step_lstm(of_input, of_state, state, cell):
    """Return the next state and cell (Hochreiter and Schmidhuber 1997, with forget gates, ordered as torch's)."""
    enter, forget, new, leave = np.split(of_input + of_state, 4)
    cell = expit(forget) * cell + expit(enter) * np.tanh(new)
    return expit(leave) * np.tanh(cell), cell


def step_gru(of_input, of_state, state, cell=None):
    """Return the next state (Cho et al. 2014, gates ordered as torch's), and the cell that a GRU does not have."""
    (reset, keep, new), (own_reset, own_keep, own_new) = np.split(of_input, 3), np.split(of_state, 3)
    keep = expit(keep + own_keep)
    return (1 - keep) * np.tanh(new + expit(reset + own_reset) * own_new) + keep * state, cell


def take_last(states):
    """Return the last state of both directions (H,): the backward one has read the first step last."""
    half = states.shape[1] // 2
    return np.hstack([states[-1, :half], states[0, half:]])


def attend(query, states):
    """Return the mean of states (T, H), weighted by the softmax of their products with a query (H,)."""
    return softmax(np.asarray(states) @ query) @ states


def attend_to_all(queries, keys, values, *, causal=False):
    """Return scaled dot-product attention (T, H) (Vaswani et al. 2017), `causal` to earlier keys and the same place."""
    scores = queries @ keys.T / np.sqrt(queries.shape[1])
    if causal:
        scores[np.triu_indices(len(scores), 1)] = -np.inf
    return softmax(scores, axis=1) @ values


def relu(values):
    return np.maximum(values, 0)


def gelu(values):
    return values * (1 + erf(values / np.sqrt(2))) / 2


def standardize(head, inputs, row):
    """Return each block and the frames of each feature of a row, standardized as the head measured it."""
    values = [inputs.read_block(block)[row].ravel() for block in inputs.blocks] + [
        one.rows[row] for one in inputs.frames
    ]
    return [
        (value.astype(np.float64) - scaling.mean) / scaling.scale
        for value, scaling in zip(values, head.scaling_, strict=True)
    ]


def answer_utterances(head, inputs, network):
    """Compute probabilities (N, C) by a function of layers and of a row's standardized features: outputs (C,)."""
    layers = PlainLayers(head)
    outputs = [network(layers, *standardize(head, inputs, row)) for row in inputs.targets]
    return softmax(outputs, axis=1)


def answer_dialogues(head, inputs, network):
    """Compute probabilities (N, C) by a function of layers and of a dialogue: outputs (T, C).

    Args:
        head: fitted.
        inputs: with dialogues.
        network: takes layers, the standardized blocks (T, width) of a dialogue and its speakers (T,).
    """
    layers, outputs = PlainLayers(head), np.empty((len(inputs.X), len(head.classes_)))
    for name in np.unique(inputs.turns.dialogue):
        rows = np.flatnonzero(inputs.turns.dialogue == name)
        rows = rows[np.argsort(inputs.turns.position[rows])]
        blocks = [np.array(values) for values in zip(*(standardize(head, inputs, row) for row in rows), strict=True)]
        outputs[rows] = network(layers, blocks, inputs.turns.speaker[rows].tolist())
    return softmax(outputs, axis=1)[inputs.targets]
