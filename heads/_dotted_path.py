"""Find a scikit-learn classifier by its dotted path, or explain why it cannot be used."""

import difflib
import importlib
import inspect
import re
from typing import Any

from sklearn.base import is_classifier
from sklearn.utils import get_tags
from sklearn.utils.discovery import all_estimators


class UnusableClassifier(ValueError):
    """A dotted path that leads to no classifier that can be a head."""

    def __init__(self, what: str, *, expected: str, got: str = "", do: str) -> None:
        self.what, self.expected, self.got, self.do = what, expected, got, do
        parts = {"expected": expected, "got": got, "do": do}
        super().__init__("\n".join([what, *(f"  {name}: {text}" for name, text in parts.items() if text)]))


def find_classifier(path: str) -> Any:
    """Import the class at a dotted path.

    Raises:
        UnusableClassifier: the path cannot be imported, or leads to no class with `fit` and `predict`.
    """
    module_name, _, name = path.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")):
        raise _make_error(path, "not a dotted path of Python names")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a module may raise anything while it is imported
        raise _make_error(path, f"{type(error).__name__}: {error}") from None
    found = getattr(module, name, None)
    if not inspect.isclass(found):
        raise _make_error(path, f"{module_name} has no class {name}")
    if not all(hasattr(found, method) for method in ("fit", "predict", "get_params")):
        raise _reject(path, "a class that does not fit and predict")
    return found


def _make_error(path: str, reason: str) -> UnusableClassifier:
    return UnusableClassifier(
        f"no classifier at {path!r}",
        expected="the dotted path of a scikit-learn classifier in an installed package",
        got=reason,
        do=_suggest(path) or f"check the spelling, or install the package that provides {path.partition('.')[0]}",
    )


def check_classifier(path: str, instance: Any) -> None:
    """Check that an object of the class at a dotted path is a classifier by scikit-learn's tags.

    Raises:
        UnusableClassifier: it is something else, for example a regressor.
    """
    try:
        classifier, kind = is_classifier(instance), get_tags(instance).estimator_type
    except Exception as error:  # the tags of a class that only looks like an estimator
        classifier, kind = False, f"{type(error).__name__}: {error}"
    if not classifier:
        raise _reject(path, str(kind))


def _reject(path: str, got: str) -> UnusableClassifier:
    return UnusableClassifier(
        f"{path} cannot be a head: it is not a classifier",
        expected="a scikit-learn classifier, such as sklearn.ensemble.RandomForestClassifier",
        got=got,
        do=_suggest(path) or "see: cli list heads",
    )


def _suggest(path: str) -> str:
    """Name the classifiers with a similar name, or else those of the same module."""
    module_name, _, name = path.rpartition(".")
    paths = [found for found in suggest_classifiers(name) if found != path]
    if paths:
        return f"did you mean {' or '.join(paths)}?"
    known = sorted(f"{_public_module(kind)}.{kind.__name__}" for _, kind in all_estimators("classifier"))
    siblings = [other for other in known if other.rpartition(".")[0] == module_name]
    return f"classifiers of that module: {', '.join(siblings)}" if siblings else ""


def suggest_classifiers(name: str) -> list[str]:
    """Return the dotted paths of scikit-learn's classifiers whose names are most like a name.

    A regressor's name finds the classifier beside it, and initials find the whole name.

    >>> suggest_classifiers("SVR"), suggest_classifiers("rf")
    (['sklearn.svm.SVC'], ['sklearn.ensemble.RandomForestClassifier'])
    """
    paths = {name: f"{_public_module(kind)}.{name}" for name, kind in all_estimators("classifier")}
    spelled = {spelling: other for other in paths for spelling in (_shorten(other), other.lower())}
    stem = _shorten(re.sub("SVR$", "SVC", name))
    found = difflib.get_close_matches(stem, spelled, n=2, cutoff=0.85)
    by_initials = [one for one in paths if re.sub("[^A-Z]", "", one.removesuffix("Classifier")).lower() == stem]
    return [paths[one] for one in dict.fromkeys([*(spelled[one] for one in found), *by_initials[:2]])]


def _shorten(name: str) -> str:
    """Return a class's name in lower case without `Classifier`, `Regressor`, `-` and `_`."""
    return re.sub("[-_ ]", "", re.sub("(Classifier|Regressor)$", "", name)).lower()


def _public_module(kind: type) -> str:
    """Return the module that users import a class from: `sklearn.ensemble` for one in `sklearn.ensemble._forest`."""
    parts = kind.__module__.split(".")
    private = [index for index, part in enumerate(parts) if part.startswith("_")]
    return ".".join(parts[: private[0]] if private else parts)
