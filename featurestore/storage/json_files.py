"""Read JSON files that hold one object."""

import json
from pathlib import Path
from typing import Any

from featurestore.errors import Mismatch, NotFound


def read_object(path: Path, *, do: str = "") -> dict[str, Any]:
    """Read a UTF-8 JSON file that holds one object.

    Args:
        path: the file.
        do: what the user should do about a missing or damaged file, for the message.

    Raises:
        NotFound: there is no such file.
        Mismatch: the file is not UTF-8, not JSON, or JSON but not an object.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFound(f"there is no {path}", do=do) from None
    except (ValueError, RecursionError) as error:
        raise Mismatch(f"{path} is damaged: {error}", expected="a JSON object", do=do) from None
    if not isinstance(content, dict):
        raise Mismatch(f"{path} is damaged", expected="a JSON object", got=type(content).__name__, do=do)
    return content


def find_object(path: Path) -> dict[str, Any] | None:
    """Read a JSON object, or return None where the file is missing, unreadable or damaged."""
    try:
        return read_object(path)
    except (OSError, Mismatch):
        return None
