"""Write a corpus as shards: each an ordinary store of a range of the manifest, with one index over all."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from featurestore import manifest
from featurestore.corpora import GIVEN
from featurestore.errors import Mismatch, quote
from featurestore.manifest import Utterance
from featurestore.shards.cut_manifest import DialogueCount, check_rows, cut_manifest
from featurestore.shards.id_index import FILE, hash_texts, write_id_index
from featurestore.shards.shard_index import ShardIndex, ShardRange, is_sharded, read_index, write_index
from featurestore.storage.atomic import write_text
from featurestore.storage.checksum import hash_file
from featurestore.store import CORPUS, MANIFEST, SHARDS


@dataclass(frozen=True)
class WrittenShards:
    """Outcome of writing shards.

    Args:
        index: of the store.
        written: the files that were written, relative to the store's folder; empty if nothing changed.
    """

    index: ShardIndex
    written: tuple[str, ...]


def write_shards(path: Path, info: Mapping[str, Any], utterances: Iterable[Utterance], rows: int) -> WrittenShards:
    """Write the manifests of a sharded store, with at most one shard of utterances in memory.

    Files that would not change are left alone. The index is written last. Killed before, the same call continues.

    Args:
        path: the store's folder, created if missing.
        info: content of corpus.json for the whole corpus.
        utterances: in manifest order; they are read once.
        rows: utterances of a shard, at most.

    Raises:
        BadValue: `rows` is below 1.
        Mismatch: an id is not unique, there is no utterance, or the folder holds a store that is not cut or is cut into
            shards of another size.
    """
    check_rows(rows)
    check_target(path, rows)
    dialogues, ranges, hashes, written = DialogueCount(), list[ShardRange](), list[np.ndarray](), list[str]()
    for number, shard in zip(count(), cut_manifest(utterances, rows), strict=False):
        start = ranges[-1].start + ranges[-1].utterances if ranges else 0
        one, changed = _write_shard(path, f"{number:04d}", start, info, shard)
        dialogues.add(shard)
        ranges.append(one)
        hashes.append(hash_texts(row.id for row in shard))
        written += changed
    if not ranges:
        raise Mismatch(f"there is no utterance to write into {path}", expected="a corpus with utterances")
    index = _write_index(path, rows, ranges, np.concatenate(hashes), dialogues.count_cut())
    if _update(path / CORPUS, _format(info)):
        written.append(CORPUS)
    written += [SHARDS] if write_index(path, index) else []
    return WrittenShards(index, tuple(written))


def check_target(path: Path, rows: int) -> None:
    """Check that shards of some size can be written into a folder.

    Raises:
        Mismatch: it holds a store that is not cut, or one that is cut into shards of another size.
    """
    if (path / MANIFEST).is_file():
        raise Mismatch(
            f"{path} holds a store that is not cut into shards",
            do=f"cli shard {quote(path)} OTHER_FOLDER --rows {rows}, which keeps its features",
        )
    if is_sharded(path) and (present := read_index(path).rows) != rows:
        raise Mismatch(
            f"{path} is cut into shards of another size",
            expected=f"{rows:,} utterances",
            got=f"{present:,}",
            do=f"give {present} as the number of rows of a shard, or choose another folder",
        )


def find_other_shards(path: Path, index: ShardIndex) -> list[Path]:
    """List the folders of shards that an earlier and longer manifest had."""
    known = {one.name for one in index.shards}
    return sorted(one.parent for one in path.glob(f"[0-9]*/{CORPUS}") if one.parent.name not in known)


def _write_shard(
    path: Path, name: str, start: int, info: Mapping[str, Any], rows: Sequence[Utterance]
) -> tuple[ShardRange, list[str]]:
    folder = path / name
    # the manifest is written last: a shard without it is not prepared
    texts = {CORPUS: _format(describe_range(info, rows)), MANIFEST: manifest.to_csv(rows)}
    changed = [f"{name}/{file}" for file, text in texts.items() if _update(folder / file, text)]
    content = texts[MANIFEST].encode()
    digest = hashlib.sha256(content).hexdigest()
    return ShardRange(name, start, len(rows), rows[0].id, rows[-1].id, digest, len(content)), changed


def describe_range(info: Mapping[str, Any], rows: Sequence[Utterance]) -> dict[str, Any]:
    """Return the content of corpus.json for a part of a corpus.

    Args:
        info: that of the whole corpus.
        rows: the utterances of the part.
    """
    labels = Counter(row.label for row in rows)
    order = dict.fromkeys([*info.get("counts", {}), *sorted(labels)])
    ids = {row.id for row in rows}
    here = [one for one in info.get("made_up_ids", []) if one in ids]
    only_given = bool(info.get("made_up_ids")) and not here  # an empty list would mean every id
    findings = [{**one, "where": [item for item in one["where"] if item in ids]} for one in info.get("findings", [])]
    return {
        **info,
        "utterances": len(rows),
        "hours": round(sum(row.duration or 0 for row in rows) / 3600, 4),
        "without_duration": sum(row.duration is None for row in rows),
        "speakers": len({row.speaker for row in rows if row.speaker}),
        "counts": {label: labels[label] for label in order if labels[label]},
        **({"ids": GIVEN} if only_given else {}),
        "made_up_ids": here if len(here) < len(rows) else [],
        "findings": [one for one in findings if one["where"]],
    }


def _write_index(path: Path, rows: int, ranges: list[ShardRange], hashes: np.ndarray, cut_dialogues: int) -> ShardIndex:
    plain = ShardIndex(rows, 0, "", cut_dialogues, tuple(ranges))

    def read_ids(places: Sequence[int]) -> list[str]:
        return _read_ids(path, plain, places)

    def hash_all(salt: int) -> np.ndarray:
        manifests = (manifest.read(path / one.name / MANIFEST) for one in ranges)
        return np.concatenate([hash_texts((row.id for row in shard), salt) for shard in manifests])

    salt = write_id_index(path, hashes, read_ids, hash_all)
    return ShardIndex(rows, salt, hash_file(path / FILE), cut_dialogues, tuple(ranges))


def _read_ids(path: Path, index: ShardIndex, places: Sequence[int]) -> list[str]:
    """Read the ids at some places from the manifests of their shards."""
    shards, found = index.find_shards(np.array(places)), dict[int, str]()
    for number in sorted(set(shards.tolist())):
        rows = manifest.read(path / index.shards[number].name / MANIFEST)
        start = index.shards[number].start
        found |= {place: rows[place - start].id for place, own in zip(places, shards, strict=True) if own == number}
    return [found[place] for place in places]


def _format(info: Mapping[str, Any]) -> str:
    return json.dumps(info, ensure_ascii=False, indent=1) + "\n"


def _update(path: Path, content: str) -> bool:
    """Write a file unless it has that content already, and return whether it was written."""
    if path.is_file() and path.read_bytes() == content.encode():
        return False
    write_text(path, content)
    return True
