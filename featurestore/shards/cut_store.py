"""Cut a store into shards, with its features."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, quote
from featurestore.progress import Say
from featurestore.shards.cut_features import copy_rows
from featurestore.shards.cut_manifest import check_rows, describe_cut_dialogues
from featurestore.shards.shard_index import ShardIndex, is_sharded
from featurestore.shards.sharded_store import ShardedStore
from featurestore.shards.write_shards import check_target, write_shards
from featurestore.storage import repair
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.lock import lock_folder
from featurestore.store import Store


@dataclass(frozen=True)
class CutStore:
    """Outcome of cutting a store.

    Args:
        path: the folder of the shards.
        index: of the shards.
        copied: number of feature files and transcripts that were written now.
        kept: number of those that were there already.
        stale: encoders and transcripts (`transcripts/NAME`) whose files do not belong to the present manifest; `cli
            extract` and `cli transcribe` bring the copies up to date.
    """

    path: Path
    index: ShardIndex
    copied: int
    kept: int
    stale: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        counts = {"copied": self.copied, "kept": self.kept, "stale": list(self.stale)}
        cut = {"utterances": len(self.index), "cut_dialogues": self.index.cut_dialogues}
        return {"store": str(self.path), "shards": len(self.index.shards), "rows": self.index.rows, **cut, **counts}

    def summary(self) -> str:
        """Return the outcome as lines for a terminal."""
        lines = [
            f"{self.path}: {len(self.index):,} utterances in {len(self.index.shards):,} shards of at most "
            f"{self.index.rows:,}; {self.copied} feature files copied, {self.kept} there already"
        ]
        lines += describe_cut_dialogues(self.index.cut_dialogues)
        lines += [
            f"{name} is stale, as it was: cli {'transcribe' if '/' in name else 'extract'} --store {quote(self.path)}"
            for name in self.stale
        ]
        return "\n".join(lines)


def cut_store(store: str | Path, out: str | Path, rows: int, say: Say = print) -> CutStore:
    """Write a store again as shards, with its features, and leave the store itself as it is.

    Called again after an interruption, it continues.

    Args:
        store: the folder of a store that is not cut.
        out: the folder of the shards, created if missing.
        rows: utterances of a shard, at most.
        say: receives lines for the user.

    Raises:
        NotFound: there is no store.
        BadValue: `rows` is below 1, or the store is cut already.
        Mismatch: a feature file is damaged, or `out` holds another store.
        Unavailable: an extraction is writing into the store.
    """
    store, out = Path(store), Path(out)
    check_rows(rows)
    if is_sharded(store):
        raise BadValue(f"{store} is cut into shards already", do="cut the store that they were made from")
    source = Store(store)
    check_target(out, rows)
    out.mkdir(parents=True, exist_ok=True)
    with lock_folder(store), lock_folder(out):
        index = write_shards(out, source.info, source.utterances, rows).index
        return _copy_features(source, ShardedStore(out), index, say)


def _copy_features(source: Store, target: ShardedStore, index: ShardIndex, say: Say) -> CutStore:
    copied, kept, stale = 0, 0, list[str]()
    for place in source.list_files():
        name, file = place.removesuffix(".h5"), FeatureFile(source.path / place)
        repair.check_whole(file)
        fresh = file.header.manifest == source.manifest_digest
        stale += [] if fresh else [name]
        for number, shard in enumerate(target.shards(), 1):
            ids = [row.id for row in shard.utterances]
            path = shard.path / place
            path.parent.mkdir(exist_ok=True)
            done = copy_rows(file, path, ids, shard.manifest_digest if fresh else "")
            copied, kept = copied + done, kept + (not done)
            say(f"{name}: shard {number} of {len(index.shards)}")
    return CutStore(target.path, index, copied, kept, tuple(stale))
