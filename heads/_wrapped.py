"""Hold what heads and regressors that wrap an estimator of scikit-learn share: parameters, weights, pickling."""

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from heads._skops import save, skops


class WrappedEstimator:
    """An estimator that is named by its dotted path, with its parameters and its weights.

    A subclass says where its class comes from (`_rebuild`), and fits `model_`.

    Attributes:
        model_: the fitted estimator.
        trusted_types: the types in the saved file that skops does not know by itself. They are classes of the
            estimator's own package or of scikit-learn, and only recorded ones are loaded.
    """

    PATH: ClassVar[str]
    ESTIMATOR: ClassVar[type]
    FILE: ClassVar[str]
    LEARNED: ClassVar[tuple[str, ...]]
    COST: ClassVar[float] = 10.0  # unknown: between the logistic head and the boosted trees

    trusted_types: tuple[str, ...] = ()
    model_: Any

    def __init__(self, **params: Any) -> None:
        self._estimator = self.ESTIMATOR(**params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the estimator's parameters."""
        params: dict[str, Any] = self._estimator.get_params(deep=deep)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set some of the estimator's parameters."""
        self._estimator.set_params(**params)
        return self

    def _save_learned(self, folder: Path) -> None:
        """Write what was learned, and set `trusted_types`.

        Raises:
            ValueError: skops cannot save the estimator, or the file would hold a type of another package.
        """
        try:
            save({name: getattr(self, name) for name in self.LEARNED}, folder / self.FILE)
            self.trusted_types = tuple(self._find_untrusted_types(folder))
        except Exception as error:  # skops raises many kinds
            raise ValueError(f"{self.PATH} cannot be saved by skops: {error}") from error

    def _load_learned(self, folder: Path) -> None:
        """Read what was learned, in which types that skops does not know must be recorded in `trusted_types`."""
        found = self._find_untrusted_types(folder)
        if unrecorded := sorted(set(found) - set(self.trusted_types)):
            raise ValueError(f"{self.FILE} holds types that its bundle does not record: {', '.join(unrecorded)}")
        learned = skops.io.load(folder / self.FILE, trusted=found)
        if not isinstance(learned, dict) or learned.keys() != set(self.LEARNED):
            raise ValueError(f"{self.FILE} does not hold {', '.join(self.LEARNED)}")
        self._check_learned(learned)
        for name, value in learned.items():
            setattr(self, name, value)

    def _check_learned(self, learned: Mapping[str, Any]) -> None:
        """Check that the file holds this estimator.

        Raises:
            ValueError: it holds another one.
        """
        if type(learned["model_"]) is not self.ESTIMATOR:
            raise ValueError(f"{self.FILE} holds a {type(learned['model_']).__name__}, not {self.PATH}")

    def _find_untrusted_types(self, folder: Path) -> list[str]:
        """List the types in the file that skops does not know.

        Raises:
            ValueError: one of them is neither a class of the estimator's package nor one of scikit-learn.
        """
        found: list[str] = skops.io.get_untrusted_types(file=folder / self.FILE)
        packages = list(dict.fromkeys([self.ESTIMATOR.__module__.partition(".")[0], "sklearn"]))
        if strange := [name for name in found if not any(_is_class_of(name, package) for package in packages)]:
            raise ValueError(
                f"{self.FILE} holds types that are not classes of {' or '.join(packages)}: {', '.join(strange)}"
            )
        return found


def make_wrapper(base: type, path: str, estimator: Any) -> Any:
    """Make a subclass of `base` for the estimator at a dotted path, with the estimator's signature and summary."""
    summary = (inspect.getdoc(estimator) or "").partition("\n")[0]
    doc = f"{summary}\n\nMade of {path} by its dotted path: see `heads.load_head`.\n"
    members = {"PATH": path, "ESTIMATOR": estimator, "__doc__": doc, "__module__": base.__module__}
    members["__signature__"] = inspect.signature(estimator)
    return type(estimator.__name__, (base,), members)


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
