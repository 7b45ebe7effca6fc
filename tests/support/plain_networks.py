"""Networks as their formulas say, one sequence and one step at a time, in float64 and without torch."""

import numpy as np


def read_weights(head):
    """Return the weights of a fitted head's network as float64 arrays."""
    return {name: tensor.double().numpy() for name, tensor in head.network_.state_dict().items()}


def split_dialogues(head, inputs):
    """Yield the rows of each dialogue in order, their standardized vectors (T, D) and their speakers."""
    vectors = np.hstack(
        [
            (inputs.read_block(block).astype(np.float64) - scaling.mean) / scaling.scale
            for block, scaling in zip(inputs.blocks, head.scaling_, strict=True)
        ]
    )
    for name in sorted(set(inputs.turns.dialogue)):
        rows = np.flatnonzero(inputs.turns.dialogue == name)
        rows = rows[np.argsort(inputs.turns.position[rows])]
        yield rows, vectors[rows], inputs.turns.speaker[rows].tolist()


def predict(head, inputs, network, **settings):
    """Compute probabilities by a function that maps weights, vectors (T, D) and speakers to outputs (T, C)."""
    probabilities = np.empty((len(inputs.X), len(head.classes_)))
    weights = read_weights(head)
    for rows, vectors, speakers in split_dialogues(head, inputs):
        probabilities[rows] = [softmax(outputs) for outputs in network(weights, vectors, speakers, **settings)]
    return probabilities[inputs.targets]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    exponentials = np.exp(x - x.max())
    return exponentials / exponentials.sum()


def linear(weights, name, x):
    """Compute W x + b of a torch layer."""
    return weights[f"{name}.weight"] @ x + weights.get(f"{name}.bias", 0)


def attend(query, states):
    """Return the mean of states, weighted by the softmax of their products with a query."""
    return sum(weight * state for weight, state in zip(softmax(np.array(states) @ query), states, strict=True))


def step_lstm(inputs, states, cell):
    """Compute one step of an LSTM, of what its gates (input, forget, cell, output) read from input and state."""
    into, forget, new, out = np.split(inputs + states, 4)
    cell = sigmoid(forget) * cell + sigmoid(into) * np.tanh(new)
    return sigmoid(out) * np.tanh(cell), cell


def step_gru(inputs, states, old):
    """Compute one step of a GRU, of what its gates (reset, update, new) read from input and state."""
    (r, z, n), (hr, hz, hn) = np.split(inputs, 3), np.split(states, 3)
    keep = sigmoid(z + hz)
    return (1 - keep) * np.tanh(n + sigmoid(r + hr) * hn) + keep * old


def run_lstm(weights, name, sequence, *, layers, both):
    """Run an LSTM of some layers over a sequence, in both directions or forward only: (T, H)."""
    for layer in range(layers):
        directions = [_run_layer(weights, f"{name}.{{}}_l{layer}", sequence)]
        if both:
            directions.append(_run_layer(weights, f"{name}.{{}}_l{layer}_reverse", sequence[::-1])[::-1])
        sequence = [np.concatenate(states) for states in zip(*directions, strict=True)]
    return sequence


def _run_layer(weights, name, sequence):
    w, u, b, c = (weights[name.format(part)] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    state, cell, states = np.zeros(u.shape[1]), np.zeros(u.shape[1]), []
    for x in sequence:
        state, cell = step_lstm(w @ x + b, u @ state + c, cell)
        states.append(state)
    return states
