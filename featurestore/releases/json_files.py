"""Read the JSON files in which corpora keep labels, and format votes."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from featurestore.errors import Mismatch
from featurestore.releases.text_decoding import decode_text


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        NotFound: the file cannot be read.
        Mismatch: it is not JSON, or holds something else.
    """
    text, _ = decode_text(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Mismatch(f"{path} is not JSON: {error}", do="get the file again") from None
    if not isinstance(value, dict):
        raise Mismatch(
            f"{path} holds no labels", expected="a JSON object", got=type(value).__name__, do="get the file again"
        )
    return value


def get_text(entry: object, key: str) -> str:
    """Return the stripped text or the number under a key of a JSON object, or an empty text if there is none."""
    value = entry.get(key) if isinstance(entry, dict) else None
    return str(value).strip() if isinstance(value, str | int | float) else ""


def format_votes(votes: Iterable[Mapping[str, Any]]) -> str:
    """Return votes as JSON, or an empty text if there are none."""
    listed = list(votes)
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":")) if listed else ""
