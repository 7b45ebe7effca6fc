"""Class frequencies of the training part: a baseline that every other head must beat."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from heads._base import Codes, Head, Matrix
from heads._inputs import BLOCKS, FRAMES, Inputs

__all__ = ["PriorHead"]

_FILE = "prior.safetensors"


class PriorHead(Head):
    """Predict the class frequencies of the training part for every utterance. Features of any kind are ignored.

    Attributes:
        class_prior_: (C,) share of each class in the training part, or the mean of the distributions, in 0..1.

    >>> head = PriorHead().fit([[0.0], [1.0], [2.0], [3.0]], ["sad", "sad", "sad", "happy"])
    >>> head.predict_proba([[5.0]])
    array([[0.25, 0.75]])
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({BLOCKS, FRAMES})
    STREAMS: ClassVar[bool] = True
    SOFT_LABELS: ClassVar[bool] = True

    class_prior_: NDArray[np.float64]

    def __sklearn_tags__(self) -> Any:
        """Tag this head as a baseline: scikit-learn expects a poor score of it."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def save_weights(self, folder: Path) -> None:
        """Write `prior.safetensors`."""
        safetensors.save_file({"class_prior": self.class_prior_}, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Read `prior.safetensors`."""
        prior = safetensors.load_file(folder / _FILE)["class_prior"]
        if prior.shape != self.classes_.shape:
            raise ValueError(f"{_FILE} is for {len(prior)} classes, not {len(self.classes_)}")
        self.class_prior_ = prior

    def _check_classes(self) -> None:
        """Accept a single class."""

    def _fit(self, X: Inputs, codes: Codes) -> None:
        soft = self._distributions
        self.class_prior_ = np.bincount(codes) / len(codes) if soft is None else soft.mean(axis=0)

    def _predict_proba(self, X: Inputs) -> Matrix:
        return np.tile(self.class_prior_, (len(X), 1))
