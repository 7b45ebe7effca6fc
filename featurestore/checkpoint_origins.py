"""Find the public checkpoints that the weights of a checkpoint come from."""

import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.storage.json_files import find_object

_HUB_NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
_CACHED = re.compile(r"models--([\w.-]+?)--([\w.-]+)")  # the folder of a model in the hub's cache


def list_origins(name: str, folder: Path) -> list[str]:
    """List the hub names that a checkpoint's weights come from, beginning with the latest.

    - a folder in the hub's cache has the name of its model
    - `_name_or_path` in config.json names what the network was loaded from, in files of transformers 4
    - `finetune.json` names the start of a fine-tuning here; a folder as the start is followed further

    Args:
        name: its hub name, or the path of its folder.
        folder: where its files are.
    """
    found: dict[str, None] = {} if Path(name).is_dir() else {_drop_revision(name): None}
    waiting, seen = [folder], set()
    while waiting:
        place = waiting.pop(0).resolve()
        if place in seen:
            continue
        seen.add(place)
        for origin in _read_origins(place):
            if Path(origin).expanduser().is_dir():
                waiting.append(Path(origin).expanduser())
            elif _HUB_NAME.fullmatch(_drop_revision(origin)):
                found.setdefault(_drop_revision(origin))
    return list(found)


def _read_origins(folder: Path) -> Iterator[str]:
    """Yield what the path and the files of a folder name as the origin of its weights."""
    for part in folder.parts:
        if match := _CACHED.fullmatch(part):
            yield f"{match[1]}/{match[2]}"
    record = find_object(folder / "finetune.json") or {}
    yield from map(str, record.get("origins", ()))
    start = record.get("start")
    config = find_object(folder / "config.json") or {}
    named = (config.get("_name_or_path"), start.get("checkpoint") if isinstance(start, dict) else None)
    yield from (one for one in named if isinstance(one, str) and one)


def _drop_revision(name: str) -> str:
    return name.partition("@")[0]
