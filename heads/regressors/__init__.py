"""Scikit-learn regressors of valence, activation and dominance, one per module.

Each predicts several targets at once, Y (N, T), on the scale that it was given.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heads.regressors._base import Regressor

__all__ = ["Regressor", "load_regressor"]


def load_regressor(path: str) -> "type[Regressor]":
    """Make a regressor of any scikit-learn regressor by its dotted path.

    Args:
        path: for example `sklearn.ensemble.RandomForestRegressor`.

    Raises:
        UnusableEstimator: the dotted path leads to no regressor.
    """
    from heads.regressors._wrapped_regressor import make_regressor

    return make_regressor(path)


def __getattr__(name: str) -> Any:
    if name != "Regressor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from heads.regressors._base import Regressor

    return Regressor
