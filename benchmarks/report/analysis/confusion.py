"""Count which classes are predicted for which."""

import numpy as np

from benchmarks.grid.system import System
from benchmarks.report.analysis.section_types import ConfusionContent


def count_confusion(system: System) -> ConfusionContent:
    """Return the confusion matrix of all folds together, the mean over seeds.

    Returns:
        `counts` (C true, C predicted), and `shares`, the counts over the sum of their row, 0 where a class is never
        true. The diagonal of `shares` is the recall.
    """
    counts = np.mean([answers.confusion() for answers in system.pooled], axis=0)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    return {"classes": list(system.pooled[0].classes), "counts": counts.tolist(), "shares": shares.tolist()}
