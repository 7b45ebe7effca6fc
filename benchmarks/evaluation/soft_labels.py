"""Give a head the distributions of raters' votes to learn from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from featurestore import registry
from featurestore.errors import BadValue
from featurestore.known_names import check_known

LABELS, VOTES = "labels", "votes"  # what a head may be trained on


def learns_votes(head: str) -> bool:
    """Tell whether a head can learn from distributions."""
    return bool(getattr(registry.load("heads", head), "SOFT_LABELS", False))


def check_train_on(train_on: Sequence[str], heads: Iterable[str]) -> None:
    """Check what heads are to be trained on.

    Raises:
        UnknownName: it is neither `labels` nor `votes`.
        BadValue: it is `votes` alone, and a head learns from classes only.
    """
    for one in train_on:
        check_known(one, (LABELS, VOTES), what=f"{one!r} to train on")
    unable = [head for head in heads if not learns_votes(head)]
    if LABELS not in train_on and unable:
        raise BadValue(
            f"head {unable[0]} cannot train on votes: it learns from one class for each utterance",
            expected="a head that learns from distributions, such as logistic, mlp or bc-lstm",
            do="choose another head, or train on labels: cli benchmark --train-on labels,votes does both",
        )


@dataclass(frozen=True)
class SoftLabels:
    """Distributions over classes for the rows that a head learns from.

    Args:
        names: classes, sorted (K,).
        shares: of each row and class (N, K); a row without votes has its label.
    """

    names: tuple[str, ...]
    shares: NDArray[np.float64]

    @classmethod
    def build(cls, distributions: Mapping[str, Mapping[str, float]], ids: Sequence[str], y: Sequence[str]) -> Self:
        """Build those of some utterances from distributions by id, and from the classes y (N,) where there is none."""
        names = tuple(sorted(set(y)))
        rows = [distributions.get(one) or {label: 1.0} for one, label in zip(ids, y, strict=True)]
        shares = np.array([[row.get(name, 0.0) for name in names] for row in rows])
        return cls(names, _fill_empty(shares, names, y))

    def select(self, rows: NDArray[np.intp], y: Sequence[str]) -> NDArray[np.float64]:
        """Return the distributions of some rows (M,) over the sorted classes that occur in their own y (M,)."""
        kept = np.isin(self.names, y)
        return _fill_empty(self.shares[rows][:, kept], [name for name in self.names if name in set(y)], y)


def _fill_empty(shares: NDArray[np.float64], names: Sequence[str], y: Sequence[str]) -> NDArray[np.float64]:
    """Make each row sum to 1. A row without any share of these classes gets its label."""
    totals = shares.sum(axis=1, keepdims=True)
    certain: NDArray[np.float64] = (np.array(names) == np.array(y)[:, None]).astype(float)
    np.divide(shares, totals, out=certain, where=totals > 0)
    return certain
