"""Compute Whisper's encoder step by step in float64, from its weights alone."""

import numpy as np
import torch
from torch.nn import functional


def encode_plainly(encoder, spectrum):
    """Encode one spectrum (mel bins, T), and return every layer's states (T / 2, D), normalized after the last."""
    weights = {name: value.double() for name, value in encoder.state_dict().items()}
    heads, count = encoder.config.encoder_attention_heads, encoder.config.encoder_layers
    values = torch.from_numpy(np.asarray(spectrum, np.float64))[None]
    for name, stride in (("conv1", 1), ("conv2", 2)):
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        values = functional.gelu(functional.conv1d(values, kernel, bias, stride=stride, padding=1))
    states = [values[0].T + weights["embed_positions.weight"][: values.shape[-1]]]
    for number in range(count):
        states.append(_pass_layer(states[-1], weights, f"layers.{number}", heads))
    states[-1] = _normalize(states[-1], weights, "layer_norm")
    return [state.numpy() for state in states]


def _pass_layer(values, weights, name, heads):
    inner = _normalize(values, weights, f"{name}.self_attn_layer_norm")
    queries, keys, vectors = (
        _project(inner, weights, f"{name}.self_attn.{part}").unflatten(1, (heads, -1)).transpose(0, 1)
        for part in ("q_proj", "k_proj", "v_proj")
    )  # (heads, T, D / heads)
    scores = queries @ keys.transpose(1, 2) / queries.shape[-1] ** 0.5
    attended = (scores.softmax(-1) @ vectors).transpose(0, 1).flatten(1)
    values = values + _project(attended, weights, f"{name}.self_attn.out_proj")
    inner = _project(_normalize(values, weights, f"{name}.final_layer_norm"), weights, f"{name}.fc1")
    return values + _project(functional.gelu(inner), weights, f"{name}.fc2")


def _project(values, weights, name):
    return functional.linear(values, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def _normalize(values, weights, name):
    weight = weights[f"{name}.weight"]
    return functional.layer_norm(values, weight.shape, weight, weights[f"{name}.bias"])
