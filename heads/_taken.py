"""Name what a head takes, from its class, or from its source because importing every head takes seconds."""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heads._base import Head

_VECTOR = "vector"


def name_taken(head: "type[Head]") -> list[str]:
    """Name what a head takes, whatever its settings: what `TAKES` and `KIND` say, or one vector. Sorted.

    >>> from heads import load_head
    >>> name_taken(load_head("svm")), name_taken(load_head("bc-lstm")), name_taken(load_head("layers"))
    (['vector'], ['blocks', 'dialogue'], ['blocks', 'layers'])
    """
    return _join([*head.TAKES, head.KIND])


def read_taken(file: Path) -> list[str]:
    """Read the same from the source of a head in this package. Nothing is imported.

    Args:
        file: its module. Base classes are looked for there and in the private modules beside it.
    """
    body = ast.parse(file.read_text("utf-8")).body
    (name,) = next(
        ast.literal_eval(node.value)
        for node in body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    declared = _find_declared(file, name)
    nodes = [node for name in ("TAKES", "KIND") if name in declared for node in ast.walk(declared[name])]
    constants = [node.id for node in nodes if isinstance(node, ast.Name) and node.id.isupper()]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return _join([*(name.lower() for name in constants), *map(str, texts)])


def _find_declared(file: Path, name: str) -> dict[str, ast.expr]:
    """Find the values that a class and its base classes in this package declare, by attribute."""
    body = ast.parse(file.read_text("utf-8")).body
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    modules = {alias.name: node.module for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    found: dict[str, ast.expr] = {}
    for base in map(ast.unparse, classes[name].bases):
        module = modules.get(base) or ""
        if base in classes:
            found |= _find_declared(file, base)
        elif module.startswith("heads._"):
            found |= _find_declared(file.with_name(f"{module.removeprefix('heads.')}.py"), base)
    own = (node for node in classes[name].body if isinstance(node, ast.AnnAssign) and node.value)
    return found | {ast.unparse(node.target): node.value for node in own if node.value}


def _join(names: Iterable[str]) -> list[str]:
    return sorted(set(names) - {""}) or [_VECTOR]
