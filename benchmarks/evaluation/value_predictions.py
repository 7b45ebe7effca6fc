"""Predict values by a fitted regressor, and check what it returns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.value_targets import REGRESSORS, Ratings
from featurestore import registry
from featurestore.errors import Unavailable
from featurestore.head_inputs import give
from featurestore.plugin_errors import explain_errors
from heads import Inputs


def stack_ratings(ratings: Ratings, ids: Sequence[str]) -> NDArray[np.float64]:
    """Stack the values of some utterances in their order: (N, T)."""
    return np.array([ratings[one] for one in ids], np.float64)


def predict_values(name: str, regressor: Any, inputs: Inputs, targets: Sequence[str]) -> NDArray[np.float64]:
    """Predict the values of M targets of a run, and check them: (M, T), finite numbers.

    Args:
        name: registry name of the regressor.
        regressor: fitted.
        inputs: what to predict.
        targets: T names.

    Raises:
        Unavailable: the regressor fails, or returns something else.
    """
    with explain_errors(REGRESSORS, name, "predict"):
        found = np.asarray(regressor.predict(give(regressor, inputs)))
    expected = (len(inputs), len(targets))
    if found.shape == expected and found.dtype.kind == "f" and np.isfinite(found).all():
        return found.astype(np.float64)
    plugin = registry.describe_source(REGRESSORS, name)
    what = "values that are not finite" if found.shape == expected else f"shape {found.shape} of {found.dtype}"
    raise Unavailable(
        f"{registry.describe_origin(REGRESSORS, name) if plugin else f'regressor {name}'}: predict returned {what}",
        expected=f"finite numbers of shape {expected}",
        do="correct the plug-in, then run the same command again" if plugin else "give other settings by --param",
    )
