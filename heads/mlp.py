"""The paper's fusion network: four linear layers, cross entropy, AdamW with linear decay."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import torch as safetensors
from scipy.sparse import issparse
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import column_or_1d
from torch import nn

from heads._base import Codes, Head, Matrix, seed_from

__all__ = ["MLPHead"]

_FILE = "mlp.safetensors"
_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "identity": nn.Identity}
_CHUNK = 2**23  # numbers standardised or predicted at once: 32 MB of float32


class Rows(Protocol):
    """A matrix wider than memory: rows on demand, and no `__array__` by which somebody could take all of it at once."""

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""

    def __getitem__(self, rows: Any) -> Any:
        """The rows of a slice or of an array of indices, as float32 or float64 (B, D)."""


class MLPHead(Head):
    """Linear layers D -> 512 -> 128 -> 32 -> C (Petec and Popoviciu, "Multimodal Speech Emotion Recognition using
    Decoding-enhanced BERT with Disentangled Attention and Wav2Vec2.0").

    The paper trains with a learning rate of 1e-5 for 6 epochs on inputs as they are (`learning_rate=1e-5, epochs=6,
    standardize=False`), and its published code has no activation between the layers (`activation="identity"`). The
    defaults here suit a few hundred columns and about a thousand rows. Rows are read a batch at a time, so X may be a
    memory map wider than memory, or any object with `shape` and rows by index and without `__array__` (`Rows`). The
    learned network is kept on the CPU.

    Args:
        hidden: widths of the layers between the input and the classes.
        activation: between the layers: "relu" or "identity".
        extra_outputs: outputs beside those of the classes, which no row is ever trained towards (the published code
            has 1); at prediction they are left out, and the classes' probabilities sum to 1 without them.
        double_softmax: take the softmax of the outputs before the cross entropy, which takes it once more, as the
            published code does; gradients are then small, and the loss cannot fall to 0.
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
        history_: one `{"epoch": 1.., "loss": mean cross entropy in nats, "accuracy": 0..1 on the batches as they were
            trained on, "learning_rate": at its end}` per epoch; not in a saved bundle.
        steps_: (S, 2) loss and accuracy of the batch of each optimiser step; not in a saved bundle.
    """

    COST: ClassVar[float] = 30.0
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "hidden": ((512, 128, 32), (128, 64), (64,)),
        "learning_rate": (1e-4, 3e-4, 1e-3, 3e-3),
        "epochs": (10, 30, 60),
        "weight_decay": (0.01, 0.1, 1.0),
    }

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
        extra_outputs: int = 0,
        double_softmax: bool = False,
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
        self.extra_outputs = extra_outputs
        self.double_softmax = double_softmax
        self.standardize = standardize
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike | Rows, y: ArrayLike, *, after_epoch: Callable[[Self], object] | None = None) -> Self:
        """Fits to X (N, D) and the class names y (N,).

        Args:
            X: an array, or `Rows` that are read a batch at a time.
            y: class names.
            after_epoch: called with this head after each epoch; it can predict then, and `history_` ends with that
                epoch. What it returns is ignored: nothing is chosen by it.

        Raises:
            ValueError: X or y is not finite, empty or of the wrong shape, y has one class only, or a parameter is
                out of its range.
        """
        self._after_epoch = after_epoch
        try:
            return super().fit(X, y)  # type: ignore[arg-type]
        finally:
            del self._after_epoch

    def predict_proba(self, X: ArrayLike | Rows) -> Matrix:
        """The probability of each class, in the order of `classes_`: (N, C), rows sum to 1."""
        return super().predict_proba(X)  # type: ignore[arg-type]

    def _checked_pair(self, X: Any, y: ArrayLike) -> tuple[Any, NDArray[Any]]:
        """As every head's; `Rows` are never taken as one array."""
        if not _is_rows(X):
            return super()._checked_pair(X, y)
        names: NDArray[Any] = column_or_1d(y)
        _check_shape(X)
        if len(names) != X.shape[0]:
            raise ValueError(f"X has {X.shape[0]} rows, y {len(names)}")
        self.n_features_in_ = int(X.shape[1])
        return X, names

    def _checked(self, X: Any) -> Any:
        """As every head's; `Rows` are never taken as one array."""
        if not _is_rows(X):
            return super()._checked(X)
        _check_shape(X, self.n_features_in_)
        return X

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
        self.network_ = network = self._network(generator).to(device)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=self.learning_rate, eps=1e-8, weight_decay=self.weight_decay, fused=True
        )
        steps = self.epochs * -(-X.shape[0] // self.batch_size)
        decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        self.history_, self.steps_ = [], np.empty((0, 2))
        for epoch in range(1, self.epochs + 1):
            order = torch.randperm(X.shape[0], generator=generator).numpy()
            self._fit_epoch(X, codes, order, optimizer, decay)
            self._tell_epoch(epoch, len(order), optimizer.param_groups[0]["lr"])
        self.network_ = network.cpu()

    def _fit_epoch(
        self,
        X: Matrix,
        codes: Codes,
        order: NDArray[np.int64],
        optimizer: torch.optim.Optimizer,
        decay: torch.optim.lr_scheduler.LRScheduler,
    ) -> None:
        """One pass over the rows in the given order."""
        device = next(self.network_.parameters()).device
        gradient = torch.empty_like(self.network_[0].weight)
        steps = []
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            inputs = self._inputs(_taken(X, rows)).to(device)  # (B, D)
            targets = torch.from_numpy(codes[rows]).to(device)  # (B,)
            loss, outputs = _backward(inputs, targets, self.network_, self.double_softmax, gradient)
            nn.utils.clip_grad_norm_(self.network_.parameters(), self.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            steps.append(torch.stack([loss, (outputs.argmax(dim=1) == targets).float().mean()]))
            decay.step()
        self.steps_ = np.vstack([self.steps_, torch.stack(steps).double().cpu().numpy()])  # (S, 2)

    def _tell_epoch(self, epoch: int, rows: int, learning_rate: float) -> None:
        """Adds an epoch's line to the history; the last batch, which may be smaller, counts by its rows."""
        batches = np.diff([*range(0, rows, self.batch_size), rows])
        loss, accuracy = np.average(self.steps_[-len(batches) :], axis=0, weights=batches).tolist()
        self.history_.append({"epoch": epoch, "loss": loss, "accuracy": accuracy, "learning_rate": learning_rate})
        if self._after_epoch:
            self._after_epoch(self)

    def _probabilities(self, X: Matrix) -> Matrix:
        device = next(self.network_.parameters()).device
        with torch.inference_mode():
            outputs = torch.cat([self.network_(self._inputs(rows).to(device)) for rows in _chunks(X)])
            logits = outputs[:, : len(self.classes_)].cpu().double()  # without the extra outputs
            probabilities: Matrix = logits.softmax(dim=1).numpy()  # (N, C)
        return probabilities

    def _inputs(self, rows: Matrix) -> torch.Tensor:
        """Rows, standardised in their own precision, as a float32 tensor."""
        scaled = (rows - self.mean_.astype(rows.dtype)) / self.scale_.astype(rows.dtype)
        return torch.from_numpy(scaled.astype(np.float32, copy=False))

    def _widths(self) -> list[int]:
        return [self.n_features_in_, *self.hidden, len(self.classes_) + self.extra_outputs]

    def _network(self, generator: torch.Generator | None) -> nn.Sequential:
        layers: list[nn.Module] = []
        for inputs, outputs in zip(self._widths(), self._widths()[1:], strict=False):
            layers += [_linear(inputs, outputs, generator), _ACTIVATIONS[self.activation]()]
        return nn.Sequential(*layers[:-1])

    def _check_params(self) -> None:
        self._check_choice("activation", tuple(_ACTIVATIONS))
        for name in ("epochs", "batch_size"):
            self._check_number(name, low=1, integer=True, inclusive=True)
        self._check_number("extra_outputs", low=0, integer=True, inclusive=True)
        for name in ("learning_rate", "max_grad_norm"):
            self._check_number(name, low=0)
        self._check_number("weight_decay", low=0, inclusive=True)
        listed = isinstance(self.hidden, (list, tuple))
        if not listed or not all(isinstance(width, int) and width > 0 for width in self.hidden):
            raise ValueError(f"hidden must be a list of widths above 0, got {self.hidden!r}")


def _backward(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    network: nn.Sequential,
    double_softmax: bool,
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of a batch's mean cross entropy; returns that loss, and the outputs (B, C + extra).

    The first layer's, which at the paper's width is 269 MB, goes into `gradient`: taking as much memory anew at every
    step costs more than the product that fills it.
    """
    first = network[0]
    with torch.no_grad():
        hidden = first(inputs)  # (B, H)
    outputs = network[1:](hidden.requires_grad_())
    loss = nn.functional.cross_entropy(outputs.softmax(dim=1) if double_softmax else outputs, targets)
    loss.backward()
    first.weight.grad = torch.mm(hidden.grad.T, inputs, out=gradient)
    first.bias.grad = hidden.grad.sum(dim=0)
    return loss.detach(), outputs.detach()


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
    return (_taken(X, slice(start, start + rows)) for start in range(0, X.shape[0], rows))


def _taken(X: Any, rows: slice | NDArray[np.int64]) -> Matrix:
    """Some rows as an array; those of an array were checked when it came, those of `Rows` are checked here."""
    taken: Matrix = X[rows]
    if not isinstance(X, np.ndarray) and not np.isfinite(taken).all():
        raise ValueError("Input X contains NaN or infinity.")
    return taken


def _is_rows(X: Any) -> bool:
    rows_on_demand = hasattr(X, "shape") and hasattr(X, "__getitem__") and not hasattr(X, "__array__")
    return rows_on_demand and not issparse(X)


def _check_shape(X: Any, columns: int | None = None) -> None:
    if len(X.shape) != 2 or not all(X.shape) or (columns and X.shape[1] != columns):
        raise ValueError(f"X must be of shape (N, {columns or 'D'}) with at least one row, got {tuple(X.shape)}")


def _device(name: str) -> torch.device:
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    try:
        return torch.device(name) if name != "auto" else found or torch.device("cpu")
    except (RuntimeError, TypeError):
        raise ValueError(f"device must be 'auto' or a torch device such as 'cpu', got {name!r}") from None
