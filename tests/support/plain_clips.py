"""The parts of networks as plain loops in numpy, of one clip, without batches or padding."""

import numpy as np


def read_weights(network):
    """Return the weights of a network by name, as float64 arrays."""
    return {name: tensor.detach().numpy().astype(np.float64) for name, tensor in network.state_dict().items()}


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def softmax(scores):
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def scale(values, scaling):
    """Standardize rows by the mean and the deviation that a head measured."""
    return (np.asarray(values, np.float64) - scaling.mean) / scaling.scale


def run_lstm(steps, weights, prefix="lstm", layer=0, *, backwards=False):
    """Compute the states (T, H) of one direction of one layer of an LSTM, step by step.

    Hochreiter and Schmidhuber 1997 with forget gates, in torch's order of gates: input, forget, cell, output.
    """
    suffix = f"_l{layer}{'_reverse' if backwards else ''}"
    into, back = weights[f"{prefix}.weight_ih{suffix}"], weights[f"{prefix}.weight_hh{suffix}"]
    bias = weights[f"{prefix}.bias_ih{suffix}"] + weights[f"{prefix}.bias_hh{suffix}"]
    size = back.shape[1]
    hidden, cell = np.zeros(size), np.zeros(size)
    states = np.zeros((len(steps), size))
    for place in reversed(range(len(steps))) if backwards else range(len(steps)):
        gates = into @ steps[place] + back @ hidden + bias
        enter, forget, candidate, leave = (gates[number * size : (number + 1) * size] for number in range(4))
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(candidate)
        hidden = sigmoid(leave) * np.tanh(cell)
        states[place] = hidden
    return states


def run_both_ways(steps, weights, prefix="lstm", layers=1):
    """Compute the states (T, 2 H) of an LSTM in both directions."""
    for layer in range(layers):
        ways = [run_lstm(steps, weights, prefix, layer, backwards=backwards) for backwards in (False, True)]
        steps = np.concatenate(ways, axis=1)
    return steps


def apply_linear(values, weights, name):
    return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
