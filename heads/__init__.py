"""Scikit-learn classifiers, one per module: of feature vectors, of frames and of dialogues.

This package imports nothing else of the project.

>>> "bc-lstm" in list_heads()
True
>>> load_head("svm")(C=10).get_params()["C"]
10
"""

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heads._base import Codes, Head, Matrix, draw_seed
    from heads._dialogues import DialogueBatch, DialogueHead
    from heads._dotted_path import UnusableEstimator, suggest_estimators
    from heads._inputs import Block, Frames, Inputs, Layout, Turns
    from heads._missing import MissingModalityHead
    from heads._network import NetworkHead
    from heads._streamed import StreamedMatrix
    from heads._taken import name_taken, read_taken
    from heads._utterances import UtteranceBatch, UtteranceHead, VectorHead
    from heads.regressors import Regressor

__all__ = [
    "Block",
    "Codes",
    "DialogueBatch",
    "DialogueHead",
    "Frames",
    "Head",
    "Inputs",
    "Layout",
    "Matrix",
    "MissingModalityHead",
    "NetworkHead",
    "Regressor",
    "StreamedMatrix",
    "Turns",
    "UnusableEstimator",
    "UtteranceBatch",
    "UtteranceHead",
    "VectorHead",
    "draw_seed",
    "list_baselines",
    "list_heads",
    "load_head",
    "name_taken",
    "read_taken",
    "suggest_estimators",
]

_LAZY = {
    **dict.fromkeys(("Codes", "Head", "Matrix", "draw_seed"), "_base"),
    **dict.fromkeys(("Block", "Frames", "Inputs", "Layout", "Turns"), "_inputs"),
    "MissingModalityHead": "_missing",
    "NetworkHead": "_network",
    "Regressor": "regressors",
    "StreamedMatrix": "_streamed",
    **dict.fromkeys(("DialogueBatch", "DialogueHead"), "_dialogues"),
    **dict.fromkeys(("UtteranceBatch", "UtteranceHead", "VectorHead"), "_utterances"),
    **dict.fromkeys(("UnusableEstimator", "suggest_estimators"), "_dotted_path"),
    **dict.fromkeys(("name_taken", "read_taken"), "_taken"),
}


def list_heads() -> list[str]:
    """List the names of the heads in this package, sorted: `bc-lstm` of `bc_lstm.py`.

    `cli list heads` adds those of plug-ins.
    """
    found = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    modules = (name for name in found if not name.startswith("_"))
    return sorted(name.replace("_", "-") for name in modules)


@cache
def list_baselines() -> list[str]:
    """List the heads in this package that only mark the floor which other heads must beat.

    They set scikit-learn's tag `poor_score`. Their sources are searched for it, since importing every head takes
    seconds.

    >>> list_baselines()
    ['prior']
    """
    folder = Path(next(iter(__path__)))
    return [name for name in list_heads() if ".poor_score = True" in _find_module(folder, name).read_text("utf-8")]


def load_head(name: str) -> "type[Head]":
    """Import a head by its name, or make one of any scikit-learn classifier by its dotted path.

    Args:
        name: for example `svm` or `sklearn.ensemble.RandomForestClassifier`.

    Raises:
        UnusableEstimator: the dotted path leads to no classifier.
        LookupError: this package has no head of that name.
    """
    if "." in name:
        from heads._classifier import make_head

        return make_head(name)
    if name not in list_heads():
        raise LookupError(f"unknown head {name!r}\n  expected: one of {', '.join(list_heads())}, or a dotted path")
    module = importlib.import_module(f"heads.{name.replace('-', '_')}")
    (public,) = module.__all__
    head: type[Head] = getattr(module, public)
    return head


def _find_module(folder: Path, name: str) -> Path:
    return folder / f"{name.replace('-', '_')}.py"


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"heads.{_LAZY[name]}"), name)
