"""Write skops files that are the same bytes for the same values.

skops names arrays and objects by their addresses in memory, and its zip holds the time of writing. Both differ from run
to run. Here objects are numbered in the order of the file's schema, and the time is the earliest that a zip can hold.
"""

import io
import itertools
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heads._imports import hide_modules

# skops imports all of scikit-learn, and with it the optional libraries below where they are installed. Hiding them
# saves 2.2 of the 3.9 s of CPU that the import takes.
with hide_modules("torch", "dask", "pytest"):
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

__all__ = ["UntrustedTypesFoundException", "save", "skops"]

_SCHEMA = "schema.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold


def save(values: Mapping[str, Any], path: Path) -> None:
    """Write values to a skops file, which `skops.io.load` reads.

    Args:
        values: what skops can hold, by name.
        path: the file; its suffix is `.skops`.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(dict(values)))) as dumped:
        schema = json.loads(dumped.read(_SCHEMA))
        numbers = _number(node["__id__"] for node in _nodes(schema) if "__id__" in node)
        names = _number(node["file"] for node in _nodes(schema) if isinstance(node.get("file"), str))
        for node in _nodes(schema):
            if "__id__" in node:
                node["__id__"] = numbers[node["__id__"]]
            if isinstance(node.get("file"), str):
                node["file"] = _rename(node["file"], names)
        members = {_rename(name, names): dumped.read(name) for name in names}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {**members, _SCHEMA: json.dumps(schema, indent=2).encode()}.items():
            file.writestr(zipfile.ZipInfo(name, _DATE), content)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a schema, in its order."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(inner)


def _number(found: Iterator[Any]) -> dict[Any, int]:
    """Map values to numbers from 1, in the order of their first appearance."""
    return dict(zip(dict.fromkeys(found), itertools.count(1), strict=False))


def _rename(name: str, names: Mapping[str, int]) -> str:
    return f"{names[name]}{Path(name).suffix}"
