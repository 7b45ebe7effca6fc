"""Find the public checkpoints that the weights of a checkpoint come from."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.storage.json_files import find_object

_HUB_NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
_CACHED = "models--"  # how the folder of a model in the hub's cache begins


def list_origins(name: str, folder: Path) -> list[str]:
    """List the hub names that a checkpoint's weights come from, beginning with the latest.

    - a folder in the hub's cache has the name of its model
    - `_name_or_path` in config.json names what the network was loaded from, in files of transformers 4
    - `finetune.json` names the start of a fine-tuning here; a folder as the start is followed further

    Args:
        name: its hub name, or the path of its folder.
        folder: where its files are.
    """
    named = [] if os.path.isdir(name) else [name]
    waiting, seen = [folder.resolve()], set()
    while waiting:
        place = waiting.pop(0)
        seen.add(place)
        origins = list(_read_origins(place))
        folders = [os.path.expanduser(origin) for origin in origins]
        waiting += [found for one in folders if os.path.isdir(one) and (found := Path(one).resolve()) not in seen]
        named += origins
    hub_names = (one.partition("@")[0] for one in named)
    return list(dict.fromkeys(one for one in hub_names if _HUB_NAME.fullmatch(one)))


def _read_origins(folder: Path) -> Iterator[str]:
    """Yield what the path and the files of a folder name as the origin of its weights."""
    yield from (part.removeprefix(_CACHED).replace("--", "/", 1) for part in folder.parts if part.startswith(_CACHED))
    record = find_object(folder / "finetune.json") or {}
    yield from map(str, record.get("origins") or ())
    start = record.get("start")
    config = find_object(folder / "config.json") or {}
    named = (config.get("_name_or_path"), start.get("checkpoint") if isinstance(start, dict) else None)
    yield from (one for one in named if isinstance(one, str) and one)
