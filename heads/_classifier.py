"""Make a head of any scikit-learn classifier, named by its dotted path."""

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

from heads._base import Codes, Head, Matrix
from heads._calibration import fit_temperature, to_probabilities
from heads._dotted_path import UnusableClassifier, check_classifier, find_classifier
from heads._skops import save, skops

_FILE = "classifier.skops"
_FOLDS = 3  # that choose the temperature of a classifier without probabilities
_LEARNED = ("model_", "temperature_")


class ClassifierHead(Head):
    """A scikit-learn classifier as a head. `make_head` makes a subclass of this for each classifier.

    The features are not standardized. The classifier sees the classes as the numbers 0 to C - 1
    in the order of `classes_`; the class names of a `class_weight` are translated. Where it gives no probabilities, its
    scores become probabilities by temperature scaling on 3 folds. `predict` gives the most probable class.

    Attributes:
        model_: the fitted classifier.
        temperature_: of its scores; None where it gives probabilities itself.
        trusted_types: the types in the saved file that skops does not know by itself. They are classes of the
            classifier's own package or of scikit-learn, and only recorded ones are loaded.
    """

    PATH: ClassVar[str]
    CLASSIFIER: ClassVar[type]
    COST: ClassVar[float] = 10.0  # unknown: between the logistic head and the boosted trees

    trusted_types: tuple[str, ...] = ()
    model_: Any
    temperature_: float | None

    def __init__(self, **params: Any) -> None:
        self._classifier = self.CLASSIFIER(**params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the classifier's parameters."""
        params: dict[str, Any] = self._classifier.get_params(deep=deep)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set some of the classifier's parameters."""
        self._classifier.set_params(**params)
        return self

    def save_weights(self, folder: Path) -> None:
        """Write `classifier.skops` and set `trusted_types`.

        Raises:
            ValueError: skops cannot save the classifier, or the file would hold a type of another package.
        """
        try:
            save({name: getattr(self, name) for name in _LEARNED}, folder / _FILE)
            self.trusted_types = tuple(self._list_untrusted_types(folder))
        except Exception as error:  # skops raises many kinds
            raise ValueError(f"{self.PATH} cannot be saved by skops: {error}") from error

    def load_weights(self, folder: Path) -> None:
        """Read `classifier.skops`, which may hold the types that skops knows and the recorded `trusted_types`."""
        found = self._list_untrusted_types(folder)
        if unrecorded := sorted(set(found) - set(self.trusted_types)):
            raise ValueError(f"{_FILE} holds types that its bundle does not record: {', '.join(unrecorded)}")
        learned = skops.io.load(folder / _FILE, trusted=found)
        if not isinstance(learned, dict) or learned.keys() != set(_LEARNED):
            raise ValueError(f"{_FILE} does not hold {', '.join(_LEARNED)}")
        if type(learned["model_"]) is not self.CLASSIFIER:
            raise ValueError(f"{_FILE} holds a {type(learned['model_']).__name__}, not {self.PATH}")
        self.model_, self.temperature_ = learned["model_"], learned["temperature_"]

    def _list_untrusted_types(self, folder: Path) -> list[str]:
        """List the types in the file that skops does not know.

        Raises:
            ValueError: one of them is neither a class of the classifier's package nor one of scikit-learn.
        """
        found: list[str] = skops.io.get_untrusted_types(file=folder / _FILE)
        packages = list(dict.fromkeys([self.CLASSIFIER.__module__.partition(".")[0], "sklearn"]))
        if strange := [name for name in found if not any(_is_class_of(name, package) for package in packages)]:
            raise ValueError(
                f"{_FILE} holds types that are not classes of {' or '.join(packages)}: {', '.join(strange)}"
            )
        return found

    def _fit(self, X: Matrix, codes: Codes) -> None:
        model = clone(self._classifier)
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
        tags, own = super().__sklearn_tags__(), get_tags(self._classifier)
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
        UnusableClassifier: there is no classifier, or it needs arguments that have no default.
    """
    classifier = find_classifier(path)
    try:
        instance = classifier()
    except TypeError as error:
        raise UnusableClassifier(
            f"{path} cannot be a head: it cannot be constructed without arguments",
            expected="a classifier whose parameters all have a default",
            got=str(error),
            do="write a head that wraps it, in a plug-in: --plugin FILE.py",
        ) from None
    check_classifier(path, instance)
    if isinstance(instance, Head):
        own: type[Head] = classifier
        return own
    summary = (inspect.getdoc(classifier) or "").partition("\n")[0]
    doc = f"{summary}\n\nMade of {path} by its dotted path: see `heads.load_head`.\n"
    members = {"PATH": path, "CLASSIFIER": classifier, "__doc__": doc, "__module__": __name__}
    members["__signature__"] = inspect.signature(classifier)
    return type(classifier.__name__, (ClassifierHead,), members)


def _is_class_of(name: str, package: str) -> bool:
    """Tell whether a type's name is that of a class which a package defines itself."""
    module_name, _, type_name = name.rpartition(".")
    if module_name.partition(".")[0] != package:
        return False
    try:
        found = getattr(importlib.import_module(module_name), type_name, None)
    except ImportError:
        return False
    return inspect.isclass(found) and found.__module__.partition(".")[0] == package
