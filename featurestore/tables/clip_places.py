"""Find the clips of a list whose paths are relative to another folder than its own."""

import os
from collections.abc import Iterable
from pathlib import Path

_ABOVE = 3  # folders above the list that a path may be relative to


def locate_clips(root: Path, paths: Iterable[str], folder: Path | None = None) -> dict[str, str]:
    """Return where each clip is: its path relative to the root, or an absolute path if it is elsewhere.

    Lists of other tools are often relative to the folder that the tool was run in. A clip is looked for in the folder
    of the list, then in the root and the three folders above it. The path of one that is nowhere is returned as it is.

    Args:
        root: of the corpus.
        paths: as the list gives them.
        folder: of the list, if it is not the root.
    """
    bases = [folder or root, *list_bases(root)]
    return {path: _locate(path, root, bases) for path in dict.fromkeys(paths) if path}


def list_bases(root: Path) -> list[Path]:
    """Return the folders that paths in a list may be relative to: the root and the three folders above it."""
    return [root, *root.absolute().parents[:_ABOVE]]


def _locate(path: str, root: Path, bases: list[Path]) -> str:
    for name in dict.fromkeys((path, path.replace("\\", "/"))):
        for base in bases:
            if os.path.isfile(base / name):
                place = os.path.normpath(base / name)
                inside = place.removeprefix(f"{os.path.normpath(root)}{os.sep}")
                return name if os.path.isabs(name) else inside
    return path
