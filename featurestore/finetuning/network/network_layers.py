"""Find the layers of a classifier's base network, and where each of its weights stands between input and classifier."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from featurestore.errors import BadValue

CLASSIFIER = float("inf")  # the place of the classifier, above all layers
_POOLER = "pooler"  # inside many base networks; a checkpoint may lack its weights, which then are new
_FRONT = "feature_extractor"  # the convolutions of raw-waveform networks
_MATRICES = 2  # a layer of attention or feed-forward has several; one of convolution has one, and a norm none


@dataclass(frozen=True)
class CallTrace:
    """What happened in one forward pass.

    Args:
        order: position of a module's first call, by its name; without modules that were not called.
        counts: calls by the module's name.
    """

    order: Mapping[str, int]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class NetworkLayers:
    """Places of a classifier's weights, from 0 at the input.

    Layer k of L, counted from 1, is at place k. What the base network applies after k layers is at k + 0.5, and its
    embeddings and everything else before the first layer at 0. The classifier, a pooler included, is at `CLASSIFIER`.

    Args:
        layers: names of the layers in the network, from the input up.
        outside: places of the base network's weights that belong to no layer, by name.
    """

    layers: tuple[str, ...]
    outside: Mapping[str, float]

    def find_place(self, name: str) -> float:
        """Find the place of a weight, which may have been added to its layer since."""
        if name in self.outside:
            return self.outside[name]
        places = (place for place, layer in enumerate(self.layers, 1) if name.startswith(f"{layer}."))
        return next(places, CLASSIFIER)


def trace_call(model: Any, batch: Mapping[str, Tensor]) -> CallTrace:
    """Run a classifier once in evaluation, and watch which modules it calls.

    Args:
        model: of transformers; its mode is kept, and no random numbers are used up.
        batch: its inputs.
    """
    training, calls = model.training, []
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: calls.append(name))
        for name, module in model.named_modules()
    ]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            model.eval()(**batch)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return CallTrace({name: place for place, name in enumerate(dict.fromkeys(calls))}, Counter(calls))


def find_read(model: Any, batch: Mapping[str, Tensor], names: Sequence[str]) -> list[str]:
    """Find which of some weights the logits of a classifier depend on.

    Args:
        model: of transformers; its mode is kept, and no random numbers are used up.
        batch: its inputs.
        names: of weights.
    """
    if not names:
        return []
    training, weights = model.training, [model.get_parameter(name) for name in names]
    trained = [weight.requires_grad for weight in weights]
    for weight in weights:
        weight.requires_grad_(True)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            slopes = torch.autograd.grad(model.eval()(**batch).logits.sum(), weights, allow_unused=True)
    finally:
        model.train(training)
        for weight, before in zip(weights, trained, strict=True):
            weight.requires_grad_(before)
    return [name for name, slope in zip(names, slopes, strict=True) if slope is not None]


def find_layers(model: Any) -> tuple[str, ...]:
    """Find the names of a network's layers, in the order of its lists. Empty where it has no lists of layers."""
    return tuple(_walk_layers(model, ""))


def find_base(model: Any) -> str:
    """Find the name of a classifier's base network, which some hold under another name than their family's."""
    name = str(model.base_model_prefix)
    if name and hasattr(model, name):
        return name
    return next(iter(find_layers(model)), "").partition(".")[0]


def is_classifier(name: str, base: str) -> bool:
    """Tell whether a weight belongs to the classifier, a pooler included."""
    return not name.startswith(f"{base}.") or _POOLER in name.split(".")


def is_front(name: str, base: str) -> bool:
    """Tell whether a weight belongs to the convolutional front of a raw-waveform network."""
    return name.startswith(f"{base}.{_FRONT}.")


def map_layers(model: Any, trace: CallTrace, checkpoint: str) -> NetworkLayers:
    """Find the place of every weight.

    Args:
        model: a classifier of transformers.
        trace: of one of its forward passes.
        checkpoint: its name, for messages.

    Raises:
        BadValue: the network has no layers, or none that can be counted: shared ones, or parts in separate lists.
    """
    layers = find_layers(model)
    _check_countable(layers, trace, checkpoint)
    base = find_base(model)
    starts = [trace.order[layer] for layer in layers if layer in trace.order]
    inside = tuple(f"{layer}." for layer in layers)
    outside = {
        name: _find_outside_place(name, starts, trace)
        for name, _ in model.named_parameters()
        if not is_classifier(name, base) and not name.startswith(inside)
    }
    return NetworkLayers(layers, outside)


def _find_outside_place(name: str, starts: list[int], trace: CallTrace) -> float:
    """Find the place of a weight outside the layers by the number of layers that are called before its module."""
    called = trace.order.get(name.rpartition(".")[0], 0)
    before = sum(start < called for start in starts)
    return before + 0.5 if before else 0.0


def _walk_layers(module: nn.Module, name: str) -> Iterator[str]:
    """Yield the names of the outermost layers below a module."""
    for key, child in module.named_children():
        full = f"{name}.{key}" if name else key
        if isinstance(child, nn.ModuleList) and all(map(_is_layer, child)):
            yield from (layer for entry, one in child.named_children() for layer in _flatten(one, f"{full}.{entry}"))
        else:
            yield from _walk_layers(child, full)


def _flatten(module: nn.Module, name: str) -> Iterator[str]:
    """Yield the layers of a block, which some networks have instead of layers."""
    if not isinstance(module, nn.ModuleList):
        yield name
        return
    for key, child in module.named_children():
        yield from _flatten(child, f"{name}.{key}")


def _is_layer(module: nn.Module) -> bool:
    matrices = [weight for weight in module.parameters() if weight.dim() > 1]
    return len(matrices) >= _MATRICES


def _check_countable(layers: tuple[str, ...], trace: CallTrace, checkpoint: str) -> None:
    starts = [trace.order[layer] for layer in layers if layer in trace.order]
    if not starts:
        reason = "no list of layers was found in it"
    elif any(trace.counts.get(layer, 0) > 1 for layer in layers):
        reason = "its layers share their weights"
    elif starts != sorted(starts):
        reason = "the parts of its layers are in separate lists"
    else:
        return
    raise BadValue(
        f"the layers of checkpoint {checkpoint} cannot be counted",
        expected="a network with one list of layers, each with its own weights",
        got=reason,
        do="leave --freeze LAYERS and --layer-decay out; --freeze all and --lora do not count layers",
    )
