"""Restrict training to parts of a network: adapters, the upper layers, or the classifier alone."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from featurestore.errors import BadValue, format_count
from featurestore.finetuning.inputs.data import ClipPreparer, TextPreparer
from featurestore.finetuning.network.adapters import Adapters, choose_targets
from featurestore.finetuning.network.network_layers import (
    CallTrace,
    NetworkLayers,
    find_base,
    find_layers,
    is_classifier,
    is_front,
    map_layers,
    trace_call,
)
from featurestore.finetuning.options.settings import Settings
from featurestore.item import Item
from featurestore.networks import probe
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.forward import check_runs
from featurestore.progress import Say


@dataclass(frozen=True)
class TrainedParts:
    """The parts of a network that are trained.

    Args:
        layers: places of its weights, where rates depend on them.
        adapters: in the network until they are merged; None without.
        weights: numbers that are trained and numbers of the network, in that order; None where all may be.
    """

    layers: NetworkLayers | None = None
    adapters: Adapters | None = None
    weights: tuple[int, int] | None = None

    def describe(self) -> dict[str, Any]:
        """Return what a record holds of them."""
        if self.weights is None:
            return {}
        return {"trained_weights": dict(zip(("trained", "all"), self.weights, strict=True))}

    def merge(self) -> None:
        """Make the network an ordinary classifier again."""
        if self.adapters is not None:
            self.adapters.merge()


def restrict_training(
    model: Any, processor: Any, modality: str, settings: Settings, start: Checkpoint, say: Say
) -> TrainedParts:
    """Freeze what is not to be trained, and add adapters. Without such settings nothing is done.

    Args:
        model: a classifier as `load_starting_network` returns it, changed in place.
        processor: its tokenizer or feature extractor.
        modality: `audio` or `text`.
        settings: of fine-tuning.
        start: the starting checkpoint.
        say: receives a line that says how much is trained.

    Raises:
        BadValue: the network has fewer layers than are to be frozen, its layers cannot be counted, or none can have an
            adapter.
        Unavailable: the network fails.
    """
    counted = settings.freeze > 0 or settings.layer_decay != 1
    if not (counted or settings.freeze or settings.lora):
        return TrainedParts()
    batch = _make_batch(model, processor, modality, settings)
    traces: list[CallTrace] = []
    check_runs(start, lambda: traces.append(trace_call(model, batch)))
    trace = traces[0]
    layers = map_layers(model, trace, start.name) if counted else None
    _freeze(model, layers, settings.freeze, start.name)
    adapters = None
    if settings.lora:
        trained = find_layers(model)[settings.freeze :]
        called, read = choose_targets(model, trained, batch, trace, settings.lora, start.name)
        adapters = _adapt(model, called, read, settings)
        say(f"LoRA: adapters of rank {settings.lora} on {format_count(len(called) + len(read), 'linear layer')}")
    total = sum(weight.numel() for weight in model.parameters())
    some = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    say(f"{some:,} of {total:,} weights are trained ({some / total:.1%})")
    return TrainedParts(layers, adapters, (some, total))


def _freeze(model: Any, layers: NetworkLayers | None, count: int, checkpoint: str) -> None:
    """Freeze the whole base network, or its lowest layers with all that stands before them. Not its front."""
    base = find_base(model)
    names = [name for name, _ in model.named_parameters() if not is_classifier(name, base) and not is_front(name, base)]
    if layers is not None and count > 0:
        if count > len(layers.layers):
            raise BadValue(
                f"checkpoint {checkpoint} has {format_count(len(layers.layers), 'layer')}",
                expected=f"--freeze 1 to {len(layers.layers)}, or all",
                got=f"--freeze {count}",
            )
        names = [name for name in names if layers.find_place(name) <= count]
    for name in names if count else []:
        model.get_parameter(name).requires_grad_(False)


def _adapt(model: Any, called: list[str], read: list[str], settings: Settings) -> Adapters:
    """Add adapters. What is trained beside them is the classifier, and the front where it is not frozen."""
    base = find_base(model)
    beside = [
        weight
        for name, weight in model.named_parameters()
        if weight.requires_grad and (is_classifier(name, base) or is_front(name, base))
    ]
    alpha = settings.compute_lora_alpha()
    adapters = Adapters(model, called, read, rank=settings.lora, alpha=alpha, seed=settings.seed)
    for weight in beside:
        weight.requires_grad_(True)
    return adapters


def _make_batch(model: Any, processor: Any, modality: str, settings: Settings) -> dict[str, Tensor]:
    """Make a batch of one short input."""
    if modality == "text":
        texts = TextPreparer(processor, model.config, settings.fixed_length)
        return texts.batch([texts.load(Item("", None, probe.TEXT))])
    clips = ClipPreparer(processor, model.config, settings.fixed_length)
    return clips.batch([clips.reader.read(probe.make_tone(clips.reader.rate))])  # 1 s
