"""One shard: an ordinary store whose manifest the index knows."""

from functools import cached_property
from pathlib import Path

from featurestore.errors import Mismatch, quote
from featurestore.shards.shard_index import ShardRange
from featurestore.storage.checksum import hash_file
from featurestore.store import MANIFEST, SHARDS, Store


class Shard(Store):
    """Read one shard of a store.

    Args:
        path: the store's folder, without that of the shard.
        entry: of the shard in the index.
    """

    def __init__(self, path: Path, entry: ShardRange) -> None:
        super().__init__(path / entry.name)
        self._whole, self._entry = path, entry

    def __reduce__(self) -> tuple[type["Shard"], tuple[Path, ShardRange]]:
        """Pickle the absolute path and the entry alone."""
        return type(self), (self._whole.absolute(), self._entry)

    @cached_property
    def manifest_digest(self) -> str:
        """The sha256 of the manifest file: the recorded one if the file is older than the index and as long as then.

        Raises:
            Mismatch: the manifest has changed since the index was written.
        """
        file, index = (self.path / MANIFEST).stat(), (self._whole / SHARDS).stat()
        if file.st_size == self._entry.size and file.st_mtime_ns <= index.st_mtime_ns:
            return self._entry.manifest
        digest = hash_file(self.path / MANIFEST)
        if digest != self._entry.manifest:
            raise Mismatch(
                f"{self.path / MANIFEST} has changed since the store was cut into shards",
                expected=f"sha256 {self._entry.manifest[:12]}, as {SHARDS} says",
                got=f"sha256 {digest[:12]}",
                do=f"run cli prepare again with --store {quote(self._whole)}",
            )
        return digest
