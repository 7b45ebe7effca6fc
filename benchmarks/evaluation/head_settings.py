"""Parse, check and format the settings of a head: `NAME=VALUE`, its defaults, and what a search draws from."""

import ast
import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.evaluation.value_targets import HEADS
from featurestore import registry
from featurestore.errors import BadValue, UnknownName
from featurestore.plugin_errors import explain_errors

SEED = "random_state"  # the setting of a stochastic head
_WORDS = {"true": True, "false": False, "none": None, "null": None}


def parse_params(head: str, texts: Sequence[str], kind: str = HEADS) -> dict[str, Any]:
    """Parse `NAME=VALUE` texts.

    A value is a Python literal (10, 1e-3, true, none, [64, 32]), else a string.

    Args:
        head: its registry name.
        texts: the settings.
        kind: of the head in the registry: `heads` or `regressors`.

    Raises:
        BadValue: a text has no `=`, or a name is given twice.
        UnknownName: the head, or some of its settings, are unknown.

    >>> parse_params("svm", ["C=10", "gamma=auto", "class_weight=none"])
    {'C': 10, 'gamma': 'auto', 'class_weight': None}
    """
    pairs = [text.partition("=") for text in texts]
    names = [name.strip() for name, _, _ in pairs]
    wrong = [text for text, (name, equals, _) in zip(texts, pairs, strict=True) if not (name.strip() and equals)]
    if wrong:
        what = "; ".join(_explain_param(text) for text in wrong)
        raise BadValue(what, expected="NAME=VALUE, for example C=10")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadValue(f"parameter {', '.join(map(repr, twice))} is given twice", do="keep one of them")
    check_params(head, names, kind)
    return {name: _parse_value(value.strip()) for name, (_, _, value) in zip(names, pairs, strict=True)}


def format_param(name: str, value: Any) -> str:
    """Write a setting as `parse_params` reads it.

    >>> format_param("C", 10), format_param("gamma", "auto"), format_param("kernel", "2")
    ('C=10', 'gamma=auto', "kernel='2'")
    """
    text = str(value)
    return f"{name}={text if _parse_value(text) == value else repr(value)}"


def check_params(head: str, names: Iterable[str], kind: str = HEADS) -> None:
    """Check that a head, or a regressor, has settings of these names.

    Raises:
        UnknownName: the head, or some of the settings, are unknown. The message suggests the closest names.
    """
    known = default_params(head, kind)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownName(
            f"head {head!r} has no parameter {', '.join(map(repr, unknown))}",
            expected=", ".join(f"{name}={value!r}" for name, value in known.items()) or "none: it has no parameters",
            do="; ".join(hint for name in unknown if (hint := _suggest(name, known)))
            or f"see: cli list {kind} --settings",
        )


def default_params(head: str, kind: str = HEADS) -> Mapping[str, Any]:
    """Return the settings of a head, or of a regressor, with their defaults."""
    head_class = registry.load(kind, head)
    with explain_errors(kind, head, "its constructor"):
        found: Mapping[str, Any] = head_class().get_params()
    return found


def search_space(head: str, given: Collection[str] = (), kind: str = HEADS) -> Mapping[str, Sequence[Any]]:
    """List the values that a search draws from, by setting.

    Args:
        head: its registry name.
        given: settings that are not searched.
        kind: of the head in the registry: `heads` or `regressors`.
    """
    return {name: values for name, values in registry.load(kind, head).SPACE.items() if name not in given}


def check_searchable(head: str, kind: str = HEADS) -> None:
    """Check that a head, or a regressor, given by its dotted path lists values for a search.

    Raises:
        BadValue: it lists none.
    """
    if "." in head and not registry.load(kind, head).SPACE:
        raise BadValue(
            f"--search has no values to draw from for {head}",
            expected="a head of this project, or a plug-in that lists them in SPACE",
            do="leave --search out, and give settings by --param",
        )


def is_stochastic(head: str, kind: str = HEADS) -> bool:
    """Tell whether a head, or a regressor, depends on a seed."""
    return SEED in default_params(head, kind)


def describe_params(head: str, params: Mapping[str, Any], searched: Collection[str] = (), kind: str = HEADS) -> str:
    """Write all settings of a fitted head in one line: those that differ from the defaults, then the defaults.

    Args:
        head: its registry name.
        params: all of them. The seed of the command, `random_state`, is left out.
        searched: settings that a search chose; they are named without their values.
        kind: of the head in the registry: `heads` or `regressors`.

    >>> describe_params("logistic", {"C": 1.0, "class_weight": None, "max_iter": 200})
    'settings: C=1.0; defaults: class_weight=None, max_iter=200'
    """
    standard = default_params(head, kind)
    shown = {name: value for name, value in params.items() if name not in {SEED, *searched}}
    changed = {name: value for name, value in shown.items() if value != standard[name]}
    unchanged = {name: value for name, value in shown.items() if name not in changed}
    parts = [join_params(changed)] if changed else []
    parts += [f"searched: {', '.join(searched)}"] if searched else []
    parts += [f"defaults: {join_params(unchanged)}"] if unchanged else []
    return f"settings: {'; '.join(parts)}"


def join_params(params: Mapping[str, Any]) -> str:
    """Write settings in one line.

    >>> join_params({"C": 1.0, "max_iter": 200})
    'C=1.0, max_iter=200'
    """
    return ", ".join(f"{name}={value}" for name, value in params.items())


def _suggest(name: str, known: Iterable[str]) -> str:
    by_lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"{name}: did you mean {by_lower[close[0]]}?" if close else ""


def _explain_param(text: str) -> str:
    name, equals, _ = (part.strip() for part in text.partition("="))
    return f"parameter {text!r} has no {'name' if equals else 'value'}" if name or equals else "a parameter is empty"


def _parse_value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):  # not a literal: a plain word
        return text
