"""Find the place of an utterance in a manifest of any length by its id, through a sorted file of hashes on disk.

The file holds 16 bytes an utterance, the hashes in ascending order and the place of each. It is read through a memory
map, so that a look-up takes no memory that grows with the store. Ids of equal hash do not occur: such a file is written
again with another salt.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from featurestore.errors import Mismatch
from featurestore.storage.atomic import replace_atomically

FILE = "shards.ids.npy"
_SALTS = 8  # tries; two ids of equal hash are expected once in 37,000 stores of 10 million


def hash_texts(texts: Iterable[str], salt: int = 0) -> np.ndarray:
    """Hash texts to uint64 (N,)."""
    word = salt.to_bytes(8, "little")
    digests = (hashlib.blake2b(text.encode(), digest_size=8, salt=word).digest() for text in texts)
    return np.frombuffer(b"".join(digests), "<u8")


def write_id_index(
    folder: Path,
    hashes: np.ndarray,
    read_ids: Callable[[Sequence[int]], Sequence[str]],
    every: Callable[[int], np.ndarray],
) -> int:
    """Write the index of ids into a folder.

    Args:
        folder: of the store.
        hashes: of all ids in manifest order, by salt 0, uint64 (N,).
        read_ids: returns the ids at some places, to tell equal ids from equal hashes.
        every: returns the hashes of all ids by another salt.

    Returns:
        The salt.

    Raises:
        Mismatch: an id is not unique.
    """
    for salt in range(_SALTS):
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        same = np.flatnonzero(ordered[1:] == ordered[:-1])
        if not len(same):
            _write(folder / FILE, ordered, order)
            return salt
        _check_unique(folder, order, same, read_ids)
        hashes = every(salt + 1)
    raise Mismatch(f"the ids of {folder} cannot be indexed", got=f"equal hashes by {_SALTS} salts", do="report this")


class IdIndex:
    """Index of the ids of a store.

    Args:
        folder: of the store.
        salt: of the hashes.

    Raises:
        Mismatch: the file is missing or damaged.
    """

    def __init__(self, folder: Path, salt: int) -> None:
        try:
            values = np.load(folder / FILE, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise Mismatch(
                f"{folder / FILE} cannot be read", got=str(error), do="run cli prepare or cli shard again"
            ) from None
        self._hashes, self._places, self._salt = values[0], values[1], salt

    def find(self, ids: Sequence[str]) -> np.ndarray:
        """Return the place of each id in the manifest, int64 (N,), or -1 for one that has none.

        An unknown id may be given a place, if its hash is one of the store's: compare the id there with it.
        """
        wanted = hash_texts(ids, self._salt)
        order = np.argsort(wanted)  # neighbours share pages of the file
        found = np.empty(len(wanted), np.int64)
        found[order] = np.searchsorted(self._hashes, wanted[order])
        inside = found < len(self._hashes)
        found[~inside] = 0
        is_known = inside & (self._hashes[found] == wanted) if len(self._hashes) else inside
        return np.where(is_known, self._places[found].astype(np.int64), -1)


def _write(path: Path, hashes: np.ndarray, places: np.ndarray) -> None:
    with replace_atomically(path) as temporary:
        values = np.lib.format.open_memmap(temporary, "w+", np.dtype("<u8"), (2, len(hashes)))
        values[0], values[1] = hashes, places
        values.flush()


def _check_unique(
    folder: Path, order: np.ndarray, same: np.ndarray, read_ids: Callable[[Sequence[int]], Sequence[str]]
) -> None:
    """Raise Mismatch if ids of equal hash are equal."""
    places = order[np.concatenate([same, same + 1])].tolist()
    first, second = np.split(np.array(read_ids(places), object), 2)
    if len(equal := first[first == second]):
        raise Mismatch(
            f"the manifest of {folder} has duplicate ids: {', '.join(sorted(set(equal))[:5])}",
            expected="one row per id",
            do="make the ids of the corpus unique, then run the command again",
        )
