"""Which classes are taken for which."""

from typing import Any

import numpy as np

from benchmarks.grid.results import System


def confusion(system: System) -> dict[str, Any]:
    """The confusion matrix of all folds together.

    Returns:
        `classes`; `counts` (C true, C predicted), the mean over seeds; `shares`, the same over the sum of its row, 0
        where a class is never true: its diagonal is the recall.
    """
    classes = list(system.pooled[0].classes)
    place = {name: number for number, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)))
    for answers in system.pooled:
        cells = ([place[name] for name in names] for names in (answers.truth, answers.prediction))
        np.add.at(counts, tuple(cells), 1 / len(system.pooled))
    counts = counts.round(6)  # a third thrice is one
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    return {"classes": classes, "counts": counts.tolist(), "shares": shares.tolist()}
