"""Search for a head's settings on parts of training: scikit-learn's search over draws from the head's own lists."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.statistics.metrics import unweighted_average_recall
from featurestore import registry
from featurestore.errors import BadValue, Mismatch
from featurestore.folds.fold import Fold


def space(head: str, given: Collection[str]) -> Mapping[str, Sequence[Any]]:
    """List the values that a search draws from, by setting.

    Args:
        head: its registry name.
        given: settings that are not searched.
    """
    return {name: values for name, values in registry.load("heads", head).SPACE.items() if name not in given}


def check_searchable(head: str) -> None:
    """Check that a search knows which values to draw from: it does not for a classifier by its dotted path.

    Raises:
        BadValue: it does not.
    """
    if "." in head and not registry.load("heads", head).SPACE:
        raise BadValue(
            f"--search has no values to draw from for {head}",
            expected="a head of this project, or a plug-in that lists them in SPACE",
            do="do without --search, and give settings by --param",
        )


def limit_parts(fold: Fold, parts: int) -> Fold:
    """Keep at most so many parts of training that take turns as dev; 1 is the dev part alone.

    Raises:
        Mismatch: the fold has no dev part.
    """
    if not fold.dev:
        raise Mismatch(
            f"fold {fold.name}: no dev utterance has features", do="extract what is missing, or do without --search"
        )
    return replace(fold, turns=fold.turns[: parts - 1])


def search(
    head: str, params: dict[str, Any], X: np.ndarray, y: Sequence[str], parts: Sequence[int], draws: int, seed: int
) -> dict[str, Any]:
    """Choose the settings that do best on dev, among `draws` of the head's SPACE and the given ones as they are.

    Each part takes its turn as dev and the head is fitted on the others. Best is by unweighted average recall, averaged
    over the parts (nested cross-validation: Cawley and Talbot 2010, "On Over-fitting in Model Selection"). The test
    part is not among the rows.

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

    kind, values = registry.load("heads", head), space(head, params)
    if not values:
        return dict(params)
    most = math.prod(map(len, values.values()))
    drawn = list(ParameterSampler(values, min(draws, most), random_state=seed))
    default = {name: kind(**params).get_params()[name] for name in values}
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
