"""Check the index of a store that is cut into shards against the shards."""

from featurestore.errors import Problem
from featurestore.shards.id_index import FILE
from featurestore.shards.sharded_store import ShardedStore
from featurestore.shards.write_shards import find_other_shards
from featurestore.storage.checksum import hash_file
from featurestore.store import MANIFEST, SHARDS


def check_index(store: ShardedStore) -> list[str]:
    """Return what is wrong with the index: checksums, missing shards, ids, encoders that differ between shards."""
    found = _check_ids(store)
    for one in store.index.shards:
        path = store.path / one.name / MANIFEST
        if not path.is_file():
            found.append(f"{one.name}: there is no {MANIFEST}")
        elif hash_file(path) != one.manifest:
            found.append(f"{one.name}: {MANIFEST} is not as {SHARDS} says; run cli prepare again")
    return found or _check_encoders(store)


def find_unused(store: ShardedStore) -> list[str]:
    """Describe what is no part of the store yet, or any more."""
    every = len(store.index.shards)
    lines = [
        f"{name} is finished in {count} of {every} shards, so it is no feature of the whole yet"
        for name, count in store.count_shards().items()
        if count < every
    ]
    others = find_other_shards(store.path, store.index)
    return lines + [f"{path.name} is no shard of the present corpus; it can be deleted" for path in others]


def _check_ids(store: ShardedStore) -> list[str]:
    path = store.path / FILE
    if not path.is_file():
        return [f"there is no {FILE}; run cli prepare or cli shard again"]
    return [] if hash_file(path) == store.index.ids else [f"{FILE} is damaged; run cli prepare or cli shard again"]


def _check_encoders(store: ShardedStore) -> list[str]:
    found = []
    for name in store.encoders():
        try:
            store.digests(name)
        except Problem as problem:
            found.append(str(problem))
    return found
