"""Gradient-boosted regression trees (xgboost), fast on wide features: 64 bins, a fifth of the columns per tree."""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xgboost
from numpy.typing import NDArray

from heads._base import Matrix, draw_seed
from heads.regressors._base import Regressor
from heads.xgb import choose_device

__all__ = ["XGBRegressor"]

_FILE = "xgb.ubj"


class XGBRegressor(Regressor):
    """Histogram gradient boosting with squared error, one tree per round and target.

    Chen and Guestrin 2016, "XGBoost: A Scalable Tree Boosting System".

    Args:
        n_estimators: boosting rounds, at least 1.
        learning_rate: share of each tree's answer that is added, above 0.
        max_depth: of a tree, at least 1.
        max_bin: bins per column, at least 2.
        colsample_bytree: share of the columns that a tree sees, in (0, 1].
        subsample: share of the rows that a tree sees, in (0, 1].
        min_child_weight: least number of rows in a leaf, at least 0.
        reg_lambda: L2 penalty on the leaves, at least 0.
        n_jobs: threads; None for all cores.
        device: where trees are grown: "auto" (the GPU where xgboost and torch see one), "cpu", "cuda" or "cuda:1". The
            fitted regressor predicts on the CPU.
        random_state: seeds the choice of columns and rows.

    Attributes:
        model_: the fitted `xgboost.XGBRegressor`.
    """

    COST: ClassVar[float] = 20.0
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "n_estimators": (100, 200, 400),
        "learning_rate": (0.03, 0.1, 0.3),
        "max_depth": (2, 3, 4, 6),
        "colsample_bytree": (0.1, 0.2, 0.5, 1.0),
        "subsample": (0.5, 0.8, 1.0),
        "min_child_weight": (1.0, 5.0),
    }

    model_: xgboost.XGBRegressor

    def __init__(
        self,
        *,
        n_estimators: int = 200,
        learning_rate: float = 0.1,
        max_depth: int = 4,
        max_bin: int = 64,
        colsample_bytree: float = 0.2,
        subsample: float = 1.0,
        min_child_weight: float = 1.0,
        reg_lambda: float = 1.0,
        n_jobs: int | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.max_bin = max_bin
        self.colsample_bytree = colsample_bytree
        self.subsample = subsample
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.n_jobs = n_jobs
        self.device = device
        self.random_state = random_state

    def _fit(self, X: Matrix, Z: NDArray[np.float64]) -> None:
        self._check_params()
        chosen = {"random_state": draw_seed(self.random_state), "device": choose_device(self.device)}
        model = xgboost.XGBRegressor(tree_method="hist", **self.get_params() | chosen)
        self.model_ = model.fit(X, Z).set_params(device="cpu")

    def _check_params(self) -> None:
        for name, low in {"n_estimators": 1, "max_depth": 1, "max_bin": 2}.items():
            self._check_number(name, low=low, integer=True, inclusive=True)
        self._check_number("learning_rate", low=0)
        for name in ("colsample_bytree", "subsample"):
            self._check_number(name, low=0, high=1)
        for name in ("min_child_weight", "reg_lambda"):
            self._check_number(name, low=0, inclusive=True)

    def _predict(self, X: Matrix) -> Matrix:
        predicted: Matrix = self.model_.predict(X).reshape(len(X), -1)  # (N, T)
        return predicted

    def _save(self, folder: Path) -> None:
        self.model_.save_model(folder / _FILE)

    def _load(self, folder: Path) -> None:
        model = xgboost.XGBRegressor(n_jobs=self.n_jobs)
        model.load_model(folder / _FILE)
        learner = json.loads(model.get_booster().save_config())["learner"]
        targets = int(learner["learner_model_param"]["num_target"])
        if (targets, model.n_features_in_) != (self.n_targets_, self.n_features_in_):
            raise ValueError(f"{_FILE} is for {targets} targets and {model.n_features_in_} columns")
        self.model_ = model
