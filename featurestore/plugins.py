"""Find plug-ins: single files that the user names, and modules of installed distributions.

A plug-in file has a line `KIND = "heads"` (or regressors, corpora, encoders, protocols, checks, checkpoints), is
otherwise like a module of that package, and is called by its file's name. A distribution names such a module in the
entry point group `emofuse.heads` and so on. Nothing is imported before it is used.
"""

import ast
import hashlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from featurestore.errors import NotFound, Problem, Unavailable, summarize_error

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

VARIABLE = "EMOFUSE_PLUGINS"  # files, separated as in $PATH: worker processes inherit it
CONTRACTS = {
    "corpora": ("CARD", "utterances"),
    "encoders": ("__all__", "identify"),
    "heads": ("__all__",),
    "protocols": ("__all__", "SPEAKER_INDEPENDENT", "folds", "groups"),
    "checks": ("__all__", "check"),
    "checkpoints": ("CARDS",),
    "regressors": ("__all__",),
}
_PREFIX = "emofuse_plugins"


@dataclass(frozen=True)
class Source:
    """Where a corpus, encoder, head, regressor, protocol, check or checkpoint card is defined.

    Args:
        name: registry name.
        file: its source.
        module: the name to import it by.
        origin: for messages: `package heads`, `plug-in my_head.py`, `my-distribution 1.2`.
        plugin: False for the project's own.
    """

    name: str
    file: Path
    module: str
    origin: str
    plugin: bool = True

    @property
    def sha256(self) -> str:
        """The sha256 of the source file."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def describe(self) -> dict[str, str]:
        """Return the `file` and `sha256` of a plug-in file, or the `distribution`. The project's own have neither."""
        if not self.plugin:
            return {}
        if self.module.startswith(f"{_PREFIX}."):
            return {"file": self.file.name, "sha256": self.sha256}
        return {"distribution": self.origin}


@dataclass(frozen=True)
class BrokenPlugin:
    """A plug-in that cannot be used, and why."""

    origin: str
    reason: str


def add_files(paths: Iterable[Path | str]) -> None:
    """Add plug-in files to `$EMOFUSE_PLUGINS`, which worker processes inherit.

    Raises:
        NotFound: no such file.
    """
    for path in map(Path, paths):
        if not path.is_file():
            raise NotFound(f"no plug-in file {path}", do="check the path given by --plugin")
        if (found := path.resolve()) not in list_files():
            os.environ[VARIABLE] = os.pathsep.join(map(str, [*list_files(), found]))


def list_files() -> list[Path]:
    """List the plug-in files that the user named, by `add_files` or in `$EMOFUSE_PLUGINS`."""
    return [Path(path).resolve() for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]


def find_files(kind: str) -> list[Source | BrokenPlugin]:
    """Find the plug-in files of one kind. A file whose kind cannot be read is broken for every kind."""
    found: list[Source | BrokenPlugin] = []
    for file in list_files():
        origin = f"plug-in {file}"
        try:
            own_kind = read_kind(file)
        except ValueError as error:
            found.append(BrokenPlugin(origin, str(error)))
            continue
        if own_kind == kind:
            found.append(Source(file.stem.replace("_", "-"), file, f"{_PREFIX}.{kind}.{file.stem}", origin))
    return found


def read_kind(file: Path) -> str:
    """Read the kind of a plug-in file from its source.

    Raises:
        ValueError: it cannot be read, or has no kind.
    """
    if not file.stem.isidentifier() or file.stem.startswith("_") or file.suffix != ".py":
        raise ValueError("its name must be that of a Python module, such as my_head.py, without a leading _")
    if not file.is_file():
        raise ValueError("there is no such file")
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(summarize_error(error)) from None
    values = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if any(isinstance(target, ast.Name) and target.id == "KIND" for target in node.targets)
    ]
    if not values or values[0] not in CONTRACTS:
        known = ", ".join(f'"{kind}"' for kind in CONTRACTS)
        raise ValueError(f"{'it has no line' if not values else f'{values[0]!r} is no kind:'} KIND = one of {known}")
    return str(values[0])


def find_installed(kind: str) -> list[Source | BrokenPlugin]:
    """Find the modules of one kind that installed distributions offer by entry points."""
    return [_locate_entry_point(point) for point in _entry_points(kind)]


@cache
def _entry_points(kind: str) -> "Sequence[EntryPoint]":
    from importlib.metadata import entry_points

    return sorted(entry_points(group=f"emofuse.{kind}"), key=lambda point: (point.name, point.value))


def _locate_entry_point(point: "EntryPoint") -> Source | BrokenPlugin:
    origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
    if ":" in point.value:
        return BrokenPlugin(f"{point.name} of {origin}", f"its entry point names {point.value}, and not a module")
    try:
        file = _locate(point.value)
        ast.parse(file.read_bytes(), str(file))
    except (ImportError, OSError, SyntaxError, ValueError) as error:
        return BrokenPlugin(f"{point.name} of {origin}", summarize_error(error))
    return Source(point.name.replace("_", "-"), file, point.value, origin)


def _locate(module: str) -> Path:
    """Find a module's source file without importing its packages.

    Raises:
        ImportError: there is none.
    """
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {top!r}")
    if not rest and spec.origin:
        return Path(spec.origin)
    for folder in spec.submodule_search_locations or ():
        base = Path(folder, *rest)
        for file in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if file.is_file():
                return file
    raise ModuleNotFoundError(f"No module named {module!r}")


def import_plugin(kind: str, source: Source) -> ModuleType:
    """Import a plug-in.

    Raises:
        Unavailable: it cannot be imported, or lacks something that a module of its kind has.
    """
    try:
        module = importlib.import_module(source.module)
    except Problem:
        raise
    except (Exception, SystemExit) as error:  # third-party code may raise anything
        raise _explain(source, f"its import fails with {type(error).__name__}: {error}") from error
    if missing := [name for name in CONTRACTS[kind] if not hasattr(module, name)]:
        raise _explain(source, f"it has no {', '.join(missing)}, which a module of {kind} has")
    if len(getattr(module, "__all__", [""])) != 1 and kind in ("heads", "regressors", "encoders"):
        raise _explain(source, "its __all__ does not name exactly one class")
    return module


def locate_error(error: Exception) -> str:
    """Return one line about an error that a plug-in raised, with the line of the plug-in's code where there is one."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [frame for frame in frames if frame.f_globals.get("__name__", "").startswith(f"{_PREFIX}.")]
    line = next((number for frame, number in traceback.walk_tb(error.__traceback__) if own and frame is own[-1]), 0)
    return f"{summarize_error(error)}{f' (line {line})' if line else ''}"


def _explain(source: Source, reason: str) -> Unavailable:
    return Unavailable(f"{source.origin} cannot be used: {reason}", do="correct the plug-in, or leave it out")


class _Finder:
    """Import plug-in files by name, as `emofuse_plugins.KIND.NAME`, so that worker processes can unpickle from them."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find `emofuse_plugins` or something in it, and leave any other name to the next finder."""
        package, *kind_and_stem = name.split(".")
        if package != _PREFIX or len(kind_and_stem) > 2:
            return None
        if len(kind_and_stem) < 2:
            return ModuleSpec(name, None, is_package=True)
        sources = find_files(kind_and_stem[0]) if kind_and_stem[0] in CONTRACTS else []
        file = next((one.file for one in sources if isinstance(one, Source) and one.module == name), None)
        return importlib.util.spec_from_file_location(name, file) if file else None


sys.meta_path.append(_Finder())
