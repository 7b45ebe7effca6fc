"""Parameters of a head as a user writes them: `NAME=VALUE`, every problem at once."""

import ast
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from featurestore import registry
from featurestore.errors import BadValue, UnknownName

_WORDS = {"true": True, "false": False, "none": None, "null": None}


def parse_params(head: str, texts: Sequence[str]) -> dict[str, Any]:
    """Parses `NAME=VALUE` texts; a value is a Python literal (10, 1e-3, true, none, [64, 32]), else a string.

    Raises:
        BadValue: a text without `=`, or a name that stands twice.
        UnknownName: no such head, or parameters that it does not have.

    >>> parse_params("svm", ["C=10", "gamma=auto", "class_weight=none"])
    {'C': 10, 'gamma': 'auto', 'class_weight': None}
    """
    pairs = [text.partition("=") for text in texts]
    names = [name.strip() for name, _, _ in pairs]
    wrong = [text for text, (name, equals, _) in zip(texts, pairs, strict=True) if not (name.strip() and equals)]
    if wrong:
        raise BadValue(f"{', '.join(map(repr, wrong))} is not a parameter", expected="NAME=VALUE, for example C=10")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadValue(f"parameter {', '.join(map(repr, twice))} is given twice", do="keep one of them")
    check_params(head, names)
    return {name: _value(value.strip()) for name, (_, _, value) in zip(names, pairs, strict=True)}


def check_params(head: str, names: Iterable[str]) -> None:
    """Checks that a head has parameters of these names.

    Raises:
        UnknownName: no such head; or all the parameters that it does not have, with the closest ones that it has.
    """
    known = defaults(head)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownName(
            f"head {head!r} has no parameter {', '.join(map(repr, unknown))}",
            expected=", ".join(f"{name}={value!r}" for name, value in known.items()) or "none: it has no parameters",
            do="; ".join(hint for name in unknown if (hint := _hint(name, known))),
        )


def defaults(head: str) -> Mapping[str, Any]:
    """The parameters of a head with their defaults."""
    found: Mapping[str, Any] = registry.load("heads", head)().get_params()
    return found


def _hint(name: str, known: Iterable[str]) -> str:
    by_lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"{name}: did you mean {by_lower[close[0]]}?" if close else ""


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):  # not a literal: a plain word
        return text
