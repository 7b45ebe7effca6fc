"""Corpora, encoders, heads and protocols are found by listing their packages; only the chosen module is imported."""

import ast
import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from featurestore.errors import UnknownName

PACKAGES = {
    "corpora": "featurestore.corpora",
    "encoders": "featurestore.encoders",
    "heads": "heads",
    "protocols": "featurestore.protocols",
    "checks": "benchmarks.checks",
}

_SHOWN = 20  # names that a message lists


def names(kind: str) -> list[str]:
    """The names of everything of one kind, sorted: `paper_tail.py` is `paper-tail`; `_private.py` is not listed."""
    found = (module.name for module in pkgutil.iter_modules([str(_folder(kind))]))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def summary(kind: str, name: str) -> str:
    """The first line of a module's docstring, read from its source: nothing heavy is imported."""
    source = (_folder(kind) / f"{name.replace('-', '_')}.py").read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def module(kind: str, name: str) -> ModuleType:
    """Imports the module of that name.

    Raises:
        UnknownName: there is no such module; the message suggests the closest names.
    """
    check(name, names(kind), what=f"{_singular(kind)} {name!r}", do=f"cli list {kind}")
    return importlib.import_module(f"{PACKAGES[kind]}.{name.replace('-', '_')}")


def load(kind: str, name: str) -> Any:
    """The one public object of a module: the only name in its `__all__`."""
    loaded = module(kind, name)
    (public,) = loaded.__all__
    return getattr(loaded, public)


def check(name: str, known: Iterable[str], *, what: str, do: str = "") -> None:
    """Raises UnknownName with the closest known names unless `name` is known."""
    known = list(known)
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else ""
    raise UnknownName(
        f"unknown {what}",
        expected=f"one of {_shown(name, known)}" if known else "",
        do=" ".join(part for part in (hint, f"see: {do}" if do else "") if part),
    )


def _shown(name: str, known: list[str]) -> str:
    """All known names; of very many, such as the ids of a corpus, the closest."""
    if len(known) <= _SHOWN:
        return ", ".join(known)
    closest = difflib.get_close_matches(name, known, n=_SHOWN, cutoff=0)
    return f"{', '.join(closest)}, … {len(known):,} in all"


def _folder(kind: str) -> Path:
    spec = importlib.util.find_spec(PACKAGES[kind])
    if spec is None or not spec.submodule_search_locations:
        raise UnknownName(f"the package {PACKAGES[kind]} is not installed", do="pip install .")
    return Path(next(iter(spec.submodule_search_locations)))


def _singular(kind: str) -> str:
    return {"corpora": "corpus"}.get(kind, kind.removesuffix("s"))
