"""Explain where a vector comes from: its file and row, its utterance, its encoder, and whether it is fresh."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from featurestore.dialogues import find_previous_turns
from featurestore.errors import Problem, UnknownName, quote
from featurestore.extraction import freshness
from featurestore.feature_kinds import check_kind
from featurestore.feature_names import check_encoders
from featurestore.known_names import check_known
from featurestore.manifest import Utterance, map_column
from featurestore.recognized_words import open_words
from featurestore.shards.sharded_store import ShardedStore
from featurestore.spec import INDEXED, FeatureSpec, parse_feature, read_context, read_transcript
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import MANIFEST, Store


def explain(path: Path, utterance_id: str, feature: str) -> dict[str, Any]:
    """Explain where a vector comes from, as JSON values.

    Args:
        path: the store.
        utterance_id: of the vector.
        feature: `audio.mean`, `text.logits`, `audio.layers[6]`, … `audio.frames` without a count is all frames, and
            `audio.layers` without a number all layers. `asr.text` is what transcript `asr` has of the utterance.

    Raises:
        BadValue: the text is not a feature.
        UnknownName: there is no such encoder, feature or utterance.
        Mismatch: the feature file is damaged.
    """
    store = Store(path)
    if isinstance(store, ShardedStore):
        return explain(store.find_shard(utterance_id).path, utterance_id, feature)
    transcript, _, kind = feature.partition(".")
    if kind == "text" and transcript in store.transcripts():
        return _explain_words(store, utterance_id, transcript)
    is_complete = feature.partition(".")[2] in INDEXED  # all frames, all layers
    check_encoders(store, [feature])
    wanted = parse_feature(f"{feature}[0]" if is_complete else feature)
    check_known(
        wanted.encoder, store.encoders(), what=f"encoder {wanted.encoder!r} in {path}", do=f"cli inspect {quote(path)}"
    )
    file = FeatureFile(path / f"{wanted.encoder}.h5")
    check_kind(file, wanted, feature)
    rows = {row.id: row for row in store.utterances}
    if utterance_id not in file.rows:
        check_known(utterance_id, rows, what=f"utterance {utterance_id!r} in {store.path / MANIFEST}")
    dataset = schema.VALUES if wanted.kind == "frames" else wanted.kind
    answer: dict[str, Any] = {"feature": feature, "file": str(file.path), "dataset": f"/{dataset}"}
    if utterance_id in file.rows:
        row = file.rows[utterance_id]
        answer |= _describe_vector(_read_vector(file, row, wanted, is_complete=is_complete), file, row)
    if utterance_id in rows:
        context = read_context(file.header.encoder)
        answer["utterance"] = (
            _describe_utterance(store, rows[utterance_id])
            | _find_recognized(store, utterance_id, file.header.encoder)
            | _find_context(store, utterance_id, context)
        )
    answer |= {"encoder": file.header.encoder, "made": file.header.created, "versions": file.header.versions}
    return answer | _describe_state(store, file, utterance_id, rows.get(utterance_id))


def _explain_words(store: Store, utterance_id: str, name: str) -> dict[str, Any]:
    """Explain where recognized words come from: each with its confidence and its time, and who wrote them down."""
    file = FeatureFile(store.path / schema.TRANSCRIPTS / f"{name}.h5")
    rows = {row.id: row for row in store.utterances}
    if utterance_id not in file.rows:
        check_known(utterance_id, rows, what=f"utterance {utterance_id!r} in {store.path / MANIFEST}")
    answer: dict[str, Any] = {"transcript": name, "file": str(file.path)}
    if utterance_id in file.rows:
        answer |= _describe_words(file, file.rows[utterance_id])
    if utterance_id in rows:
        answer["utterance"] = _describe_utterance(store, rows[utterance_id])
    answer |= {"recognizer": file.header.encoder, "made": file.header.created, "versions": file.header.versions}
    return answer | _describe_state(store, file, utterance_id, rows.get(utterance_id))


def _describe_words(file: FeatureFile, row: int) -> dict[str, Any]:
    text = file.frames(row, "text").tobytes().decode("utf-8")
    confidence = file.frames(row, "confidence").astype(float).round(4).tolist()
    times = file.frames(row, "times").astype(float).round(3).tolist() if "times" in file.kinds else []
    return {"row": row, "text": text, "confidence": confidence, "times": times, "key": freshness.read_key(file, row)}


def _read_vector(file: FeatureFile, row: int, spec: FeatureSpec, *, is_complete: bool) -> np.ndarray:
    values = file.read_kind(spec.kind, row)
    if is_complete or spec.index is None:
        return values
    if spec.kind == "frames":
        return values[: spec.index]
    if spec.index >= len(values):
        raise UnknownName(f"{file.path} has no layer {spec.index}", expected=f"0 to {len(values) - 1}")
    layer: np.ndarray = values[spec.index]
    return layer


def _describe_vector(values: np.ndarray, file: FeatureFile, row: int) -> dict[str, Any]:
    return {
        "row": row,
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "norm": float(np.linalg.norm(values.astype(np.float64))),
        "first values": [round(float(value), 6) for value in values.reshape(-1)[:4]],
        "key": freshness.read_key(file, row),
    }


def _describe_utterance(store: Store, row: Utterance) -> dict[str, Any]:
    item = store.item(row)
    return {
        "id": row.id,
        "audio": str(item.audio) if item.audio else "",
        "duration": row.duration,
        "text": row.text,
        "label": row.label,
        "speaker": row.speaker,
    }


def _find_recognized(store: Store, utterance_id: str, encoder: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recognized words that the encoder reads. Empty for an encoder that reads the manifest's."""
    try:
        texts = map_column(open_words(store, encoder).utterances, "text") if read_transcript(encoder) else {}
    except Problem:  # the state says it
        return {}
    return {"recognized text": texts[utterance_id]} if utterance_id in texts else {}


def _find_context(store: Store, utterance_id: str, count: int) -> dict[str, Any]:
    """Return the turns that the encoder reads before an utterance. Empty for an encoder without context."""
    if not count:
        return {}
    place = [row.id for row in store.utterances].index(utterance_id)
    try:
        turns = find_previous_turns(store.utterances, count, segments=store.segments)[place]
    except Problem:  # the state says it
        return {}
    return {"context": {turn.id: turn.text for turn in turns}}


def _describe_state(store: Store, file: FeatureFile, utterance_id: str, row: Utterance | None) -> dict[str, Any]:
    """Return the state of a vector, `fresh`, `stale`, `failed` or `missing`, and why."""
    if row is None:
        return {"state": "stale", "why": ["the utterance is no longer in the manifest"], "do": file.update_command}
    if utterance_id in file.failed:
        return {"state": "failed", "why": [file.failed[utterance_id]], "do": f"fix it, then run: {file.update_command}"}
    if utterance_id not in file.rows:
        return {
            "state": "missing",
            "why": ["the utterance was added to the manifest after the file was made"],
            "do": file.update_command,
        }
    why = freshness.explain_staleness(store, file, row, freshness.read_key(file, file.rows[utterance_id]))
    do = freshness.update_content(file) if why else file.update_command
    encoder = freshness.find_source(file)
    why += [f"its encoder has changed: {change}" for change in encoder.changes]
    unknown = [f"its encoder could not be checked for changes: {encoder.unknown}"] if encoder.unknown else []
    return {"state": "stale" if why else "fresh", "why": [*why, *unknown]} | ({"do": do} if why else {})
