"""Compute cache keys from an encoder and an utterance's content: the bytes of its clip, or its text."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from featurestore.audio import decode
from featurestore.encoder_inputs import list_inputs
from featurestore.errors import Unencodable
from featurestore.item import Item
from featurestore.networks.long_clips import mark_long_clips
from featurestore.store import Store

_READERS = 8  # threads that read files: hashing releases the interpreter's lock, and disks answer in parallel
_SLICE = 64  # files per task of a thread: one task per file would cost as much as reading a short file


def compute_keys(
    store: Store,
    fingerprint: str,
    modality: str,
    context: int = 0,
    long_clips: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Compute the key that each utterance's vector must have now.

    Args:
        store: a prepared store; every clip of an audio encoder is read.
        fingerprint: the encoder's, as `Identity.fingerprint` returns it.
        modality: the encoder's, `audio` or `text`.
        context: turns before an utterance that the encoder reads with it.
        long_clips: how the encoder reads clips longer than its window, as its description has it; None where they fail.

    Returns:
        Keys by utterance id, in manifest order.

    Raises:
        Problem: as `list_inputs` raises, with a context.
    """
    digests = hash_store(store, modality, context, long_clips)
    return {utterance_id: compute_key(fingerprint, digest) for utterance_id, digest in digests.items()}


def hash_store(
    store: Store, modality: str, context: int = 0, long_clips: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Compute the sha256 of what an encoder is given of each utterance, by id, in manifest order.

    Args:
        store: a prepared store; every clip of an audio encoder is read.
        modality: the encoder's, `audio` or `text`.
        context: turns before an utterance that the encoder reads with it.
        long_clips: as for `compute_keys`; the digests of long clips are marked by it.

    Raises:
        Problem: as `list_inputs` raises, with a context.
    """
    items = list_inputs(store, context)
    digests = mark_long_clips(hash_sources(items, modality), items, long_clips)
    return {item.id: digest for item, digest in zip(items, digests, strict=True)}


def compute_key(fingerprint: str, content: str) -> str:
    """Compute the key of one vector: the sha256 of its encoder's fingerprint and its utterance's content digest."""
    return hashlib.sha256(f"{fingerprint} {content}".encode()).hexdigest()


def hash_sources(items: Sequence[Item], modality: str) -> list[str]:
    """Compute the sha256 of each item's content: its text with its context, or the bytes and the bounds of its clip.

    A clip that cannot be read gets the digest of the reason, so that it is tried again once the reason changes.
    """
    if modality == "text":
        return [_hash_text(item) for item in items]
    slices = [items[start : start + _SLICE] for start in range(0, len(items), _SLICE)]
    with ThreadPoolExecutor(_READERS) as pool:
        return [digest for part in pool.map(_hash_clips, slices) for digest in part]


def _hash_text(item: Item) -> str:
    content = json.dumps([*item.context, item.text]) if item.context else item.text
    return hashlib.sha256(content.encode("utf-8")).hexdigest()


def _hash_clips(items: Sequence[Item]) -> list[str]:
    return [_hash_clip(item) for item in items]


def _hash_clip(item: Item) -> str:
    if item.audio is None:
        return hashlib.sha256(b"no audio in the manifest").hexdigest()
    try:
        whole = decode.digest(item.audio)
    except Unencodable as reason:
        whole = hashlib.sha256(reason.what.encode()).hexdigest()
    if item.start is None and item.end is None:
        return whole
    return hashlib.sha256(f"{whole} from {item.start} to {item.end}".encode()).hexdigest()


def hash_inputs(items: Sequence[Item], modality: str) -> list[str]:
    """Compute the sha256 of what an encoder reads of each item: its decoded samples or its words.

    The same speech in another file has the same hash, which the check for leakage needs. No cache key contains it.

    Returns:
        One hash per item; empty if its clip cannot be read.
    """
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda item: _hash_input(item, modality), items))


def _hash_input(item: Item, modality: str) -> str:
    try:
        return replace(item).hash_input(modality)  # a copy, because an item keeps its decoded clip
    except Unencodable:
        return ""
