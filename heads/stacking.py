"""Late fusion: one head for each modality, combined by logistic regression on their out-of-fold probabilities."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from heads import _skops
from heads._base import Codes, Head, Matrix, draw_seed
from heads._inputs import BLOCKS, Inputs, Layout, apply_layout, describe_layout
from heads._modalities import AUDIO, TEXT, list_columns
from heads._skops import UntrustedTypesFoundException, skops
from heads.logistic import LogisticHead
from heads.svm import SVMHead

__all__ = ["StackingHead"]

_FILE = "stacking.skops"
# skops trusts scikit-learn's estimators, arrays and numbers by default
_TRUSTED = [f"{kind.__module__}.{kind.__qualname__}" for kind in (LogisticHead, SVMHead, StratifiedKFold, Bunch)]
_LEARNED = ("layout", "model")


class StackingHead(Head):
    """Late fusion by stacking: a head for each modality, and logistic regression on the probabilities that they give.

    Wolpert 1992, "Stacked Generalization", by scikit-learn's `StackingClassifier`. The head of a modality reads the
    standardized columns of all its features. The last regression learns from probabilities for utterances that the
    modalities' heads were not fitted on: folds are drawn from all training utterances, stratified by class. After
    that, the modalities' heads are fitted on all of them.

    Each modality speaks for itself before any other is heard, so what only two together tell, such as a class that is
    the product of their signs, is out of reach. A feature of unknown modality is a modality of its own. With one
    modality, or a plain matrix, the last regression only corrects one head's probabilities.

    Args:
        base: the head of each modality, with its default settings: "logistic" or "svm".
        C: inverse of the penalty's strength in the last regression, above 0.
        class_weight: of every regression and machine: None, "balanced", or a weight by class name.
        folds: for the probabilities, at least 2; each is one more fit of every modality's head. No more are drawn than
            the most frequent class has utterances.
        random_state: seeds the folds, and those inside a support vector machine.

    Attributes:
        model_: the fitted `StackingClassifier`, with the class numbers as its classes.
        layout_: the blocks that it was fitted on.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset({BLOCKS})
    COST: ClassVar[float] = 20.0
    SPACE: ClassVar[dict[str, tuple[Any, ...]]] = {
        "base": ("logistic", "svm"),
        "C": (0.1, 1.0, 10.0),
        "class_weight": (None, "balanced"),
    }

    model_: StackingClassifier
    layout_: Layout

    def __init__(
        self,
        *,
        base: str = "logistic",
        C: float = 1.0,
        class_weight: dict[str, float] | str | None = None,
        folds: int = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.base = base
        self.C = C
        self.class_weight = class_weight
        self.folds = folds
        self.random_state = random_state

    def list_modalities(self) -> tuple[str, ...]:
        """List both modalities: with one there is nothing to combine."""
        return (AUDIO, TEXT)

    def save_weights(self, folder: Path) -> None:
        """Write `stacking.skops`: the classifier and the layout."""
        _skops.save({"layout": self.layout_.to_json(), "model": self.model_}, folder / _FILE)

    def load_weights(self, folder: Path) -> None:
        """Read `stacking.skops`.

        Raises:
            ValueError: the file is of other columns, or holds types that stacking does not need.
        """
        try:
            learned = skops.io.load(folder / _FILE, trusted=_TRUSTED)
        except UntrustedTypesFoundException as error:
            raise ValueError(f"{_FILE} holds types that stacking does not need: {error}") from None
        if not isinstance(learned, dict) or learned.keys() != set(_LEARNED):
            raise ValueError(f"{_FILE} does not hold {', '.join(_LEARNED)}")
        layout = Layout.from_json(learned["layout"])
        if layout.width != self.n_features_in_:
            raise ValueError(f"{_FILE} is of {layout.width} columns, not {self.n_features_in_}")
        self.layout_, self.model_ = layout, learned["model"]

    def _fit(self, X: Inputs, codes: Codes) -> None:
        self._check_params()
        seed = draw_seed(self.random_state)
        counts = np.sort(np.bincount(codes))[::-1]
        if counts[1] < 2:
            raise ValueError(f"{type(self).__name__} needs 2 classes of at least 2 utterances, got {counts.tolist()}")
        self.layout_ = describe_layout(X)
        weights = self._weigh_classes()
        model = StackingClassifier(
            [(name, _make_pipeline(columns, self._make_base(weights, seed))) for name, columns in self._list_columns()],
            LogisticRegression(C=self.C, class_weight=weights, max_iter=1000),
            cv=StratifiedKFold(min(self.folds, int(counts[0])), shuffle=True, random_state=seed),
            stack_method="predict_proba",
        )
        with _allow_rare_classes():
            self.model_ = model.fit(X.X[X.targets], codes)

    def _predict_proba(self, X: Inputs) -> Matrix:
        X = apply_layout(X, self.layout_)
        probabilities: Matrix = self.model_.predict_proba(X.X[X.targets])
        return probabilities

    def describe_approximation(self) -> str:
        """Describe what the heads of the modalities approximate, or return an empty text."""
        return next(filter(None, (one[-1].describe_approximation() for one in self.model_.estimators_)), "")

    def _list_columns(self) -> list[tuple[str, list[int]]]:
        """List the columns of each modality, under names that scikit-learn takes: without `__`."""
        columns = list_columns(self.layout_.blocks).values()
        return [(f"modality{number}", found) for number, found in enumerate(columns)]

    def _make_base(self, class_weight: Any, seed: int) -> Head:
        if self.base == "svm":
            return SVMHead(class_weight=class_weight, random_state=seed)
        return LogisticHead(class_weight=class_weight)

    def _weigh_classes(self) -> Any:
        """Return the class weights by class number, as the classifiers inside see the classes."""
        if not isinstance(self.class_weight, dict):
            return self.class_weight
        names = self.classes_.tolist()
        if unknown := sorted(set(self.class_weight) - set(names)):
            raise ValueError(f"class_weight names {unknown}, and the classes are {names}")
        return {names.index(name): weight for name, weight in self.class_weight.items()}

    def _check_params(self) -> None:
        self._check_choice("base", ("logistic", "svm"))
        self._check_number("C", low=0)
        self._check_counts("folds", low=2)


def _make_pipeline(columns: list[int], base: Head) -> Any:
    """Make a pipeline that selects columns and classifies them. The heads standardize by themselves."""
    return make_pipeline(ColumnTransformer([("columns", "passthrough", columns)]), base)


@contextmanager
def _allow_rare_classes() -> Iterator[None]:
    """Let a class be missing from a fold: its out-of-fold probability is 0 there."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        warnings.filterwarnings("ignore", "Number of classes in", RuntimeWarning)
        yield
