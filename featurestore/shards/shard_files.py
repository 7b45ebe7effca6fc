"""Open the feature files of the shards, and check that they belong together."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path

from featurestore.errors import Mismatch, quote
from featurestore.shards.shard import Shard
from featurestore.shards.shard_index import ShardIndex
from featurestore.spec import format_checkpoint, is_imported, list_reading_options
from featurestore.storage.damage import extract_command
from featurestore.storage.feature_file import FeatureFile

_MAPPED = 64  # files whose memory maps stay open, each with a descriptor; a process often has 1,024 of them
_PARSED = 1024  # files whose layout stays in memory, some 10 kB each: reading it takes longer than 200 rows


class ShardFiles:
    """The feature files of a sharded store. The layouts of the last used are kept, and the maps of a few of them.

    Args:
        path: the store's folder.
        index: of the store.
        open_shard: opens a shard by its number.
    """

    def __init__(self, path: Path, index: ShardIndex, open_shard: Callable[[int], Shard]) -> None:
        self._path, self._index, self._open_shard = path, index, open_shard
        self._files: OrderedDict[tuple[int, str], FeatureFile] = OrderedDict()
        self._mapped: OrderedDict[tuple[int, str], FeatureFile] = OrderedDict()
        self._first: dict[str, FeatureFile] = {}

    def count_shards(self) -> dict[str, int]:
        """Return how many shards have a finished file of each encoder, by its name."""
        found = (
            path.stem
            for one in self._index.shards
            for path in (self._path / one.name).glob("*.h5")
            if not path.name.startswith(".")
        )
        return dict(sorted(Counter(found).items()))

    def open_first(self, encoder: str) -> FeatureFile:
        """Open the file of the first shard, which describes the encoder.

        Raises:
            Mismatch: a shard has no file of this encoder.
        """
        if encoder not in self._first:
            self._check_complete(encoder)
            self._first[encoder] = self._open_shard(0).file(encoder)
        return self._first[encoder]

    def open(self, number: int, encoder: str) -> FeatureFile:
        """Open the file of a shard.

        Raises:
            Mismatch: it was made by another encoder than that of the first shard, or from another manifest.
        """
        first, key = self.open_first(encoder), (number, encoder)
        if key not in self._files:
            file = self._open_shard(number).file(encoder)
            self._check_same(file, first)
            self._files[key] = file
        for kept, most in ((self._mapped, _MAPPED), (self._files, _PARSED)):
            kept[key] = self._files[key]
            kept.move_to_end(key)
            if len(kept) > most:
                kept.popitem(last=False)[1].release()
        return self._files[key]

    def release(self, number: int) -> None:
        """Close the memory maps of a shard."""
        for encoder in self._first:
            if file := self._mapped.pop((number, encoder), None):
                file.release()

    def _check_complete(self, encoder: str) -> None:
        names = [one.name for one in self._index.shards if not (self._path / one.name / f"{encoder}.h5").is_file()]
        if not names:
            return
        every = len(self._index.shards)
        present = next((path for path in sorted(self._path.glob(f"[0-9]*/{encoder}.h5"))), None)
        raise Mismatch(
            f"{encoder} is not finished in {len(names)} of the {every} shards of {self._path}: {', '.join(names[:5])}",
            expected=f"{encoder}.h5 in each",
            do=self._describe_command(FeatureFile(present)) if present else f"cli extract --store {quote(self._path)}",
        )

    def _check_same(self, file: FeatureFile, first: FeatureFile) -> None:
        if file.header.fingerprint == first.header.fingerprint and file.kinds == first.kinds:
            return
        raise Mismatch(
            f"{file.path} and {first.path} were not made alike",
            expected=f"the same encoder and the same kinds, {', '.join(first.kinds)}",
            got=f"encoder {file.header.fingerprint[:12]} with {', '.join(file.kinds)}",
            do=self._describe_command(first),
        )

    def _describe_command(self, file: FeatureFile) -> str:
        """Return the command that makes the files of all shards alike."""
        encoder = file.header.encoder
        if is_imported(encoder):
            return f"import it into each shard: {file.update_command}"
        whole = self._path / file.path.name
        return extract_command(whole, format_checkpoint(encoder), list_reading_options(encoder))
