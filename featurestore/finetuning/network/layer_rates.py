"""Give the layers of a network learning rates that fall towards its input."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from torch import nn

from featurestore.finetuning.network.network_layers import CLASSIFIER, NetworkLayers


def compute_scale(place: float, layers: int, factor: float) -> float:
    """Compute the learning rate of a place as a share of the full rate.

    The classifier, and what the base network applies after its last layer, have the full rate. The top layer has it
    times the factor, each layer below times the factor again, and the embeddings the smallest (Clark et al., ELECTRA,
    ICLR 2020).

    Args:
        place: as `NetworkLayers.find_place` returns it.
        layers: number of layers L.
        factor: above 0, up to 1.

    >>> [compute_scale(place, 2, 0.5) for place in (0, 1, 1.5, 2, 2.5, float("inf"))]
    [0.125, 0.25, 0.5, 0.5, 1.0, 1.0]
    """
    if place == CLASSIFIER:
        return 1.0
    above = layers - int(place)  # layers above the place
    return factor ** (above if place % 1 else above + 1)


def group_by_rate(
    model: nn.Module, layers: NetworkLayers, factor: float, rate: float, decay: float, decayed: Collection[str]
) -> list[dict[str, Any]]:
    """Group the trained weights of a network by learning rate and weight decay, for an optimizer of torch.

    Args:
        model: whose trained weights are grouped.
        layers: of the network.
        factor: of the rate from a layer to the one below it.
        rate: the classifier's learning rate, which the first group has.
        decay: weight decay.
        decayed: names of the weights that it is for; biases and norms are not among them.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            scale = compute_scale(layers.find_place(name), len(layers.layers), factor)
            groups[scale, decay if name in decayed else 0.0].append(weight)
    return [
        {"params": weights, "lr": rate * scale, "weight_decay": own}
        for (scale, own), weights in sorted(groups.items(), key=lambda group: group[0], reverse=True)
    ]
