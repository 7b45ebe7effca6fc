"""Gradient-boosted trees (xgboost), fast on wide features: 64 bins, a fifth of the columns per tree."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from xgboost import XGBClassifier

from heads._base import Codes, Head, Matrix, draw_seed

__all__ = ["XGBHead"]

_FILE = "xgb.ubj"


class XGBHead(Head):
    """Histogram gradient boosting (Chen and Guestrin 2016, "XGBoost: A Scalable Tree Boosting System").

    The default bins and columns make 100 rounds on 5,904 x 1,548 features 5 x faster than xgboost's own (21 s against
    117 s on 2 cores), at 0.766 instead of 0.782 accuracy.

    Args:
        n_estimators: boosting rounds, at least 1; each grows one tree per class.
        learning_rate: share of each tree's answer that is added, above 0.
        max_depth: of a tree, at least 1.
        max_bin: bins per column, at least 2.
        colsample_bytree: share of the columns that a tree sees, in (0, 1].
        subsample: share of the rows that a tree sees, in (0, 1].
        min_child_weight: least sum of second derivatives in a leaf, at least 0.
        reg_lambda: L2 penalty on the leaves, at least 0.
        n_jobs: threads; None for all cores.
        random_state: seeds the choice of columns and rows.

    Attributes:
        model_: the fitted `xgboost.XGBClassifier` on class numbers.
    """

    COST: ClassVar[float] = 40.0
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "n_estimators": (100, 200, 400),
        "learning_rate": (0.03, 0.1, 0.3),
        "max_depth": (2, 3, 4, 6),
        "colsample_bytree": (0.1, 0.2, 0.5, 1.0),
        "subsample": (0.5, 0.8, 1.0),
        "min_child_weight": (1.0, 5.0),
    }

    model_: XGBClassifier

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        learning_rate: float = 0.3,
        max_depth: int = 6,
        max_bin: int = 64,
        colsample_bytree: float = 0.2,
        subsample: float = 1.0,
        min_child_weight: float = 1.0,
        reg_lambda: float = 1.0,
        n_jobs: int | None = None,
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
        self.random_state = random_state

    def save_weights(self, folder: Path) -> None:
        """Write `xgb.ubj` (UBJSON)."""
        self.model_.save_model(folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Read `xgb.ubj`."""
        model = XGBClassifier(n_jobs=self.n_jobs)
        model.load_model(folder / _FILE)
        if (model.n_classes_, model.n_features_in_) != (len(self.classes_), self.n_features_in_):
            raise ValueError(f"{_FILE} is for {model.n_classes_} classes and {model.n_features_in_} columns")
        self.model_ = model

    def _fit(self, X: Matrix, codes: Codes) -> None:
        self._check_params()
        params = {name: value for name, value in self.get_params().items() if name != "random_state"}
        self.model_ = XGBClassifier(tree_method="hist", random_state=draw_seed(self.random_state), **params)
        self.model_.fit(X, codes)

    def _check_params(self) -> None:
        for name, low in {"n_estimators": 1, "max_depth": 1, "max_bin": 2}.items():
            self._check_number(name, low=low, integer=True, inclusive=True)
        self._check_number("learning_rate", low=0)
        for name in ("colsample_bytree", "subsample"):
            self._check_number(name, low=0, high=1)
        for name in ("min_child_weight", "reg_lambda"):
            self._check_number(name, low=0, inclusive=True)

    def _predict_proba(self, X: Matrix) -> Matrix:
        probabilities: Matrix = self.model_.predict_proba(X)  # (N, C)
        return probabilities
