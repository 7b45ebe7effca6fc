"""Compute layers of networks by plain formulas in float64, one sequence at a time: what heads are checked against."""

import numpy as np
from scipy.special import erf, expit


class PlainLayers:
    """The layers of a fitted head's network by name, for one sequence (T, D) or one vector (D,) at a time."""

    def __init__(self, head):
        self.weights = {name: tensor.double().numpy() for name, tensor in head.network_.state_dict().items()}

    def linear(self, name, values):
        return values @ self.weights[f"{name}.weight"].T + self.weights.get(f"{name}.bias", 0)

    def normalize(self, name, values):
        """Layer normalization."""
        centred = values - values.mean(1, keepdims=True)
        scaled = centred / np.sqrt(values.var(1, keepdims=True) + 1e-5)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def convolve(self, name, values):
        """Convolve with zeros on both sides."""
        kernel = self.weights[f"{name}.weight"]  # (after, before, K)
        half = kernel.shape[2] // 2
        padded = np.pad(values, ((half, half), (0, 0)))
        return np.array(
            [
                [(weight.T * padded[time : time + len(weight.T)]).sum() for weight in kernel]
                + self.weights[f"{name}.bias"]
                for time in range(len(values))
            ]
        )

    def gru(self, name, values):
        """Return the states (T, H)."""
        state, states = np.zeros(self.weights[f"{name}.weight_hh_l0"].shape[1]), []
        for frame in values:
            of_input, of_state = (np.split(part, 3) for part in self._gates(name, "", frame, state))
            reset, update = (expit(of_input[gate] + of_state[gate]) for gate in (0, 1))
            new = np.tanh(of_input[2] + reset * of_state[2])
            state = (1 - update) * new + update * state
            states.append(state)
        return np.array(states)

    def lstm(self, name, values, suffix=""):
        """Return the states (T, H)."""
        state = cell = np.zeros(self.weights[f"{name}.weight_hh_l0{suffix}"].shape[1])
        states = []
        for frame in values:
            enter, forget, new, leave = np.split(sum(self._gates(name, suffix, frame, state)), 4)
            cell = expit(forget) * cell + expit(enter) * np.tanh(new)
            state = expit(leave) * np.tanh(cell)
            states.append(state)
        return np.array(states)

    def blstm(self, name, values):
        """Return the states of both directions (T, 2 H), and the last one of each (2 H)."""
        forward, backward = self.lstm(name, values), self.lstm(name, values[::-1], "_reverse")
        return np.hstack([forward, backward[::-1]]), np.hstack([forward[-1], backward[-1]])

    def attention(self, name, queries, keys, heads):
        """Attend from queries (T, H) to keys (S, H), head by head."""
        packed, bias = (self.weights[f"{name}.in_proj_{part}"] for part in ("weight", "bias"))
        q, k, v = (
            values @ weight.T + one
            for values, weight, one in zip((queries, keys, keys), np.split(packed, 3), np.split(bias, 3), strict=True)
        )
        parts = []
        for one_q, one_k, one_v in zip(*(np.split(part, heads, axis=1) for part in (q, k, v)), strict=True):
            parts.append(softmax(one_q @ one_k.T / np.sqrt(one_q.shape[1])) @ one_v)
        return self.linear(f"{name}.out_proj", np.hstack(parts))

    def _gates(self, name, suffix, frame, state):
        return tuple(
            self.weights[f"{name}.weight_{part}_l0{suffix}"] @ vector + self.weights[f"{name}.bias_{part}_l0{suffix}"]
            for part, vector in (("ih", frame), ("hh", state))
        )


def softmax(scores):
    """Return exponentials divided by their sum over the last axis."""
    powers = np.exp(scores)
    return powers / powers.sum(-1, keepdims=True)


def relu(values):
    return np.maximum(values, 0)


def gelu(values):
    return values * (1 + erf(values / np.sqrt(2))) / 2
