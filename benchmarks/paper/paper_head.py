"""Define the paper's fusion network: the MLP head with the extra output and the double softmax of the published code.

It reads rows on demand, since the paper's matrix of 131,360 columns does not fit into memory.
"""

from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import column_or_1d

from heads.mlp import MLPHead

__all__ = ["PaperMLP", "Rows"]

Matrix = NDArray[np.floating[Any]]


class Rows(Protocol):
    """A matrix wider than memory, read by row. It has no `__array__`, so that nothing can read all of it at once."""

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""

    def __getitem__(self, rows: Any) -> Any:
        """Read the rows of a slice or of an array of indices, as float32 or float64 (B, D)."""


class PaperMLP(MLPHead):
    """The MLP head with options of the published code (Petec and Popoviciu).

    The paper trains with a learning rate of 1e-5 for 6 epochs on unscaled inputs (`learning_rate=1e-5, epochs=6,
    standardize=False`), and its published code has no activation between the layers (`activation="identity"`).

    Args:
        extra_outputs: additional outputs that are no row's class (the published code has 1). Predictions leave them
            out, and the classes' probabilities sum to 1 without them.
        double_softmax: apply a softmax to the outputs before the cross entropy, which applies one itself, as the
            published code does. Gradients are then small, and the loss cannot fall to 0.
        params: those of `MLPHead`.
    """

    SOFT_LABELS: ClassVar[bool] = False  # an additional output is no class of a distribution

    def __init__(
        self,
        *,
        extra_outputs: int = 0,
        double_softmax: bool = False,
        hidden: tuple[int, ...] = (512, 128, 32),
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
        super().__init__(
            hidden=hidden,
            activation=activation,
            standardize=standardize,
            learning_rate=learning_rate,
            epochs=epochs,
            batch_size=batch_size,
            weight_decay=weight_decay,
            max_grad_norm=max_grad_norm,
            device=device,
            random_state=random_state,
        )
        self.extra_outputs = extra_outputs
        self.double_softmax = double_softmax

    def fit_epoch(self, *args: Any) -> None:
        """Pass over the rows once and call `after_epoch`."""
        # one place for the first layer's gradient, 269 MB at the paper's width: allocating it at every step costs
        # more than the product that fills it (without that, a step takes 0.6 of the time)
        self._gradient = torch.empty_like(self.network_[0].weight)
        try:
            super().fit_epoch(*args)
        finally:
            del self._gradient

    def compute_gradients(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Set the gradients as `MLPHead` does, the first layer's by hand into memory that is used again."""
        first = self.network_[0]
        with torch.no_grad():
            hidden = first(inputs)  # (B, H)
        outputs = self.network_[1:](hidden.requires_grad_())
        loss = self.loss(outputs, targets)
        loss.backward()
        first.weight.grad = torch.mm(hidden.grad.T, inputs, out=self._gradient)
        first.bias.grad = hidden.grad.sum(dim=0)
        return loss.detach(), outputs.detach()

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Compute the mean cross entropy of the outputs, or of their softmax."""
        return super().loss(outputs.softmax(dim=1) if self.double_softmax else outputs, targets)

    def compute_scores(self, X: Matrix) -> torch.Tensor:
        """Compute the outputs of the classes, without the extra ones: (N, C)."""
        return super().compute_scores(X)[:, : len(self.classes_)]

    def list_widths(self) -> list[int]:
        """List the widths of `MLPHead` with the extra outputs."""
        *inner, classes = super().list_widths()
        return [*inner, classes + self.extra_outputs]

    def _check_training(self, X: Any, y: ArrayLike) -> tuple[Any, NDArray[Any]]:
        """Validate training data. `Rows` are checked as they are read."""
        if not _is_rows(X):
            return super()._check_training(X, y)
        names: NDArray[Any] = column_or_1d(y)
        _check_shape(X)
        if len(names) != X.shape[0]:
            raise ValueError(f"X has {X.shape[0]} rows, y {len(names)}")
        self.n_features_in_ = int(X.shape[1])
        return _FiniteRows(X), names

    def _check_rows(self, X: Any) -> Any:
        """Validate rows to predict. `Rows` are checked as they are read."""
        if not _is_rows(X):
            return super()._check_rows(X)
        _check_shape(X, self.n_features_in_)
        return _FiniteRows(X)

    def _check_params(self) -> None:
        super()._check_params()
        self._check_number("extra_outputs", low=0, integer=True, inclusive=True)


class _FiniteRows:
    """Rows on demand that are checked as they are read."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self.shape = rows, rows.shape

    def __getitem__(self, rows: Any) -> Matrix:
        values: Matrix = self._rows[rows]
        if not np.isfinite(values).all():
            raise ValueError("Input X contains NaN or infinity.")
        return values


def _is_rows(X: Any) -> bool:
    by_row = hasattr(X, "shape") and hasattr(X, "__getitem__") and not hasattr(X, "__array__")
    return by_row and not issparse(X)


def _check_shape(X: Any, columns: int | None = None) -> None:
    if len(X.shape) != 2 or not all(X.shape) or (columns and X.shape[1] != columns):
        raise ValueError(f"X must be of shape (N, {columns or 'D'}) with at least one row, got {tuple(X.shape)}")
