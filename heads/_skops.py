"""Write skops files that are the same bytes for the same values.

skops names arrays and objects by their addresses in memory, and its zip holds the time of writing; both differ from run
to run. Here they are counted in the order of the file's own description, and the time is that of an empty zip date.
"""

import io
import itertools
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heads._imports import without

# skops walks through all of scikit-learn, wrappers of other array libraries included: 2.2 of the 3.9 s of CPU that its
# import takes.
with without("torch", "dask", "pytest"):
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

__all__ = ["UntrustedTypesFoundException", "save", "skops"]

_SCHEMA = "schema.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold


def save(values: Mapping[str, Any], path: Path) -> None:
    """Write values to a skops file; `skops.io.load` reads it like any other.

    Args:
        values: what skops can hold, by name.
        path: the file; its suffix is `.skops`.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(dict(values)))) as dumped:
        schema = json.loads(dumped.read(_SCHEMA))
        numbers = _counted(node["__id__"] for node in _nodes(schema) if "__id__" in node)
        names = _counted(node["file"] for node in _nodes(schema) if isinstance(node.get("file"), str))
        for node in _nodes(schema):
            if "__id__" in node:
                node["__id__"] = numbers[node["__id__"]]
            if isinstance(node.get("file"), str):
                node["file"] = _renamed(node["file"], names)
        members = {_renamed(name, names): dumped.read(name) for name in names}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {**members, _SCHEMA: json.dumps(schema, indent=2).encode()}.items():
            file.writestr(zipfile.ZipInfo(name, _DATE), content)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a description, in its order."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(inner)


def _counted(found: Iterator[Any]) -> dict[Any, int]:
    """Number things from 1, in the order in which they are first seen."""
    return dict(zip(dict.fromkeys(found), itertools.count(1), strict=False))


def _renamed(name: str, names: Mapping[str, int]) -> str:
    return f"{names[name]}{Path(name).suffix}"
