"""The paper's fusion network: four linear layers, cross entropy, AdamW with linear decay."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import torch as safetensors
from sklearn.preprocessing import StandardScaler
from torch import nn

from heads._base import Codes, Head, Matrix, seed_from

__all__ = ["MLPHead"]

_FILE = "mlp.safetensors"
_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "identity": nn.Identity}
_CHUNK = 2**23  # numbers standardised or predicted at once: 32 MB of float32


class MLPHead(Head):
    """Linear layers D -> 512 -> 128 -> 32 -> C (Petec and Popoviciu, "Multimodal Speech Emotion Recognition using
    Decoding-enhanced BERT with Disentangled Attention and Wav2Vec2.0").

    The paper trains with a learning rate of 1e-5 for 6 epochs on inputs as they are (`learning_rate=1e-5, epochs=6,
    standardize=False`), and its published code has no activation between the layers (`activation="identity"`). The
    defaults here suit a few hundred columns and about a thousand rows. Rows are read a batch at a time, so a memory
    map wider than memory can be learned from. The learned network is kept on the CPU.

    Args:
        hidden: widths of the layers between the input and the classes.
        activation: between the layers: "relu" or "identity".
        standardize: bring each column to mean 0 and standard deviation 1 of the training part.
        learning_rate: at the first step, above 0; it falls linearly towards 0 at the last.
        epochs: passes over the rows, at least 1.
        batch_size: rows a step, at least 1.
        weight_decay: AdamW's, at least 0.
        max_grad_norm: gradients are scaled down to this norm, above 0.
        device: "auto" (the GPU where there is one) or a torch device such as "cpu".
        random_state: seeds the first weights and the order of the rows; the global generators are left alone.

    Attributes:
        network_: the layers, in float32.
        mean_: (D,) subtracted from each column; `scale_` (D,) divides it.
        history_: one `{"epoch": 1.., "loss": mean cross entropy in nats, "learning_rate": at its end}` per epoch;
            not in a saved bundle.
    """

    network_: nn.Sequential
    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    history_: list[dict[str, float]]

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
        self.device = device
        self.random_state = random_state

    def save_weights(self, folder: Path) -> None:
        """Writes `mlp.safetensors`: the layers and the standardisation."""
        scaling = {"mean": torch.from_numpy(self.mean_), "scale": torch.from_numpy(self.scale_)}
        safetensors.save_file(self.network_.state_dict() | scaling, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Reads `mlp.safetensors`."""
        tensors = safetensors.load_file(folder / _FILE)
        network = self._network(generator=None)
        expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
        expected |= dict.fromkeys(("mean", "scale"), torch.Size([self.n_features_in_]))
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ValueError(f"{_FILE} is not of a network {self._widths()}")
        self.mean_, self.scale_ = tensors.pop("mean").numpy(), tensors.pop("scale").numpy()
        network.load_state_dict(tensors)
        self.network_ = network.eval()

    def _fit(self, X: Matrix, codes: Codes) -> None:
        self._check_params()
        generator = torch.Generator().manual_seed(seed_from(self.random_state))
        device = _device(self.device)
        self.mean_, self.scale_ = _scaling(X) if self.standardize else (np.zeros(X.shape[1]), np.ones(X.shape[1]))
        network = self._network(generator).to(device).train()
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, eps=1e-8, weight_decay=self.weight_decay, fused=True
        )
        steps = self.epochs * -(-len(X) // self.batch_size)
        decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        self.history_ = []
        for epoch in range(1, self.epochs + 1):
            order = torch.randperm(len(X), generator=generator).numpy()
            loss = self._fit_epoch(X, codes, order, network, optimizer, decay, device)
            self.history_.append({"epoch": epoch, "loss": loss, "learning_rate": optimizer.param_groups[0]["lr"]})
        self.network_ = network.cpu().eval()

    def _fit_epoch(
        self,
        X: Matrix,
        codes: Codes,
        order: NDArray[np.int64],
        network: nn.Sequential,
        optimizer: torch.optim.Optimizer,
        decay: torch.optim.lr_scheduler.LRScheduler,
        device: torch.device,
    ) -> float:
        """One pass over the rows in the given order; returns the mean loss."""
        total = torch.zeros((), device=device)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            inputs = self._inputs(X[rows]).to(device)  # (B, D)
            targets = torch.from_numpy(codes[rows]).to(device)  # (B,)
            total += _step(inputs, targets, network, optimizer, self.max_grad_norm) * len(rows)
            decay.step()
        return float(total) / len(order)

    def _probabilities(self, X: Matrix) -> Matrix:
        with torch.inference_mode():
            logits = [self.network_(self._inputs(rows)) for rows in _chunks(X)]
            probabilities: Matrix = torch.cat(logits).double().softmax(dim=1).numpy()  # (N, C)
        return probabilities

    def _inputs(self, rows: Matrix) -> torch.Tensor:
        """Rows, standardised in their own precision, as a float32 tensor."""
        scaled = (rows - self.mean_.astype(rows.dtype)) / self.scale_.astype(rows.dtype)
        return torch.from_numpy(scaled.astype(np.float32, copy=False))

    def _widths(self) -> list[int]:
        return [self.n_features_in_, *self.hidden, len(self.classes_)]

    def _network(self, generator: torch.Generator | None) -> nn.Sequential:
        layers: list[nn.Module] = []
        for inputs, outputs in zip(self._widths(), self._widths()[1:], strict=False):
            layers += [_linear(inputs, outputs, generator), _ACTIVATIONS[self.activation]()]
        return nn.Sequential(*layers[:-1])

    def _check_params(self) -> None:
        self._check_choice("activation", tuple(_ACTIVATIONS))
        for name in ("epochs", "batch_size"):
            self._check_number(name, low=1, integer=True, inclusive=True)
        for name in ("learning_rate", "max_grad_norm"):
            self._check_number(name, low=0)
        self._check_number("weight_decay", low=0, inclusive=True)
        listed = isinstance(self.hidden, (list, tuple))
        if not listed or not all(isinstance(width, int) and width > 0 for width in self.hidden):
            raise ValueError(f"hidden must be a list of widths above 0, got {self.hidden!r}")


def _step(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    network: nn.Sequential,
    optimizer: torch.optim.Optimizer,
    max_grad_norm: float,
) -> torch.Tensor:
    """One optimiser step on a batch; returns its mean loss."""
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(network(inputs), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), max_grad_norm)
    optimizer.step()
    return loss.detach()


def _linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """A layer with torch's own first weights, uniform in +-1/sqrt(inputs), but from a local generator."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    if generator is not None:
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -(inputs**-0.5), inputs**-0.5, generator=generator)
    return layer


def _scaling(X: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each column, read in chunks of rows."""
    scaler = StandardScaler()
    for rows in _chunks(X):
        scaler.partial_fit(rows)
    return scaler.mean_, scaler.scale_


def _chunks(X: Matrix) -> Iterator[Matrix]:
    rows = max(1, _CHUNK // X.shape[1])
    return (X[start : start + rows] for start in range(0, len(X), rows))


def _device(name: str) -> torch.device:
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    try:
        return torch.device(name) if name != "auto" else found or torch.device("cpu")
    except (RuntimeError, TypeError):
        raise ValueError(f"device must be 'auto' or a torch device such as 'cpu', got {name!r}") from None
