"""Find corpora, encoders, heads and so on by name, in the project's packages and in plug-ins.

They are found by listing, and only the chosen module is imported. See `featurestore.plugins` for what a plug-in is.
"""

import ast
import hashlib
import importlib
import importlib.util
import logging
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from featurestore import plugins
from featurestore.errors import BadValue, Unavailable, UnknownName, quote
from featurestore.known_names import check_known, find_closest, list_names
from featurestore.plugins import BrokenPlugin, Source

PACKAGES = {
    "corpora": "featurestore.corpora",
    "encoders": "featurestore.encoders",
    "heads": "heads",
    "regressors": "heads.regressors",
    "protocols": "featurestore.protocols",
    "checks": "benchmarks.checks",
    "checkpoints": "featurestore.checkpoints",
}

# the base class of each kind of head, and what a head has
_HEADS = {
    "heads": ("Head", ("fit", "predict_proba", "save_weights", "load_weights", "from_params")),
    "regressors": ("Regressor", ("fit", "predict", "save_weights", "load_weights", "from_params")),
}
_ESTIMATORS = {"heads": "classifier", "regressors": "regressor"}  # what their dotted paths lead to
_log = logging.getLogger("emofuse")  # without a handler of the user's, warnings go to standard error


def names(kind: str) -> list[str]:
    """List all names of one kind, sorted.

    `paper_tail.py` is called `paper-tail`, and `_private.py` is left out. A scikit-learn classifier is a head, and a
    scikit-learn regressor a regressor, too, by its dotted path, and is not listed.
    """
    return sorted(find_sources(kind))


def find_sources(kind: str) -> dict[str, Source]:
    """Find where everything of one kind is defined, by name.

    Where several have the same name, the project's own is used, else the first plug-in file, else that of a
    distribution. A plug-in that is broken or not used is reported on standard error, once.
    """
    found, problems = _collect(kind)
    for line in problems:
        _warn_once(line)
    return found


def add_plugins(paths: Iterable[Path | str] = ()) -> None:
    """Use plug-in files in this process and in the worker processes that it starts, besides those of $EMOFUSE_PLUGINS.

    A file that is broken, or whose name exists already, is reported on standard error, once.

    Raises:
        NotFound: no such file.
    """
    plugins.add_files(paths)
    if plugins.list_files():
        for kind in PACKAGES:
            find_sources(kind)


def summary(kind: str, name: str) -> str:
    """Read the first line of a module's docstring from its source: nothing heavy is imported."""
    source = _find_source(kind, name).file.read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def describe_origin(kind: str, name: str) -> str:
    """Return where something comes from: `package heads`, `plug-in FILE`, or a distribution's name and version."""
    if _is_path(kind, name):
        return _find_distribution(name) or f"package {name.partition('.')[0]}"
    return _find_source(kind, name).origin


def is_known(kind: str, name: str) -> bool:
    """Tell whether a name is known, or a dotted path leads to a classifier or regressor."""
    if not _is_path(kind, name):
        return name in names(kind)
    try:
        return bool(_load_path(kind, name))
    except BadValue:
        return False


def module(kind: str, name: str) -> ModuleType:
    """Import the module of that name.

    Raises:
        UnknownName: there is no such module; the message suggests the closest names.
        Unavailable: it is a plug-in that cannot be imported.
    """
    return _import_module(kind, _find_source(kind, name))


def import_modules(kind: str) -> Iterator[tuple[str, ModuleType]]:
    """Import everything of one kind, by name. A plug-in that cannot be imported is reported on standard error."""
    for name, source in sorted(find_sources(kind).items()):
        try:
            yield name, _import_module(kind, source)
        except Unavailable as problem:
            _warn_once(problem.what)


def load(kind: str, name: str) -> Any:
    """Import the one public object of a module, the only name in its `__all__`.

    A head's name may be the dotted path of a scikit-learn classifier, for example
    `sklearn.ensemble.RandomForestClassifier`, and a regressor's name that of a regressor.

    Raises:
        UnknownName: there is no such module.
        BadValue: the dotted path leads to no classifier, or regressor, that can be a head.
        Unavailable: it is a plug-in that cannot be imported.
    """
    if _is_path(kind, name):
        return _load_path(kind, name)
    loaded = module(kind, name)
    (public,) = loaded.__all__
    found = getattr(loaded, public)
    if kind in _HEADS:
        _check_head(kind, describe_origin(kind, name), found, public)
    return found


def _check_head(kind: str, origin: str, head: Any, name: str) -> None:
    base, methods = _HEADS[kind]
    if not all(hasattr(head, method) for method in methods):
        what = f"{origin} cannot be used: {name} is not a subclass of heads.{base}"
        raise Unavailable(what, do=f"write: from heads import {base}")
    if missing := sorted(getattr(head, "__abstractmethods__", ())):
        what = f"{origin} cannot be used: {name} does not define {', '.join(missing)}"
        raise Unavailable(what, do="see the example of a head in docs/how-to/plug-ins.md")


def describe_source(kind: str, name: str) -> dict[str, str]:
    """Describe where a plug-in comes from, as JSON for the files of what is made with it.

    Returns:
        `file` and `sha256` of a plug-in file, or the `distribution` with its version; empty for the project's own.
    """
    if _is_path(kind, name):
        return {"distribution": describe_origin(kind, name)}
    return _find_source(kind, name).describe()


def load_recorded(kind: str, name: str, recorded: Mapping[str, str], *, where: Path) -> Any:
    """Load something that a file names. Only what the user gave by --plugin or installed is imported.

    Args:
        kind: a key of `PACKAGES`.
        name: as the file gives it.
        recorded: what `describe_source` returned when the file was written.
        where: the file, for messages.

    Raises:
        UnknownName: it is not available; the message names the plug-in or distribution that had it.
        Unavailable: it is a plug-in that cannot be imported.
    """
    what = f"{_name_one(kind)} {name!r}"
    known = _find_distribution(name) if _is_path(kind, name) else name in names(kind)
    if not known and "file" in recorded:
        raise UnknownName(
            f"{where} needs the plug-in of {what}, which is not given",
            expected=f"{recorded['file']} (sha256 {recorded['sha256']})",
            do=f"give the file: cli --plugin {quote(recorded['file'])} …",
        )
    if not known and ("distribution" in recorded or _is_path(kind, name)):
        raise UnknownName(
            f"{where} needs {what}, which is not in an installed distribution",
            expected=recorded.get("distribution", ""),
            do="install it with pip into this environment",
        )
    if "sha256" in recorded and recorded["sha256"] != (now := _find_source(kind, name)).sha256:
        _warn_once(f"{now.origin} has changed since {where} was made with it: its predictions may differ")
    return load(kind, name)


def hash_source(kind: str, name: str) -> str:
    """Compute the sha256 of what a module runs, so that changed code runs again.

    It covers the module's source, the private modules beside it, and the modules of the same kind that it imports from.
    Of a regressor it covers the same of heads.
    """
    kinds = (kind, "heads") if kind == "regressors" else (kind,)
    shared = [path for one in kinds for path in sorted(_find_folder(one).glob("_*.py"))]
    if _is_path(kind, name):
        content = [describe_origin(kind, name).encode()]
    else:
        source = _find_source(kind, name)
        version = source.describe().get("distribution", "")  # its module may use others of the distribution
        text = source.file.read_bytes()
        imported = [path for one in kinds for path in _find_imported(one, text)]
        content = [text, version.encode(), *(path.read_bytes() for path in imported)]
    return hashlib.sha256(b"".join([*content, *(path.read_bytes() for path in shared)])).hexdigest()


def _find_imported(kind: str, text: bytes) -> list[Path]:
    """Find the modules of a kind that a source imports from."""
    found = sorted(set(re.findall(rf"^from {PACKAGES[kind]}\.([a-z]\w*) import".encode(), text, re.M)))
    return [_find_folder(kind) / f"{one.decode()}.py" for one in found]


def _import_module(kind: str, source: Source) -> ModuleType:
    return plugins.import_plugin(kind, source) if source.plugin else importlib.import_module(source.module)


def _collect(kind: str) -> tuple[dict[str, Source], list[str]]:
    """Find everything of one kind by name, and a line about each plug-in that cannot be used."""
    taken, problems = _find_own(kind), []
    for found in (*plugins.find_files(kind), *plugins.find_installed(kind)):
        if isinstance(found, BrokenPlugin):
            problems.append(f"{found.origin} is left out: {found.reason}")
        elif found.name in taken:
            what = f"{_name_one(kind)} {found.name!r}"
            problems.append(f"{found.origin} is left out: there is a {what} in {taken[found.name].origin}")
        else:
            taken[found.name] = found
    return taken, problems


def _find_own(kind: str) -> dict[str, Source]:
    return dict(_list_package(kind, PACKAGES[kind], _find_folder(kind)))


@cache
def _list_package(kind: str, package: str, folder: Path) -> dict[str, Source]:
    """List the modules of a package. A package of the project does not change while it runs."""
    modules = (found.name for found in pkgutil.iter_modules([str(folder)]) if not found.ispkg)
    stems = [name for name in modules if not name.startswith("_")]
    return {
        (name := stem.replace("_", "-")): Source(
            name, folder / f"{stem}.py", f"{package}.{stem}", f"package {package}", plugin=False
        )
        for stem in stems
    }


def _find_source(kind: str, name: str) -> Source:
    found = _find_own(kind)
    if name not in found:  # plug-ins are looked for only where they are needed
        found, _ = _collect(kind)
        if kind in _HEADS and name not in found:
            raise _explain_unknown_head(kind, name, sorted(found))
        check_known(name, sorted(found), what=f"{_name_one(kind)} {name!r}", do=f"cli list {kind}, or --plugin FILE.py")
    return found[name]


def _explain_unknown_head(kind: str, name: str, known: list[str]) -> UnknownName:
    close = find_closest(name, known)
    close = close or importlib.import_module("heads").suggest_estimators(name, _ESTIMATORS[kind])
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    if kind == "heads" and name in _find_own("regressors"):
        hint = f"{name} predicts values: add --target valence; "
    elif kind == "regressors" and name in _find_own("heads"):
        hint = f"{name} predicts classes; {hint}"
    one = _name_one(kind)
    others = f"the dotted path of a scikit-learn {_ESTIMATORS[kind]}, or a plug-in's name"
    return UnknownName(
        f"unknown {one} {name!r}",
        expected=f"one of {list_names(name, known)}, {others}",
        do=f"{hint}see: cli list {kind}; a {one} of your own needs --plugin FILE.py",
    )


def _is_path(kind: str, name: str) -> bool:
    return kind in _HEADS and "." in name


def _load_path(kind: str, path: str) -> Any:
    if path.endswith(".py"):
        name = Path(path).stem.replace("_", "-")
        raise BadValue(f"{path!r} is a file, not the name of a head", do=f"--plugin {quote(path)} --head {name}")
    heads = importlib.import_module(PACKAGES["heads"])
    try:
        return (
            importlib.import_module(PACKAGES[kind]).load_regressor(path)
            if kind == "regressors"
            else heads.load_head(path)
        )
    except heads.UnusableEstimator as error:
        raise BadValue(error.what, expected=error.expected, got=error.got, do=error.do) from None


@cache
def _find_distribution(path: str) -> str:
    """Return the installed distribution of a dotted path with its version, or an empty string.

    A package of the same name in the working directory is not that distribution.
    """
    from importlib.metadata import distribution, packages_distributions

    top = path.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # no name of a module, or `__main__`
        return ""
    if spec is None:
        return ""
    place = Path(next(iter(spec.submodule_search_locations or [spec.origin or ""])))
    found = [distribution(name) for name in sorted(set(packages_distributions().get(top, [])))]
    return " ".join(f"{one.name} {one.version}" for one in found if place.is_relative_to(str(one.locate_file(""))))


@cache
def _warn_once(line: str) -> None:
    _log.warning(line)


def _find_folder(kind: str) -> Path:
    spec = importlib.util.find_spec(PACKAGES[kind])
    if spec is None or not spec.submodule_search_locations:
        raise UnknownName(f"the package {PACKAGES[kind]} is not installed", do="pip install .")
    return Path(next(iter(spec.submodule_search_locations)))


def _name_one(kind: str) -> str:
    return {"corpora": "corpus"}.get(kind, kind.removesuffix("s"))
