"""Choosing a head's settings on dev: scikit-learn's search over values that are drawn from the head's own list."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.statistics.metrics import unweighted_average_recall
from featurestore import registry


def search(
    head: str, params: dict[str, Any], X: np.ndarray, y: Sequence[str], parts: Sequence[int], draws: int, seed: int
) -> dict[str, Any]:
    """The settings among `draws` of the head's SPACE (and its defaults) that do best on dev, fitted on the others.

    Each part takes its turn as dev; best by unweighted average recall, averaged over them (nested cross-validation:
    Cawley and Talbot 2010, "On Over-fitting in Model Selection"). The test part is not among the rows.

    Args:
        head: its registry name.
        params: settings that are given; they are not searched.
        X: the rows to learn from, dev included (N, D).
        y: their classes.
        parts: by row the number of its part, counted from 0; -1 for rows that are always fitted on.
        draws: how many settings to try, beside the given ones as they are.
        seed: of the drawing.

    Returns:
        `params` with the chosen settings.
    """
    from sklearn.metrics import make_scorer
    from sklearn.model_selection import GridSearchCV, ParameterSampler, PredefinedSplit

    kind = registry.load("heads", head)
    space = {name: values for name, values in kind.SPACE.items() if name not in params}
    if not space:
        return dict(params)
    most = math.prod(len(values) for values in space.values())
    drawn = list(ParameterSampler(space, min(draws, most), random_state=seed))
    default = {name: kind(**params).get_params()[name] for name in space}
    candidates = [{name: [value] for name, value in one.items()} for one in (default, *drawn)]
    found = GridSearchCV(
        kind(**params),
        candidates,
        scoring=make_scorer(unweighted_average_recall),
        cv=PredefinedSplit(parts),
        refit=False,
        error_score="raise",
    ).fit(X, np.asarray(y))
    return params | dict(found.best_params_)
