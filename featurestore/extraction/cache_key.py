"""Compute cache keys from an encoder and an utterance's content: the bytes of its clip, or its text."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from featurestore.encoder_inputs import list_inputs
from featurestore.errors import Unencodable
from featurestore.extraction.clip_digests import Trust, hash_clips
from featurestore.item import Item
from featurestore.manifest import list_column
from featurestore.networks.long_clips import mark_long_clips
from featurestore.store import Store

_READERS = 8  # threads that decode clips
_NO_AUDIO = hashlib.sha256(b"no audio in the manifest").hexdigest()


def compute_keys(
    store: Store,
    fingerprint: str,
    modality: str,
    context: int = 0,
    long_clips: Mapping[str, Any] | None = None,
    trust: Trust | None = None,
) -> dict[str, str]:
    """Compute the key that each utterance's vector must have now.

    Args:
        store: a prepared store.
        fingerprint: the encoder's, as `Identity.fingerprint` returns it.
        modality: the encoder's, `audio` or `text`.
        context: turns before an utterance that the encoder reads with it.
        long_clips: how the encoder reads clips longer than its window, as its description has it; None where they fail.
        trust: the index by which clips are read only where they may have changed; None reads every clip.

    Returns:
        Keys by utterance id, in manifest order.

    Raises:
        Problem: as `list_inputs` raises, with a context.
    """
    digests = hash_store(store, modality, context, long_clips, trust)
    return {utterance_id: compute_key(fingerprint, digest) for utterance_id, digest in digests.items()}


def hash_store(
    store: Store,
    modality: str,
    context: int = 0,
    long_clips: Mapping[str, Any] | None = None,
    trust: Trust | None = None,
) -> dict[str, str]:
    """Compute the sha256 of what an encoder is given of each utterance, by id, in manifest order.

    Args:
        store: a prepared store.
        modality: the encoder's, `audio` or `text`.
        context: turns before an utterance that the encoder reads with it.
        long_clips: as for `compute_keys`; the digests of long clips are marked by it.
        trust: as for `compute_keys`.

    Raises:
        Problem: as `list_inputs` raises, with a context.
    """
    if not context and not long_clips:
        return _hash_rows(store, modality, trust)
    items = list_inputs(store, context)
    digests = mark_long_clips(hash_sources(items, modality, trust), items, long_clips)
    return {item.id: digest for item, digest in zip(items, digests, strict=True)}


def compute_key(fingerprint: str, content: str) -> str:
    """Compute the key of one vector: the sha256 of its encoder's fingerprint and its utterance's content digest."""
    return hashlib.sha256(f"{fingerprint} {content}".encode()).hexdigest()


def hash_sources(items: Sequence[Item], modality: str, trust: Trust | None = None) -> list[str]:
    """Compute the sha256 of each item's content: its text with its context, or the bytes and the bounds of its clip.

    A clip that cannot be read gets the digest of the reason, so that it is tried again once the reason changes.
    """
    if modality == "text":
        return [_hash_text(item) for item in items]
    clips = hash_clips([str(item.audio) for item in items if item.audio is not None], trust)
    wholes = [_NO_AUDIO if item.audio is None else clips[str(item.audio)] for item in items]
    return [_hash_segment(whole, item.start, item.end) for whole, item in zip(wholes, items, strict=True)]


def _hash_rows(store: Store, modality: str, trust: Trust | None) -> dict[str, str]:
    """Hash the manifest's rows without an item for each, which takes longer than the state of its clip."""
    rows = store.utterances
    ids = list_column(rows, "id")
    if modality == "text":
        texts = list_column(rows, "text")
        return {one: hashlib.sha256(text.encode("utf-8")).hexdigest() for one, text in zip(ids, texts, strict=True)}
    folder = os.path.join(store.root, "")
    audio = list_column(rows, "audio")
    paths = [path if os.path.isabs(path) else folder + path for path in audio if path]
    clips = hash_clips(paths, trust)
    found = iter(map(clips.__getitem__, paths))
    wholes = [next(found) if path else _NO_AUDIO for path in audio]
    if store.segments:
        wholes = list(map(_hash_segment, wholes, list_column(rows, "start"), list_column(rows, "end")))
    return dict(zip(ids, wholes, strict=True))


def _hash_text(item: Item) -> str:
    content = json.dumps([*item.context, item.text]) if item.context else item.text
    return hashlib.sha256(content.encode("utf-8")).hexdigest()


def _hash_segment(whole: str, start: float | None, end: float | None) -> str:
    """Mark the digest of a clip by the bounds of a segment in seconds, if it has any."""
    if whole == _NO_AUDIO or (start is None and end is None):
        return whole
    return hashlib.sha256(f"{whole} from {start} to {end}".encode()).hexdigest()


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
