"""The same probability for every class: an example of a baseline head in one file."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import numpy as safetensors

from heads import Codes, Head, Matrix

__all__ = ["ChanceHead"]

KIND = "heads"
_FILE = "chance.safetensors"


class ChanceHead(Head):
    """Give every class the same probability, whatever the features."""

    def __sklearn_tags__(self) -> Any:
        """Tag this head as a baseline: scikit-learn expects a poor score of it."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def save_weights(self, folder: Path) -> None:
        """Write `chance.safetensors`."""
        safetensors.save_file({"classes": np.array([len(self.classes_)])}, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Read `chance.safetensors`."""
        if safetensors.load_file(folder / _FILE)["classes"] != len(self.classes_):
            raise ValueError(f"{_FILE} is for another number of classes")

    def _fit(self, X: Matrix, codes: Codes) -> None:
        """Learn nothing."""

    def _predict_proba(self, X: Matrix) -> Matrix:
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
