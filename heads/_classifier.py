"""Make a head of any scikit-learn classifier, named by its dotted path."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

from heads._base import Codes, Head, Matrix
from heads._calibration import fit_temperature, to_probabilities
from heads._dotted_path import CLASSIFIER, check_estimator, construct_estimator, find_estimator
from heads._wrapped import WrappedEstimator, make_wrapper

_FOLDS = 3  # that choose the temperature of a classifier without probabilities


class ClassifierHead(WrappedEstimator, Head):
    """A scikit-learn classifier as a head. `make_head` makes a subclass of this for each classifier.

    The features are not standardized. The classifier sees the classes as the numbers 0 to C - 1
    in the order of `classes_`; the class names of a `class_weight` are translated. Where it gives no probabilities, its
    scores become probabilities by temperature scaling on 3 folds. `predict` gives the most probable class.

    Attributes:
        temperature_: of its scores; None where it gives probabilities itself.
    """

    FILE: ClassVar[str] = "classifier.skops"
    LEARNED: ClassVar[tuple[str, ...]] = ("model_", "temperature_")

    temperature_: float | None

    def save_weights(self, folder: Path) -> None:
        """Write `classifier.skops` and set `trusted_types`.

        Raises:
            ValueError: skops cannot save the classifier, or the file would hold a type of another package.
        """
        self._save_learned(folder)

    def load_weights(self, folder: Path) -> None:
        """Read `classifier.skops`, which may hold the types that skops knows and the recorded `trusted_types`."""
        self._load_learned(folder)

    def _fit(self, X: Matrix, codes: Codes) -> None:
        model = clone(self._estimator)
        weights = self.get_params().get("class_weight")
        if isinstance(weights, dict):
            model.set_params(class_weight=self._weights_by_code(weights))
        try:
            self.model_, self.temperature_ = self._fit_model(model, X, codes)
        except (ValueError, MemoryError):
            raise
        except Exception as error:  # every package raises its own
            raise ValueError(f"{type(error).__name__}: {error}") from error
        if not np.array_equal(self.model_.classes_, np.arange(len(self.classes_))):
            raise ValueError(
                f"{self.PATH} learned the classes {self.model_.classes_}, not {len(self.classes_)} numbers"
            )

    def _fit_model(self, model: Any, X: Matrix, codes: Codes) -> tuple[Any, float | None]:
        if hasattr(model, "predict_proba"):
            return model.fit(X, codes), None
        if hasattr(model, "decision_function"):
            return fit_temperature(model, X, codes, _FOLDS, self.get_params().get("random_state"))
        raise ValueError(f"{self.PATH} has neither predict_proba nor decision_function with these parameters")

    def _weights_by_code(self, weights: Mapping[str, float]) -> dict[int, float]:
        codes = {str(name): code for code, name in enumerate(self.classes_)}
        if unknown := sorted(set(map(str, weights)) - codes.keys()):
            raise ValueError(f"class_weight names {', '.join(unknown)}, and the classes are {', '.join(codes)}")
        return {codes[str(name)]: weight for name, weight in weights.items()}

    def _predict_proba(self, X: Matrix) -> Matrix:
        if self.temperature_ is not None:
            return to_probabilities(self.model_.decision_function(X), self.temperature_)
        probabilities: Matrix = self.model_.predict_proba(X)  # (N, C)
        return probabilities

    def __sklearn_tags__(self) -> Any:
        """Return the classifier's own tags for a baseline, for randomness and for two classes only."""
        tags, own = super().__sklearn_tags__(), get_tags(self._estimator)
        tags.non_deterministic = own.non_deterministic
        if own.classifier_tags:
            tags.classifier_tags.poor_score = own.classifier_tags.poor_score
            tags.classifier_tags.multi_class = own.classifier_tags.multi_class
        return tags

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the dotted path, from which the class is made again."""
        return _rebuild, (self.PATH, self.__dict__)


def _rebuild(path: str, state: dict[str, Any]) -> ClassifierHead:
    head: ClassifierHead = object.__new__(make_head(path))
    head.__dict__.update(state)
    return head


@cache
def make_head(path: str) -> type[Head]:
    """Make a head of the classifier at a dotted path, with the classifier's parameters.

    Raises:
        UnusableEstimator: there is no classifier, or it needs arguments that have no default.
    """
    classifier = find_estimator(path, CLASSIFIER)
    instance = construct_estimator(path, classifier, CLASSIFIER)
    check_estimator(path, instance, CLASSIFIER)
    if isinstance(instance, Head):
        own: type[Head] = classifier
        return own
    head: type[Head] = make_wrapper(ClassifierHead, path, classifier)
    return head
