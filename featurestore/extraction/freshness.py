"""Check whether stored vectors are what an extraction would give now, and say why not."""

import os
from dataclasses import dataclass
from typing import Any

from featurestore.encoder_inputs import list_inputs
from featurestore.encoders import identify
from featurestore.errors import Mismatch, Problem, format_count
from featurestore.extraction import cache_key
from featurestore.extraction.clip_digests import Trust
from featurestore.manifest import Utterance, keep_ids
from featurestore.networks.identity import Identity, list_changes
from featurestore.networks.long_clips import mark_long_clips
from featurestore.recognized_words import open_words
from featurestore.spec import EncoderSpec, is_imported, read_context, read_transcript, restore_encoder
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store


@dataclass(frozen=True)
class EncoderState:
    """State of a feature file's encoder on this machine.

    Args:
        spec: how `--encoder` names it.
        changes: how it differs from the encoder that made the file, one line each.
        unknown: why it could not be compared (moved, not installed, no network); empty if it could.
    """

    spec: EncoderSpec
    changes: tuple[str, ...] = ()
    unknown: str = ""


def find_source(file: FeatureFile) -> EncoderState:
    """Find the encoder that a feature file was made with, and compare it with the file."""
    stored = file.header.encoder
    spec = restore_encoder(file.header.name, stored)
    if is_imported(stored):
        return EncoderState(spec, unknown=f"its features were imported from {stored['checkpoint']}")
    try:
        identity = identify(spec)
    except Problem as problem:
        return EncoderState(spec, unknown=problem.what)
    return EncoderState(spec, (*compare_descriptions(stored, identity.description), *compare_training(file, identity)))


def compare_training(file: FeatureFile, identity: Identity) -> list[str]:
    """Compare the utterances that a checkpoint was fine-tuned on with those that the file records.

    Returns:
        One line if they differ, else none.
    """
    before, now = set(file.trained_on), set(identity.trained_on)
    if before == now:
        return []
    return [f"fine-tuned on: {len(before)} utterances -> {len(now)}, {len(before & now)} of them the same"]


def compare_descriptions(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """List what differs between two encoders, one `name: before -> after` each.

    Files that shape no vector are not compared, and neither are names and places.
    """
    return [f"{name}: {_shorten(old)} -> {_shorten(new)}" for name, (old, new) in list_changes(before, after).items()]


def explain_staleness(store: Store, file: FeatureFile, utterance: Utterance, stored_key: str) -> list[str]:
    """List why a stored vector differs from what its manifest and clip would give now.

    Args:
        store: the store that holds the file.
        file: the feature file.
        utterance: the row of the manifest.
        stored_key: the key of the vector, as `read_key` returns it.

    Returns:
        The reasons; none if the vector is fresh.
    """
    reasons = []
    try:
        words = open_words(store, file.header.encoder)
        chosen = keep_ids(words.utterances, {utterance.id})
        (item,) = list_inputs(words, read_context(file.header.encoder), chosen)
    except Problem as problem:
        reasons.append(f"its {name_origin(file)} is unknown: {problem.what}")
    else:
        contents = cache_key.hash_sources([item], file.header.modality)
        (content,) = mark_long_clips(contents, [item], file.header.encoder.get("long_clips"))
        if cache_key.compute_key(file.header.fingerprint, content) != stored_key:
            reasons.append(_report_missing_clip(store, utterance) or f"{name_input(file)} has changed")
    if file.header.manifest != store.manifest_digest:
        reasons.append("the manifest has changed since the file was joined")
    return reasons


def check_transcript(store: Store, encoder: dict[str, Any], trust: Trust) -> None:
    """Check that the transcript which an encoder reads, if it reads one, is of the present clips.

    Args:
        store: one that is not cut into shards.
        encoder: description of the encoder.
        trust: the index by which clips are read only where they may have changed.

    Raises:
        Mismatch: clips have changed since, or are missing.
    """
    if not (source := read_transcript(encoder)):
        return
    transcript = store.transcript(source.name)
    keys = cache_key.compute_keys(store, transcript.fingerprint, "audio", trust=trust)
    (file,) = transcript.files
    stale = [one for one, key in zip(file.ids, file.keys(), strict=True) if keys.get(one) != key]
    if stale:
        raise Mismatch(
            f"transcript {transcript.name} of {store.path} is stale: the audio of "
            f"{format_count(len(stale), 'utterance')} has changed or is missing, {stale[0]} first",
            do=update_content(file),
        )


def update_content(file: FeatureFile) -> str:
    """Return the command that updates vectors whose inputs have changed, whatever the index of clips says."""
    return file.update_command if file.header.modality == "text" else f"{file.update_command} --paranoid"


def name_input(file: FeatureFile) -> str:
    """Return what the vectors of a file were made from, as a message names it."""
    if file.header.modality != "text":
        return "its audio"
    return "its text or its context" if read_context(file.header.encoder) else "its text"


def name_origin(file: FeatureFile) -> str:
    """Return where a text encoder's input comes from besides the manifest's row, as a message names it."""
    return "transcript" if read_transcript(file.header.encoder) else "context"


def read_key(file: FeatureFile, row: int) -> str:
    """Return the key of one row, in hex."""
    return bytes(file[schema.KEY][row]).hex()


def _report_missing_clip(store: Store, utterance: Utterance) -> str:
    path = store.item(utterance).audio
    return f"its clip is missing: {path}" if path and not os.path.exists(path) else ""


def _shorten(value: object) -> str:
    text = " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"
