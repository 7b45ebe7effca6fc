"""Define what intervals and comparisons read of the predictions of a head, of classes and of values alike."""

from collections.abc import Sized
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import Values


class MeasuredAnswers(Protocol):
    """The predictions of one head; `Answers` and `ValueAnswers` are measured answers."""

    @property
    def truth(self) -> Sized:
        """What is true of each utterance (N,)."""

    def values(self) -> dict[str, float]:
        """Return every metric by name."""

    def resample(self, unit: NDArray[np.intp], resamples: int, seed: int) -> dict[str, Values]:
        """Return every metric in each resample (R,) of units (N,)."""

    def limits(self, metric: str) -> tuple[float, float]:
        """Return the least and the greatest possible value of a metric."""
