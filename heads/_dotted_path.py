"""Find a scikit-learn classifier or regressor by its dotted path, or explain why it cannot be used."""

import difflib
import importlib
import inspect
import re
from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.discovery import all_estimators

CLASSIFIER, REGRESSOR = "classifier", "regressor"
_IS_KIND = {CLASSIFIER: is_classifier, REGRESSOR: is_regressor}
_ROLES = {CLASSIFIER: "a head", REGRESSOR: "a regressor of --target"}
_EXAMPLES = {CLASSIFIER: "RandomForestClassifier", REGRESSOR: "RandomForestRegressor"}


class UnusableEstimator(ValueError):
    """A dotted path that leads to no classifier, or regressor, that can be a head."""

    def __init__(self, what: str, *, expected: str, got: str = "", do: str) -> None:
        self.what, self.expected, self.got, self.do = what, expected, got, do
        parts = {"expected": expected, "got": got, "do": do}
        super().__init__("\n".join([what, *(f"  {name}: {text}" for name, text in parts.items() if text)]))


def find_estimator(path: str, kind: str) -> Any:
    """Import the class at a dotted path.

    Args:
        path: for example `sklearn.linear_model.Ridge`.
        kind: `classifier` or `regressor`, for messages.

    Raises:
        UnusableEstimator: the path cannot be imported, or leads to no class with `fit` and `predict`.
    """
    module_name, _, name = path.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")):
        raise _make_error(path, kind, "not a dotted path of Python names")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a module may raise anything while it is imported
        raise _make_error(path, kind, f"{type(error).__name__}: {error}") from None
    found = getattr(module, name, None)
    if not inspect.isclass(found):
        raise _make_error(path, kind, f"{module_name} has no class {name}")
    if not all(hasattr(found, method) for method in ("fit", "predict", "get_params")):
        raise _reject(path, kind, "a class that does not fit and predict")
    return found


def construct_estimator(path: str, estimator: Any, kind: str) -> Any:
    """Construct the class at a dotted path without arguments.

    Raises:
        UnusableEstimator: it needs arguments that have no default.
    """
    try:
        return estimator()
    except TypeError as error:
        raise UnusableEstimator(
            f"{path} cannot be {_ROLES[kind]}: it cannot be constructed without arguments",
            expected=f"a {kind} whose parameters all have a default",
            got=str(error),
            do="write a head that wraps it, in a plug-in: --plugin FILE.py",
        ) from None


def check_estimator(path: str, instance: Any, kind: str) -> None:
    """Check by scikit-learn's tags that an object of the class at a dotted path is of a kind.

    Raises:
        UnusableEstimator: it is something else, for example a regressor in place of a classifier.
    """
    try:
        is_right, found = _IS_KIND[kind](instance), get_tags(instance).estimator_type
    except Exception as error:  # the tags of a class that only looks like an estimator
        is_right, found = False, f"{type(error).__name__}: {error}"
    if not is_right:
        raise _reject(path, kind, str(found))


def suggest_estimators(name: str, kind: str = CLASSIFIER) -> list[str]:
    """Return the dotted paths of scikit-learn's estimators of a kind whose names are most like a name.

    A regressor's name finds the classifier beside it and the other way round, and initials find the whole name.

    >>> suggest_estimators("SVR"), suggest_estimators("rf"), suggest_estimators("SVC", "regressor")
    (['sklearn.svm.SVC'], ['sklearn.ensemble.RandomForestClassifier'], ['sklearn.svm.SVR'])
    """
    paths = {name: f"{_public_module(found)}.{name}" for name, found in all_estimators(kind)}
    spelled = {spelling: other for other in paths for spelling in (_shorten(other), other.lower())}
    stem = _shorten(re.sub("SVR$", "SVC", name) if kind == CLASSIFIER else re.sub("SVC$", "SVR", name))
    found = difflib.get_close_matches(stem, spelled, n=2, cutoff=0.85)
    initials = {one: re.sub("[^A-Z]", "", re.sub("(Classifier|Regressor)$", "", one)).lower() for one in paths}
    by_initials = [one for one in paths if initials[one] == stem]
    return [paths[one] for one in dict.fromkeys([*(spelled[one] for one in found), *by_initials[:2]])]


def _make_error(path: str, kind: str, reason: str) -> UnusableEstimator:
    return UnusableEstimator(
        f"no {kind} at {path!r}",
        expected=f"the dotted path of a scikit-learn {kind} in an installed package",
        got=reason,
        do=_suggest(path, kind) or f"check the spelling, or install the package that provides {path.partition('.')[0]}",
    )


def _reject(path: str, kind: str, got: str) -> UnusableEstimator:
    do = _suggest(path, kind) or "see: cli list heads"
    if got == REGRESSOR and kind == CLASSIFIER:
        do += "; to predict values with it: --target valence"
    return UnusableEstimator(
        f"{path} cannot be {_ROLES[kind]}: it is not a {kind}",
        expected=f"a scikit-learn {kind}, such as sklearn.ensemble.{_EXAMPLES[kind]}",
        got=got,
        do=do,
    )


def _suggest(path: str, kind: str) -> str:
    """Name the estimators with a similar name, or else those of the same module."""
    module_name, _, name = path.rpartition(".")
    paths = [found for found in suggest_estimators(name, kind) if found != path]
    if paths:
        return f"did you mean {' or '.join(paths)}?"
    known = sorted(f"{_public_module(found)}.{found.__name__}" for _, found in all_estimators(kind))
    siblings = [other for other in known if other.rpartition(".")[0] == module_name]
    return f"{kind}s of that module: {', '.join(siblings)}" if siblings else ""


def _shorten(name: str) -> str:
    """Return a class's name in lower case without `Classifier`, `Regressor`, `-` and `_`."""
    return re.sub("[-_ ]", "", re.sub("(Classifier|Regressor)$", "", name)).lower()


def _public_module(kind: type) -> str:
    """Return the module that users import a class from: `sklearn.ensemble` for one in `sklearn.ensemble._forest`."""
    parts = kind.__module__.split(".")
    private = [index for index, part in enumerate(parts) if part.startswith("_")]
    return ".".join(parts[: private[0]] if private else parts)
