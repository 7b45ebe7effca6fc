"""Define the base class of heads whose network reads `Inputs`: settings, training, prediction in batches, weights."""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors import torch as safetensors
from torch import nn

from heads._base import Codes, Head, Matrix, draw_seed
from heads._device import choose_device, find_device
from heads._inputs import Indices, Inputs, Layout, apply_layout, describe_layout
from heads._loss import OutputLoss, make_loss
from heads._scaling import ColumnScaling, fit_scaling
from heads._training import Course, Targets, train

_FILE = "network.safetensors"
_FEWEST = 10  # units that may choose the epoch
_STEPS = 8  # of an epoch at least, where there are as many units


class Batch(Protocol):
    """Some utterances as tensors on the network's device."""

    @property
    def rows(self) -> torch.Tensor:
        """Number of the row of each output (M,)."""


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkHead(Head):
    """Base class of heads whose network reads dialogues or frames. N targets among R rows, C classes.

    Rows are grouped into units that the network reads as a whole, a dialogue or an utterance, and units into batches.
    The answer for a unit never depends on the others in its batch: padding is masked or packed.

    A head implements `_list_units`, `_measure`, `_collate` and `_build_network`. Its network maps a batch to the
    outputs (M, C) of the batch's `rows`.

    Args:
        learning_rate: AdamW's, above 0.
        epochs: passes over the training part, at least 1; the most where a dev part chooses the epoch.
        batch_size: units (dialogues, or utterances) a step at most, at least 1. Where training has fewer than eight
            such batches, they are smaller, so that an epoch has eight steps.
        weight_decay: AdamW's, at least 0.
        dropout: probability, at least 0 and below 1.
        max_grad_norm: gradients are scaled down to this norm, above 0.
        class_weight: of the loss: None, "balanced" (inverse to the classes' frequencies), or a weight by class.
        focal_gamma: exponent of the focal loss, at least 0: rows that are right already count less. 0 is the cross
            entropy, and the source's own choice was 2 (Lin et al. 2017, "Focal Loss for Dense Object Detection").
        logit_adjustment: at least 0: this times the logarithm of each class's share of training is added to the outputs
            while the network is trained. 0 leaves them, and 1 predicts as if classes were equally frequent (Menon et
            al. 2021, "Long-tail learning via logit adjustment").
        validation_fraction: part of the units given to `fit` that is kept aside, 0 to 0.5. The epoch with the best
            unweighted average recall on it is kept, which comes later than the one with the lowest loss: networks grow
            over-confident before they stop to learn. With 0, or where the part would have fewer than ten units, too
            few to choose by, all epochs are run and the last is kept.
        patience: epochs without a better recall on that part after which training ends, at least 1.
        device: "auto" (the GPU where there is one) or a torch device such as "cpu".
        random_state: seeds the first weights, dropout, the order of the units and the part kept aside. The global
            generators are left alone.

    Attributes:
        network_: in float32, on the CPU.
        layout_: the blocks and frames that it was fitted on.
        scaling_: mean and standard deviation of each block's columns and of each frame's dimensions.
        history_: one mapping for each epoch with `loss` (mean in nats) and `accuracy` (0 to 1) on the training units as
            they were trained on, and `validation_loss` and `validation_recall` where there is a part
            for them; not in a bundle.
        epoch_: the epoch that was kept, counted from 1; not in a bundle.
    """

    COST: ClassVar[float] = 100.0
    SOFT_LABELS: ClassVar[bool] = True
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "learning_rate": (1e-4, 3e-4, 1e-3, 3e-3),
        "dropout": (0.1, 0.25, 0.5),
        "weight_decay": (1e-5, 1e-3, 1e-1),
    }

    learning_rate: float = 1e-3
    epochs: int = 60
    batch_size: int = 32
    weight_decay: float = 1e-5
    dropout: float = 0.25
    max_grad_norm: float = 5.0
    class_weight: dict[str, float] | str | None = None
    focal_gamma: float = 0.0
    logit_adjustment: float = 0.0
    validation_fraction: float = 0.1
    patience: int = 10
    device: str = "auto"
    random_state: int | np.random.RandomState | None = None

    @abstractmethod
    def _list_units(self, inputs: Inputs) -> list[Indices]:
        """List the rows that the network reads together, in their order, for every unit that holds a target."""

    @abstractmethod
    def _measure(self, inputs: Inputs, unit: Indices) -> int:
        """Return the length of a unit, by which units of a batch are chosen to need little padding."""

    @abstractmethod
    def _collate(self, inputs: Inputs, units: Sequence[Indices], device: torch.device) -> Any:
        """Make a `Batch` of units, scaled and masked."""

    @abstractmethod
    def _build_network(self, layout: Layout, classes: int) -> nn.Module:
        """Build the network with new weights. Its `forward` maps a batch to outputs (M, C)."""

    def save_weights(self, folder: Path) -> None:
        """Write `network.safetensors`: weights, scaling, and the layout in its metadata."""
        tensors = {f"network.{name}": tensor.contiguous() for name, tensor in self.network_.state_dict().items()}
        for number, scaling in enumerate(self.scaling_):
            tensors |= {f"scaling.{number}.{name}": torch.from_numpy(array) for name, array in vars(scaling).items()}
        safetensors.save_file(tensors, folder / _FILE, {"layout": json.dumps(self.layout_.to_json())})

    def load_weights(self, folder: Path) -> None:
        """Read `network.safetensors`."""
        with safe_open(folder / _FILE, "pt") as file:
            layout = Layout.from_json(json.loads(file.metadata()["layout"]))
        tensors = safetensors.load_file(folder / _FILE)
        if layout.width != self.n_features_in_:
            raise ValueError(f"{_FILE} is of {layout.width} columns, not {self.n_features_in_}")
        count = len(layout.list_modalities())
        self.scaling_ = [
            ColumnScaling(*(tensors.pop(f"scaling.{number}.{name}").numpy() for name in ("mean", "scale")))
            for number in range(count)
        ]
        network = self._build_network(layout, len(self.classes_))
        network.load_state_dict({name.removeprefix("network."): tensor for name, tensor in tensors.items()})
        self.layout_, self.network_ = layout, network.eval()

    def _fit(self, X: Inputs, codes: Codes) -> None:
        self._check_params()
        seed, device = draw_seed(self.random_state), choose_device(self.device)
        self.layout_, self.scaling_ = describe_layout(X), self._fit_scaling(X)
        training, validation = self._split_units(self._list_units(X), np.random.default_rng(seed))
        with torch.random.fork_rng():  # weights and dropout draw from the global generator
            torch.manual_seed(seed)
            self.network_ = self._build_network(self.layout_, len(self.classes_)).to(device)
            course = Course(
                epochs=self.epochs,
                patience=self.patience,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                max_grad_norm=self.max_grad_norm,
                loss=self._make_loss(codes, device),
            )
            self.history_: list[dict[str, float]] = []
            self.epoch_ = train(
                self.network_,
                course,
                self._place_targets(X, codes, device),
                batches=lambda random: self._iterate_batches(X, training, self._limit_size(training), random),
                validation=lambda: self._iterate_batches(X, validation, self.batch_size),
                after_epoch=self._end_epoch,
                seed=seed,
            )
        self.network_ = self.network_.cpu().eval()

    def _fit_scaling(self, inputs: Inputs) -> list[ColumnScaling]:
        """Measure what standardizes each block and then each feature of frames."""
        return fit_scaling(inputs)

    def _read_blocks(self, inputs: Inputs, rows: Indices) -> list[torch.Tensor]:
        """Read some rows of each block, standardized: (M, *shape) each, on the CPU."""
        blocks = []
        for block, scaling in zip(inputs.blocks, self.scaling_, strict=False):  # those of frames come behind
            values = inputs.read_block(block)[rows].reshape(len(rows), -1)
            blocks.append(torch.from_numpy(scaling.apply(values)).reshape(len(rows), *block.shape))
        return blocks

    def _predict_proba(self, X: Inputs) -> Matrix:
        return self._compute(X, lambda batch: self.network_(batch).softmax(dim=1))

    def _compute(self, inputs: Inputs, function: Callable[[Any], torch.Tensor]) -> Matrix:
        """Compute a vector for each target (N, K), from batches by a function that returns one for each row (M, K)."""
        inputs = apply_layout(inputs, self.layout_)
        vectors: dict[int, NDArray[np.float32]] = {}
        self.network_.eval()
        with torch.inference_mode():
            for batch in self._iterate_batches(inputs, self._list_units(inputs), self.batch_size):
                vectors |= zip(batch.rows.tolist(), function(batch).cpu().numpy(), strict=True)
        return np.stack([vectors[row] for row in inputs.targets.tolist()])

    def _end_epoch(self, line: dict[str, float]) -> None:
        self.history_.append(line)
        if self._after_epoch:
            self._after_epoch(self)
            self.network_.train()

    def _split_units(
        self, units: Sequence[Indices], random: np.random.Generator
    ) -> tuple[list[Indices], list[Indices]]:
        """Split the units into those to train on and those that choose the epoch."""
        count = round(self.validation_fraction * len(units))
        count = count if count >= _FEWEST else 0
        order = random.permutation(len(units))
        kept, aside = order[count:], order[:count]
        return [units[number] for number in sorted(kept)], [units[number] for number in sorted(aside)]

    def _iterate_batches(
        self, inputs: Inputs, units: Sequence[Indices], size: int, random: np.random.Generator | None = None
    ) -> Iterator[Any]:
        """Yield batches of at most `size` units of similar length, in random order if there is a generator."""
        device = find_device(self.network_)
        order = np.arange(len(units)) if random is None else random.permutation(len(units))
        lengths = np.array([self._measure(inputs, units[number]) for number in order])
        window = size * (8 if random is not None else max(1, len(units)))  # units that are sorted by length together
        batches: list[Indices] = []
        for start in range(0, len(order), window):
            part = order[start : start + window][np.argsort(lengths[start : start + window], kind="stable")]
            batches += [part[first : first + size] for first in range(0, len(part), size)]
        for number in range(len(batches)) if random is None else random.permutation(len(batches)):
            yield self._collate(inputs, [units[unit] for unit in batches[number]], device)

    def _limit_size(self, units: Sequence[Indices]) -> int:
        """Return the size of a training batch."""
        return min(self.batch_size, max(1, len(units) // _STEPS))

    def _make_loss(self, codes: Codes, device: torch.device) -> OutputLoss:
        weights, log_prior = self._compute_class_weights(codes), self._measure_log_prior(codes)
        return make_loss(weights, self.focal_gamma, log_prior, self.logit_adjustment, device)

    def _place_targets(self, inputs: Inputs, codes: Codes, device: torch.device) -> Targets:
        """Put the class, or the distribution, of each target in its row."""
        row_codes = np.full(len(inputs.X), -1)
        row_codes[inputs.targets] = codes
        placed = torch.from_numpy(row_codes).to(device)
        if self._distributions is None:
            return Targets(placed)
        shares = np.zeros((len(inputs.X), len(self.classes_)), np.float32)
        shares[inputs.targets] = self._distributions
        return Targets(placed, torch.from_numpy(shares).to(device))

    def _check_params(self) -> None:
        self._check_counts("epochs", "batch_size", "patience")
        for name in ("learning_rate", "max_grad_norm"):
            self._check_number(name, low=0)
        for name in ("weight_decay", "focal_gamma", "logit_adjustment"):
            self._check_number(name, low=0, inclusive=True)
        self._check_number("dropout", low=0, high=0.99, inclusive=True)
        self._check_number("validation_fraction", low=0, high=0.5, inclusive=True)
