"""Read and write the index of a store that is cut into shards: `shards.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.errors import Mismatch
from featurestore.storage.atomic import write_text
from featurestore.storage.json_files import read_object
from featurestore.store import SHARDS

_FORMAT = 1
_PREPARE_AGAIN = "run cli prepare or cli shard again"


@dataclass(frozen=True)
class ShardRange:
    """The range of the manifest that one shard holds.

    Args:
        name: of its folder.
        start: number of its first utterance in the whole manifest, from 0.
        utterances: number of its utterances.
        first: id of the first one.
        last: id of the last one.
        manifest: sha256 of its manifest file.
        size: of its manifest file in bytes.
    """

    name: str
    start: int
    utterances: int
    first: str
    last: str
    manifest: str
    size: int


@dataclass(frozen=True)
class ShardIndex:
    """The content of `shards.json`.

    Args:
        rows: utterances of a shard, at most.
        salt: of the hashes in the index of ids.
        ids: sha256 of the index of ids.
        cut_dialogues: number of dialogues whose turns lie in several shards.
        shards: in manifest order.
    """

    rows: int
    salt: int
    ids: str
    cut_dialogues: int
    shards: tuple[ShardRange, ...]

    def __len__(self) -> int:
        """Return the number of utterances."""
        return sum(one.utterances for one in self.shards)

    @cached_property
    def starts(self) -> np.ndarray:
        """The first utterance of each shard, and the number of all, int64 (S + 1,)."""
        return np.array([*(one.start for one in self.shards), len(self)], np.int64)

    def find_shards(self, places: np.ndarray) -> np.ndarray:
        """Return the number of the shard of each place in the whole manifest, int64 (N,)."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def to_json(self) -> dict[str, Any]:
        """Return the index as JSON values."""
        return {"format": _FORMAT, "utterances": len(self), **asdict(self)}


def is_sharded(path: Path) -> bool:
    """Tell whether a store is cut into shards."""
    return (path / SHARDS).is_file()


def write_index(path: Path, index: ShardIndex) -> bool:
    """Write the index into a store's folder unless it is there already, and return whether it was written."""
    text = json.dumps(index.to_json(), indent=1, ensure_ascii=False) + "\n"
    file = path / SHARDS
    if file.is_file() and file.read_bytes() == text.encode():
        return False
    write_text(file, text)
    return True


def read_index(path: Path) -> ShardIndex:
    """Read the index of a store.

    Raises:
        NotFound: the store has no index.
        Mismatch: the index is damaged, or was written by a newer version.
    """
    file = path / SHARDS
    content = read_object(file, do=_PREPARE_AGAIN)
    if content.get("format") != _FORMAT:
        got = f"format {content.get('format')}"
        raise Mismatch(f"{file} cannot be read", expected=f"format {_FORMAT}", got=got, do=_PREPARE_AGAIN)
    try:
        index = _parse(content)
    except (TypeError, KeyError, AttributeError) as error:
        raise Mismatch(f"{file} is damaged", expected="an index of shards", got=str(error), do=_PREPARE_AGAIN) from None
    _check(index, content, file)
    return index


def _parse(content: Mapping[str, Any]) -> ShardIndex:
    shards = tuple(ShardRange(**one) for one in content["shards"])
    numbers = (int(content[name]) for name in ("rows", "salt", "cut_dialogues"))
    rows, salt, cut_dialogues = numbers
    return ShardIndex(rows, salt, str(content["ids"]), cut_dialogues, shards)


def _check(index: ShardIndex, content: Mapping[str, Any], file: Path) -> None:
    """Raise Mismatch where the ranges leave a gap, overlap, or are not as many as announced."""
    ends = [one.start + one.utterances for one in index.shards]
    starts = [one.start for one in index.shards]
    if not starts or starts != [0, *ends[:-1]] or ends[-1] != content.get("utterances"):
        raise Mismatch(
            f"{file} is damaged: its ranges do not follow each other", expected="0 to the last row", do=_PREPARE_AGAIN
        )
