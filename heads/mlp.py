"""Multilayer perceptron: four linear layers, cross entropy, AdamW with linear decay."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import torch as safetensors
from sklearn.preprocessing import StandardScaler
from torch import nn

from heads._base import Codes, Head, Matrix, draw_seed
from heads._device import choose_device, find_device
from heads._loss import OutputLoss, make_loss
from heads._streamed import iterate_batches

__all__ = ["MLPHead"]

_FILE = "mlp.safetensors"
_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "identity": nn.Identity}
_CHUNK = 2**23  # numbers standardized or predicted at once: 32 MB of float32


class MLPHead(Head):
    """Linear layers D -> 512 -> 128 -> 32 -> C with a ReLU between them.

    The widths are those of the fusion network of Petec and Popoviciu, "Multimodal Speech Emotion Recognition using
    Decoding-enhanced BERT with Disentangled Attention and Wav2Vec2.0". The defaults suit a few hundred columns and
    about a thousand rows. A batch of rows is read at a time, so X may be a memory map or a `StreamedMatrix` larger than
    memory, and the fitted head is the same. The learned network is kept on the CPU.

    A subclass can replace one step of the training: `fit_epoch` calls `train_step` for each batch, which calls
    `compute_gradients`, which calls `loss`.

    Args:
        hidden: widths of the layers between the input and the classes.
        activation: between the layers: "relu" or "identity".
        standardize: bring each column to mean 0 and standard deviation 1 of the training part.
        learning_rate: at the first step, above 0; it falls linearly towards 0 at the last.
        epochs: passes over the rows, at least 1.
        batch_size: rows a step, at least 1.
        weight_decay: AdamW's, at least 0.
        max_grad_norm: gradients are scaled down to this norm, above 0.
        class_weight: of the loss: None, "balanced" (inverse to the classes' frequencies), or a weight by class.
        focal_gamma: exponent of the focal loss, at least 0: rows that are right already count less. 0 is the cross
            entropy, and the source's own choice was 2 (Lin et al. 2017, "Focal Loss for Dense Object Detection").
        logit_adjustment: at least 0: this times the logarithm of each class's share of training is added to the outputs
            while the network is trained. 0 leaves them, and 1 predicts as if classes were equally frequent (Menon et
            al. 2021, "Long-tail learning via logit adjustment").
        device: "auto" (the GPU where there is one) or a torch device such as "cpu".
        random_state: seeds the first weights and the order of the rows; the global generators are left alone.

    Attributes:
        network_: the layers, in float32.
        mean_: (D,) subtracted from each column; `scale_` (D,) divides it.
        history_: one `{"epoch": 1.., "loss": mean in nats, "accuracy": 0..1 on the batches as they were trained on,
            "learning_rate": at its end}` per epoch; not in a saved bundle.
        steps_: (S, 2) loss and accuracy of the batch of each optimizer step; not in a saved bundle.
    """

    COST: ClassVar[float] = 30.0
    STREAMS: ClassVar[bool] = True
    SOFT_LABELS: ClassVar[bool] = True
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "hidden": ((512, 128, 32), (128, 64), (64,)),
        "learning_rate": (1e-4, 3e-4, 1e-3, 3e-3),
        "epochs": (10, 30, 60),
        "weight_decay": (0.01, 0.1, 1.0),
    }
    REMOVED: ClassVar[Mapping[str, Any]] = {"extra_outputs": 0, "double_softmax": False}

    network_: nn.Sequential
    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    history_: list[dict[str, float]]
    steps_: NDArray[np.float64]

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (512, 128, 32),
        activation: str = "relu",
        standardize: bool = True,
        learning_rate: float = 1e-3,
        epochs: int = 30,
        batch_size: int = 32,
        weight_decay: float = 0.01,
        max_grad_norm: float = 1.0,
        class_weight: dict[str, float] | str | None = None,
        focal_gamma: float = 0.0,
        logit_adjustment: float = 0.0,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.standardize = standardize
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.class_weight = class_weight
        self.focal_gamma = focal_gamma
        self.logit_adjustment = logit_adjustment
        self.device = device
        self.random_state = random_state

    @classmethod
    def share(cls, X: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Measure the mean and the standard deviation of each column of X (N, D)."""
        return _fit_scaling(X)

    def fit_epoch(
        self,
        X: Matrix,
        codes: Codes,
        order: NDArray[np.int64],
        optimizer: torch.optim.Optimizer,
        decay: torch.optim.lr_scheduler.LRScheduler,
    ) -> None:
        """Pass over the rows once, in the given order, and extend `steps_` and `history_`."""
        device = find_device(self.network_)
        batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        steps = []
        for rows, values in zip(batches, iterate_batches(X, batches), strict=True):
            right = torch.from_numpy(codes[rows]).to(device)  # (B,)
            targets = right if self._distributions is None else self._read_distributions(rows).to(device)
            loss, outputs = self.train_step(self._standardize(values).to(device), targets, optimizer)
            steps.append(torch.stack([loss, (outputs.argmax(dim=1) == right).float().mean()]))
            decay.step()
        measured = torch.stack(steps).double().cpu().numpy()  # (S, 2)
        loss, accuracy = np.average(measured, axis=0, weights=[len(rows) for rows in batches]).tolist()
        self.steps_ = np.vstack([self.steps_, measured])
        line = {"epoch": len(self.history_) + 1, "loss": loss, "accuracy": accuracy}
        self.history_.append(line | {"learning_rate": optimizer.param_groups[0]["lr"]})

    def train_step(
        self, inputs: torch.Tensor, targets: torch.Tensor, optimizer: torch.optim.Optimizer
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take one optimizer step on a batch of inputs (B, D) and class numbers (B,) or distributions (B, C).

        Returns:
            The batch's loss, and the outputs (B, C) before the step.
        """
        loss, outputs = self.compute_gradients(inputs, targets)
        nn.utils.clip_grad_norm_(self.network_.parameters(), self.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss, outputs

    def compute_gradients(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Set the gradient of every parameter of `network_`. Return the batch's loss and the outputs (B, C)."""
        outputs = self.network_(inputs)
        loss = self.loss(outputs, targets)
        loss.backward()
        return loss.detach(), outputs.detach()

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Compute the mean loss of outputs (B, C) towards class numbers (B,) or distributions (B, C), in nats."""
        return self._loss(outputs, targets)

    def compute_scores(self, X: Matrix) -> torch.Tensor:
        """Compute the network's outputs before the softmax, on the CPU: (N, C)."""
        device = find_device(self.network_)
        with torch.inference_mode():
            return torch.cat([self.network_(self._standardize(rows).to(device)) for rows in _iterate_chunks(X)]).cpu()

    def list_widths(self) -> list[int]:
        """List the width of the input, of each hidden layer and of the output."""
        return [self.n_features_in_, *self.hidden, len(self.classes_)]

    def save_weights(self, folder: Path) -> None:
        """Write `mlp.safetensors`: the layers and the standardization."""
        scaling = {"mean": torch.from_numpy(self.mean_), "scale": torch.from_numpy(self.scale_)}
        safetensors.save_file(self.network_.state_dict() | scaling, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Read `mlp.safetensors`."""
        tensors = safetensors.load_file(folder / _FILE)
        network = self._build_network(generator=None)
        expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
        expected |= dict.fromkeys(("mean", "scale"), torch.Size([self.n_features_in_]))
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ValueError(f"{_FILE} is not of a network {self.list_widths()}")
        self.mean_, self.scale_ = tensors.pop("mean").numpy(), tensors.pop("scale").numpy()
        network.load_state_dict(tensors)
        self.network_ = network.eval()

    def _fit(self, X: Matrix, codes: Codes) -> None:
        self._check_params()
        generator = torch.Generator().manual_seed(draw_seed(self.random_state))
        device = choose_device(self.device)
        unscaled = np.zeros(X.shape[1]), np.ones(X.shape[1])
        self.mean_, self.scale_ = (self._shared or _fit_scaling(X)) if self.standardize else unscaled
        self.network_ = self._build_network(generator).to(device)
        weights, log_prior = self._compute_class_weights(codes), self._measure_log_prior(codes)
        self._loss: OutputLoss = make_loss(weights, self.focal_gamma, log_prior, self.logit_adjustment, device)
        optimizer = torch.optim.AdamW(
            self.network_.parameters(), lr=self.learning_rate, eps=1e-8, weight_decay=self.weight_decay, fused=True
        )
        steps = self.epochs * -(-X.shape[0] // self.batch_size)
        decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        self.history_, self.steps_ = [], np.empty((0, 2))
        for _ in range(self.epochs):
            order = torch.randperm(X.shape[0], generator=generator).numpy()
            self.fit_epoch(X, codes, order, optimizer, decay)
            if self._after_epoch:
                self._after_epoch(self)
        self.network_ = self.network_.cpu()
        del self._loss

    def _predict_proba(self, X: Matrix) -> Matrix:
        probabilities: Matrix = self.compute_scores(X).double().softmax(dim=1).numpy()  # (N, C)
        return probabilities

    def _read_distributions(self, rows: NDArray[np.int64]) -> torch.Tensor:
        assert self._distributions is not None
        return torch.from_numpy(self._distributions[rows].astype(np.float32))

    def _standardize(self, rows: Matrix) -> torch.Tensor:
        """Standardize rows in their own precision, and make a float32 tensor of them."""
        scaled = (rows - self.mean_.astype(rows.dtype)) / self.scale_.astype(rows.dtype)
        return torch.from_numpy(scaled.astype(np.float32, copy=False))

    def _build_network(self, generator: torch.Generator | None) -> nn.Sequential:
        widths = self.list_widths()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [_make_linear(inputs, outputs, generator), _ACTIVATIONS[self.activation]()]
        return nn.Sequential(*layers[:-1])

    def _check_params(self) -> None:
        self._check_choice("activation", tuple(_ACTIVATIONS))
        self._check_counts("epochs", "batch_size")
        for name in ("learning_rate", "max_grad_norm"):
            self._check_number(name, low=0)
        for name in ("weight_decay", "focal_gamma", "logit_adjustment"):
            self._check_number(name, low=0, inclusive=True)
        self._check_widths("hidden")


def _make_linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """Make a layer with torch's default first weights, uniform in +-1/sqrt(inputs), drawn from a local generator."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    if generator is not None:
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -(inputs**-0.5), inputs**-0.5, generator=generator)
    return layer


def _fit_scaling(X: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the mean and standard deviation of each column, a chunk of rows at a time."""
    scaler = StandardScaler()
    for rows in _iterate_chunks(X):
        scaler.partial_fit(rows)
    return scaler.mean_, scaler.scale_


def _iterate_chunks(X: Matrix) -> Iterator[Matrix]:
    rows = max(1, _CHUNK // X.shape[1])
    return (X[start : start + rows] for start in range(0, X.shape[0], rows))
