"""List the manifests of lhotse in a folder by the part of the corpus, and read their objects."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, NotFound, quote
from featurestore.releases.finding_list import FindingList

FILE = re.compile(
    r"(?:(?P<prefix>.+?)[_-])?(?P<kind>recordings|supervisions|cuts)(?:[_.-](?P<part>.+?))?\.jsonl?(?:\.gz)?"
)
_CUTS_TOO = "manifests of cuts, ignored, because there are supervisions"
_ALONE = "manifests of recordings without supervisions, ignored"
_BROKEN = "lines that are not an object of lhotse, ignored"


@dataclass(frozen=True)
class ManifestPart:
    """The manifests of one part of a corpus, by kind."""

    name: str
    files: dict[str, Path]


def list_parts(root: Path, found: FindingList) -> list[ManifestPart]:
    """Return the manifests of each part, of supervisions rather than of cuts.

    Args:
        root: folder of the manifests, or one of them.
        found: receives the findings.

    Raises:
        NotFound: there are no manifests.
    """
    parts = _group_files(root)
    has_supervisions = any("supervisions" in files for files in parts.values())
    kind = "supervisions" if has_supervisions else "cuts"
    found.add(_CUTS_TOO, [files["cuts"].name for files in parts.values() if "cuts" in files and has_supervisions])
    found.add(
        _ALONE, [files["recordings"].name for files in parts.values() if kind not in files and "recordings" in files]
    )
    usable = [ManifestPart("_".join(filter(None, name)), files) for name, files in parts.items() if kind in files]
    if not usable:
        raise NotFound(
            f"{root} holds no manifests of lhotse",
            expected="recordings.jsonl.gz with supervisions.jsonl.gz, or cuts.jsonl.gz",
            do="give the folder of the manifests, or one of them",
        )
    return _name_parts(usable)


def _group_files(root: Path) -> dict[tuple[str, str], dict[str, Path]]:
    """Return the files by kind for each prefix and part in their names."""
    folder = root if root.is_dir() else root.parent
    matches = [(FILE.fullmatch(path.name), path) for path in (sorted(folder.iterdir()) if folder.is_dir() else ())]
    given = FILE.fullmatch(root.name)
    parts: dict[tuple[str, str], dict[str, Path]] = {}
    for match, path in matches:
        if match and path.is_file() and (root.is_dir() or (given and _is_beside(match, given))):
            parts.setdefault((match["prefix"] or "", match["part"] or ""), {})[match["kind"]] = path
    return parts


def _is_beside(match: re.Match[str], given: re.Match[str]) -> bool:
    """Return whether a manifest belongs to the given one."""
    same = (match["prefix"], match["part"]) == (given["prefix"], given["part"])
    return same and (match["kind"] == "cuts") == (given["kind"] == "cuts")


def _name_parts(parts: list[ManifestPart]) -> list[ManifestPart]:
    """Name parts after that in which their names differ: `libri_recordings_dev` is `dev`."""
    words = [part.name.split("_") for part in parts]
    while len(words) > 1 and len({word[0] for word in words}) == 1 and all(len(word) > 1 for word in words):
        words = [word[1:] for word in words]
    return [ManifestPart("_".join(word), part.files) for word, part in zip(words, parts, strict=True)]


def read_objects(path: Path | None, found: FindingList) -> Iterator[dict[str, Any]]:
    """Yield the objects of a manifest that have an id.

    Args:
        path: of the manifest, or None for one that does not exist and has none.
        found: receives the findings.

    Raises:
        BadValue: it cannot be read.
    """
    if path is None:
        return
    for number, one in enumerate(_load(path), 1):
        if is_object(one):
            yield one
        else:
            found.add(_BROKEN, [f"{path.name}, {number}"])


def _load(path: Path) -> list[Any]:
    """Return the values of a manifest, or none if it is one JSON value that is not a list."""
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
        is_lines = ".jsonl" in path.suffixes
        objects = [json.loads(line) for line in text.splitlines() if line.strip()] if is_lines else json.loads(text)
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise BadValue(
            f"{path} is not a manifest of lhotse: {error}",
            expected="one JSON object on each line",
            do=f"write it again by lhotse, and look at it: zcat -f {quote(path)} | head -3",
        ) from None
    return objects if isinstance(objects, list) else []


def is_object(value: object) -> bool:
    """Return whether a value of JSON is an object with an id."""
    return isinstance(value, dict) and isinstance(value.get("id"), str)
