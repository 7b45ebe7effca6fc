"""Name the protocol flaws that a benchmark measures, and choose the epoch on the test part, which is one of them.

The flaws are those of published experiments. A run under a flaw is a control: its figure is no result.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.evaluation.head_settings import default_params
from featurestore import registry
from featurestore.errors import Unavailable

PROTOCOLS = ("random-utterance", "dialogue-letter", "paper-tail")  # whose docstrings name their sources
BEST_EPOCH = "best epoch on test"
_EPOCHS, _PATIENCE = "epochs", "patience"


def learns_in_epochs(head: str) -> bool:
    """Tell whether a head has a setting `epochs` and lets its caller predict after each of them (`Head.fit`).

    A classifier by its dotted path has no such call.
    """
    fit = inspect.signature(registry.load("heads", head).fit)
    return "." not in head and _EPOCHS in default_params(head) and "after_epoch" in fit.parameters


def run_all_epochs(params: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings under which a head runs all its epochs: `patience` is the number of epochs.

    A head that stops early would hide the later epochs. The part that it keeps aside stays as it is, so that the head
    learns from the same utterances as without the flaw, and only the choice of the epoch differs.

    Args:
        params: settings of the head.
        defaults: all settings of the head.
    """
    epochs = params.get(_EPOCHS, defaults[_EPOCHS])
    return dict(params) | ({_PATIENCE: epochs} if _PATIENCE in defaults else {})


class EpochChooser:
    """Choose the epoch with the highest accuracy on the test part, the first of equals: call it after each epoch.

    Args:
        head: registry name of the head, for messages.
        predict: computes the probabilities of the test part (M, C) by the head as it is.
        truth: true classes of the test part (M,).

    Attributes:
        epoch: the chosen one, counted from 1; 0 before the first.
        probabilities: of the test part after that epoch (M, C).
    """

    def __init__(self, head: str, predict: Callable[[Any], np.ndarray], truth: Sequence[str]) -> None:
        self.epoch = 0
        self.probabilities = np.empty((0, 0))
        self._head, self._predict, self._truth = head, predict, np.array(truth)
        self._epochs, self._right = 0, -1

    def __call__(self, estimator: Any) -> None:
        """Predict the test part, and keep the probabilities if more of them are right than after any epoch before."""
        self._epochs += 1
        probabilities = self._predict(estimator)
        right = int((estimator.classes_[probabilities.argmax(axis=1)] == self._truth).sum())
        if right > self._right:
            self.epoch, self.probabilities, self._right = self._epochs, probabilities, right

    def check(self) -> None:
        """Check that there was an epoch.

        Raises:
            Unavailable: the head never called.
        """
        if not self.epoch:
            raise Unavailable(
                f"head {self._head} has a setting {_EPOCHS}, and never called after_epoch while it was fitted",
                do="call it after each epoch, as heads.Head.fit describes, or leave --flaws out",
            )
