"""Extract features with one encoder into each shard in turn."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurestore.errors import Mismatch, Problem
from featurestore.extraction.extract import Extraction, extract_encoder
from featurestore.extraction.finished_file import find_kept_kinds
from featurestore.extraction.trial import TrialEstimate, check_limit
from featurestore.networks.identity import Identity
from featurestore.progress import Say
from featurestore.shards.sharded_store import ShardedStore
from featurestore.storage.feature_file import FeatureFile


def extract_shards(
    store: ShardedStore,
    encoder: Identity,
    *,
    optional: Iterable[str] = (),
    limit: int | None = None,
    say: Say = print,
    **options: Any,
) -> Extraction:
    """Encode every utterance of every shard with one encoder, and write `<shard>/<name>.h5`.

    Each shard is extracted as a store of its own, so that its parts are removed before the next one begins. A stopped
    extraction continues in the shard where it was stopped.

    Args:
        store: a prepared store; for a cluster, on storage that every worker shares.
        encoder: the encoder.
        optional: kinds to store beyond the usual; those that a shard has already are kept in all.
        limit: encode this many of the missing utterances, at least one in each shard that lacks some, up to the first
            shard that lacks more; estimate the whole from that shard.
        say: receives lines for the user.
        options: of `extract_encoder`: jobs, device, max_seconds, engine, scheduler and paranoid.

    Returns:
        The counts of all shards together. Its path stands for the files of all: `STORE/*/NAME.h5`.

    Raises:
        BadValue: a limit is below 1.
        Mismatch: the encoder reads turns before an utterance, and dialogues lie in several shards.
        Problem: as `extract_encoder` raises.
    """
    check_limit(limit)
    _check_context(store, encoder)
    kinds = {*optional, *_find_kept(store, encoder)}
    done: list[Extraction] = []
    for number, shard in enumerate(store.shards(), 1):
        say(f"{encoder.name}: shard {number} of {len(store.index.shards)}, {shard.path}")
        left = None if limit is None else max(1, limit - sum(one.encoded for one in done))
        done.append(extract_encoder(shard, encoder, optional=kinds, limit=left, say=say, **options))
        if done[-1].trial:
            break
    return _merge(store, encoder, done)


def _check_context(store: ShardedStore, encoder: Identity) -> None:
    if not (encoder.context and store.index.cut_dialogues):
        return
    raise Mismatch(
        f"{encoder.name} reads {encoder.context} turns before each utterance, which may lie in another shard",
        expected="every dialogue in one shard",
        got=f"{store.index.cut_dialogues:,} dialogues in several",
        do="order the manifest by dialogue and cut it into larger shards, or use --context 0",
    )


def _find_kept(store: ShardedStore, encoder: Identity) -> set[str]:
    """Return the optional kinds that a finished file of any shard has: all shards must have the same."""
    found: set[str] = set()
    for one in store.index.shards:
        path = store.path / one.name / encoder.place
        try:
            found |= find_kept_kinds(FeatureFile(path) if path.is_file() else None, encoder)
        except Problem:  # extraction says what is wrong with it
            continue
    return found


def _is_finished(shard: Path, encoder: Identity) -> bool:
    return (shard / encoder.place).is_file()


def _merge(store: ShardedStore, encoder: Identity, done: Sequence[Extraction]) -> Extraction:
    trial = done[-1].trial
    return Extraction(
        store.path / "*" / encoder.place,
        sum(one.encoded for one in done),
        sum(one.reused for one in done),
        {utterance_id: reason for one in done for utterance_id, reason in one.failed.items()},
        _scale(store, encoder, trial, len(done) - 1) if trial else None,
    )


def _scale(store: ShardedStore, encoder: Identity, trial: TrialEstimate, number: int) -> TrialEstimate:
    """Scale the estimate for one shard to those after it that are not finished."""
    later = [one for one in store.index.shards[number + 1 :] if not _is_finished(store.path / one.name, encoder)]
    missing = trial.missing + sum(one.utterances for one in later)
    times, size = missing / max(1, trial.missing), len(store.index) / max(1, trial.total)
    return replace(
        trial,
        total=len(store.index),
        missing=missing,
        seconds=None if trial.seconds is None else trial.seconds * times,
        file_bytes=None if trial.file_bytes is None else round(trial.file_bytes * size),
    )
