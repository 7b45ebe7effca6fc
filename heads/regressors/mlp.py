"""Multilayer perceptron of values: linear layers, squared error or concordance loss, AdamW with linear decay."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import torch as safetensors
from sklearn.preprocessing import StandardScaler
from torch import nn

from heads._base import Matrix, draw_seed
from heads._device import choose_device, find_device
from heads.regressors._base import Regressor

__all__ = ["MLPRegressor"]

_FILE = "mlp.safetensors"
_ROWS = 8192  # predicted at once
_SMALL = 1e-8  # keeps the concordance loss finite on a batch of one row


class MLPRegressor(Regressor):
    """Linear layers D -> 512 -> 128 -> 32 -> T on standardized columns, with a ReLU between them.

    The widths are those of the classifier `mlp`. `loss="ccc"` trains towards the measure itself: 1 - concordance
    correlation of each batch, the mean over targets (Trigeorgis et al. 2016, "Adieu Features? End-to-end Speech Emotion
    Recognition using a Deep Convolutional Recurrent Network"). The learned network is kept on the CPU.

    Args:
        hidden: widths of the layers between the input and the targets.
        loss: "mse" (mean squared error) or "ccc".
        learning_rate: at the first step, above 0; it falls linearly towards 0 at the last.
        epochs: passes over the rows, at least 1.
        batch_size: rows a step, at least 1. The concordance of a small batch is noisy.
        weight_decay: AdamW's, at least 0.
        max_grad_norm: gradients are scaled down to this norm, above 0.
        device: "auto" (the GPU where there is one) or a torch device such as "cpu".
        random_state: seeds the first weights and the order of the rows; the global generators are left alone.

    Attributes:
        network_: the layers, in float32.
        mean_: (D,) subtracted from each column; `scale_` (D,) divides it.
        history_: one `{"epoch": 1.., "loss": mean over the batches as they were trained on}` per epoch; not in a saved
            bundle.
    """

    COST: ClassVar[float] = 20.0
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "hidden": ((512, 128, 32), (128, 64), (64,)),
        "loss": ("mse", "ccc"),
        "learning_rate": (1e-4, 3e-4, 1e-3, 3e-3),
        "epochs": (10, 30, 60),
        "weight_decay": (0.01, 0.1, 1.0),
    }

    network_: nn.Sequential
    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    history_: list[dict[str, float]]

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (512, 128, 32),
        loss: str = "mse",
        learning_rate: float = 1e-3,
        epochs: int = 30,
        batch_size: int = 64,
        weight_decay: float = 0.01,
        max_grad_norm: float = 1.0,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.loss = loss
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.device = device
        self.random_state = random_state

    def _fit(self, X: Matrix, Z: NDArray[np.float64]) -> None:
        self._check_params()
        seed, device = draw_seed(self.random_state), choose_device(self.device)
        scaler = StandardScaler().fit(X)
        self.mean_, self.scale_ = scaler.mean_, scaler.scale_
        self.network_ = self._build_network(seed).to(device)
        self.history_ = []
        self._train(self._standardize(X), torch.from_numpy(Z.astype(np.float32)), seed)
        self.network_ = self.network_.cpu().eval()

    def _train(self, inputs: torch.Tensor, targets: torch.Tensor, seed: int) -> None:
        """Run every epoch on standardized rows (N, D) and targets (N, T), and extend `history_`."""
        generator = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.AdamW(
            self.network_.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        steps = self.epochs * -(-len(inputs) // self.batch_size)
        decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        for epoch in range(1, self.epochs + 1):
            losses = []
            for rows in torch.randperm(len(inputs), generator=generator).split(self.batch_size):
                losses.append(self._take_step(inputs[rows], targets[rows], optimizer))
                decay.step()
            self.history_.append({"epoch": epoch, "loss": float(torch.stack(losses).mean())})

    def _take_step(self, inputs: torch.Tensor, targets: torch.Tensor, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        """Take one optimizer step on a batch, and return its loss before the step."""
        device = find_device(self.network_)
        outputs = self.network_(inputs.to(device))  # (B, T)
        loss = _LOSSES[self.loss](outputs, targets.to(device))
        loss.backward()
        nn.utils.clip_grad_norm_(self.network_.parameters(), self.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        found: torch.Tensor = loss.detach()
        return found

    def _predict(self, X: Matrix) -> Matrix:
        with torch.inference_mode():
            parts = [self.network_(self._standardize(X[start : start + _ROWS])) for start in range(0, len(X), _ROWS)]
        predicted: Matrix = torch.cat(parts).numpy()  # (N, T)
        return predicted

    def _standardize(self, X: Matrix) -> torch.Tensor:
        return torch.from_numpy(((X - self.mean_) / self.scale_).astype(np.float32))

    def _build_network(self, seed: int = 0) -> nn.Sequential:
        layers: list[nn.Module] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for inputs, outputs in pairwise([self.n_features_in_, *self.hidden, self.n_targets_]):
                layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def _save(self, folder: Path) -> None:
        scaling = {"mean": torch.from_numpy(self.mean_), "scale": torch.from_numpy(self.scale_)}
        safetensors.save_file(self.network_.state_dict() | scaling, folder / _FILE)

    def _load(self, folder: Path) -> None:
        tensors = safetensors.load_file(folder / _FILE)
        network = self._build_network()
        expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
        expected |= dict.fromkeys(("mean", "scale"), torch.Size([self.n_features_in_]))
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ValueError(
                f"{_FILE} is not of a network from {self.n_features_in_} columns to {self.n_targets_} targets"
            )
        self.mean_, self.scale_ = tensors.pop("mean").numpy(), tensors.pop("scale").numpy()
        network.load_state_dict(tensors)
        self.network_ = network.eval()

    def _check_params(self) -> None:
        widths = self.hidden if isinstance(self.hidden, (list, tuple)) else [0]
        if not all(isinstance(width, int) and not isinstance(width, bool) and width > 0 for width in widths):
            raise ValueError(f"hidden must be a list of widths above 0, got {self.hidden!r}")
        if self.loss not in _LOSSES:
            raise ValueError(f"loss must be one of {', '.join(map(repr, _LOSSES))}, got {self.loss!r}")
        for name in ("epochs", "batch_size"):
            self._check_number(name, low=1, integer=True, inclusive=True)
        for name in ("learning_rate", "max_grad_norm"):
            self._check_number(name, low=0)
        self._check_number("weight_decay", low=0, inclusive=True)


def compute_concordance_loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Compute 1 - concordance correlation of outputs and targets (B, T), the mean over targets.

    `benchmarks.statistics.value_metrics.concordance_correlation` has the formula.
    """
    covariance = ((outputs - outputs.mean(0)) * (targets - targets.mean(0))).mean(0)  # (T,)
    square_error = ((outputs - targets) ** 2).mean(0)
    return 1 - (2 * covariance / (2 * covariance + square_error + _SMALL)).mean()


_LOSSES = {"mse": nn.functional.mse_loss, "ccc": compute_concordance_loss}
