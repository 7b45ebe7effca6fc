"""skops files that are the same bytes whenever they hold the same."""

import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import skops.io

_SCHEMA = "schema.json"


def dump(content: Any, file: Path) -> None:
    """Write a skops file without what differs from run to run.

    skops names each object by its address in memory and notes the time. Here objects are numbered in the order in which
    they appear, and the time is the archive format's first.
    """
    with ZipFile(io.BytesIO(skops.io.dumps(content))) as drawn, ZipFile(file, "w") as steady:
        numbers: dict[int, int] = {}  # by address
        schema = json.loads(drawn.read(_SCHEMA), object_hook=lambda node: _numbered(node, numbers))
        for address, number in numbers.items():
            if f"{address}.npy" in drawn.namelist():
                steady.writestr(ZipInfo(f"{number}.npy"), drawn.read(f"{address}.npy"))
        steady.writestr(ZipInfo(_SCHEMA), json.dumps(schema, indent=2))


def _numbered(node: dict[str, Any], numbers: dict[int, int]) -> dict[str, Any]:
    """Replace the address of an object, and the name of its file, by its number."""
    if "__id__" in node:
        number = numbers.setdefault(node["__id__"], len(numbers))
        node |= {"__id__": number} | ({"file": f"{number}.npy"} if "file" in node else {})
    return node
