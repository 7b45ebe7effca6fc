"""The settings of a head as its docstring explains them: default, meaning, and what a search draws from."""

import inspect
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.evaluation.params import defaults
from benchmarks.evaluation.search import space
from featurestore import registry

_WIDTH = 110  # columns of text


@dataclass(frozen=True)
class Setting:
    """One constructor argument of a head: what `--param` takes.

    Args:
        default: its value where none is given.
        meaning: from the docstring; empty where that is silent.
        search: the values that `--search` draws from; empty where it leaves the setting alone.
    """

    default: Any
    meaning: str
    search: Sequence[Any] = ()


def head_settings(head: str) -> dict[str, Setting]:
    """List the settings of a head by name, in the order of its constructor.

    >>> head_settings("logistic")["max_iter"].default
    200
    """
    kind, searched = registry.load("heads", head), space(head, ())
    meanings, known = _meanings(inspect.getdoc(kind) or ""), defaults(head)
    names = [name for name in inspect.signature(kind).parameters if name in known]
    return {name: Setting(known[name], meanings.get(name, ""), searched.get(name, ())) for name in names}


def is_baseline(head: str) -> bool:
    """Tell by scikit-learn's tag `poor_score` whether a head only marks the floor that other heads must beat.

    Args:
        head: its registry name.

    >>> is_baseline("prior")
    True
    """
    if head not in registry.names("heads"):
        return False  # the report of a benchmark with a head that is not installed here
    return bool(registry.load("heads", head)().__sklearn_tags__().classifier_tags.poor_score)


def to_json(heads: Mapping[str, str]) -> dict[str, Any]:
    """Give each head's summary and settings as plain JSON.

    Args:
        heads: summary by name.
    """
    return {
        head: {"summary": summary, "settings": {name: asdict(one) for name, one in head_settings(head).items()}}
        for head, summary in heads.items()
    }


def render(heads: Mapping[str, str]) -> str:
    """Write each head with its settings below it, for a terminal."""
    return "\n\n".join("\n".join([f"{head}: {summary}", *_lines(head)]) for head, summary in heads.items())


def _lines(head: str) -> list[str]:
    lines = []
    for name, setting in head_settings(head).items():
        drawn = f" Search: {', '.join(map(str, setting.search))}." if setting.search else ""
        text = f"{name}={setting.default}: {setting.meaning}{drawn}"
        lines.append(textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="      "))
    return lines


def _meanings(doc: str) -> dict[str, str]:
    """Read the section Args of a docstring: `name: text`, continued by deeper lines."""
    section = re.search(r"^Args:\n((?: .*\n|\n)*)", f"{doc}\n", re.M)
    entries = re.findall(r"^    (\w+): ((?:.*\n)(?:     .*\n)*)", section[1] if section else "", re.M)
    return {name: " ".join(text.split()) for name, text in entries}
