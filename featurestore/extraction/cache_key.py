"""Compute cache keys from an encoder and an utterance's content: the bytes of its clip, or its text."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from featurestore.audio import decode
from featurestore.errors import Unencodable
from featurestore.item import Item
from featurestore.manifest import Utterance
from featurestore.networks.identity import Identity
from featurestore.store import Store

_READERS = 8  # files read at once: hashing releases the interpreter, and disks answer in parallel
_SLICE = 64  # files that a reader takes at once: handing them out one by one costs as much as reading short ones


def keys(store: Store, identity: Identity) -> dict[str, str]:
    """The key that each utterance's vector must have now, by id, in manifest order."""
    return keys_for(store, identity.fingerprint(), identity.modality)


def keys_for(store: Store, fingerprint: str, modality: str) -> dict[str, str]:
    """The same for an encoder that is known by its fingerprint alone."""
    items = [store.item(utterance) for utterance in store.utterances]
    found = zip(items, digests(items, modality), strict=True)
    return {one.id: key(fingerprint, digest) for one, digest in found}


def digest(store: Store, utterance: Utterance, modality: str) -> str:
    """The sha256 of one utterance's content, as `digests` gives it."""
    return digests([store.item(utterance)], modality)[0]


def digests(items: Sequence[Item], modality: str) -> list[str]:
    """The sha256 of each item's content; a clip that cannot be read gets the digest of the reason."""
    if modality == "text":
        return [hashlib.sha256(item.text.encode("utf-8")).hexdigest() for item in items]
    slices = [items[start : start + _SLICE] for start in range(0, len(items), _SLICE)]
    with ThreadPoolExecutor(_READERS) as pool:
        return [digest for part in pool.map(_audio_digests, slices) for digest in part]


def key(fingerprint: str, content: str) -> str:
    """The key of a vector: the sha256 of its encoder's fingerprint and its utterance's content."""
    return hashlib.sha256(f"{fingerprint} {content}".encode()).hexdigest()


def _audio_digests(items: Sequence[Item]) -> list[str]:
    return [_audio_digest(item) for item in items]


def _audio_digest(item: Item) -> str:
    if item.audio is None:
        return hashlib.sha256(b"no audio in the manifest").hexdigest()
    try:
        whole = decode.digest(item.audio)
    except Unencodable as reason:
        whole = hashlib.sha256(reason.what.encode()).hexdigest()
    if item.start is None and item.end is None:
        return whole
    return hashlib.sha256(f"{whole} from {item.start} to {item.end}".encode()).hexdigest()


def decoded(items: Sequence[Item], modality: str) -> list[str]:
    """Compute the sha256 of what an encoder is given of each item; an empty text where its clip is not usable."""
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda one: _decoded(one, modality), items))


def _decoded(item: Item, modality: str) -> str:
    try:
        return replace(item).content(modality)  # a copy: an item keeps its decoded clip
    except Unencodable:
        return ""
