"""Where one vector comes from: its file and row, its utterance, its encoder, and whether it is still fresh."""

from pathlib import Path
from typing import Any

import numpy as np

from featurestore import registry
from featurestore.errors import UnknownName, quoted
from featurestore.extraction import freshness
from featurestore.manifest import Utterance
from featurestore.spec import parse_feature
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import MANIFEST, Store


def explain(path: Path, utterance: str, feature: str) -> dict[str, Any]:
    """Says where a vector comes from, as plain JSON values.

    Args:
        path: the store.
        utterance: its id.
        feature: `audio.mean`, `text.logits`, `audio.layers[6]`; frames without a count are all of them.

    Raises:
        UnknownName: no such encoder, feature or utterance.
        Mismatch: the feature file is damaged.
    """
    store = Store(path)
    wanted = parse_feature(feature if feature.partition(".")[2] not in ("frames", "layers") else f"{feature}[0]")
    registry.check(
        wanted.encoder, store.encoders(), what=f"encoder {wanted.encoder!r} in {path}", do=f"cli inspect {quoted(path)}"
    )
    file = FeatureFile(path / f"{wanted.encoder}.h5")
    registry.check(wanted.kind, file.kinds, what=f"feature {feature!r}: {wanted.encoder} has no {wanted.kind}")
    rows = {row.id: row for row in store.utterances}
    if utterance not in file.rows:
        registry.check(utterance, rows, what=f"utterance {utterance!r} in {store.path / MANIFEST}")
    told: dict[str, Any] = {"feature": feature, "file": str(file.path), "dataset": _dataset(wanted.kind)}
    told |= _vector(file, file.rows[utterance], feature) if utterance in file.rows else {}
    told |= {"utterance": _utterance(store, rows[utterance])} if utterance in rows else {}
    told |= {"encoder": file.header.encoder, "made": file.header.created, "versions": file.header.versions}
    return told | _state(store, file, utterance, rows.get(utterance))


def _dataset(kind: str) -> str:
    return f"/{schema.VALUES}" if kind == "frames" else f"/{kind}"


def _vector(file: FeatureFile, row: int, feature: str) -> dict[str, Any]:
    spec = parse_feature(feature) if "[" in feature else None
    kind = feature.partition(".")[2].partition("[")[0]
    values = file.frames(row) if kind == "frames" else file[kind][row]
    if spec and kind == "layers":
        if (spec.index or 0) >= len(values):
            raise UnknownName(f"{file.path} has no layer {spec.index}", expected=f"0 to {len(values) - 1}")
        values = values[spec.index]
    elif spec and kind == "frames":
        values = values[: spec.index]
    return {
        "row": row,
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "norm": float(np.linalg.norm(values.astype(np.float64))),
        "first values": [round(float(value), 6) for value in values.reshape(-1)[:4]],
        "key": freshness.read_key(file, row),
    }


def _utterance(store: Store, row: Utterance) -> dict[str, Any]:
    item = store.item(row)
    return {
        "id": row.id,
        "audio": str(item.audio) if item.audio else "",
        "duration": row.duration,
        "text": row.text,
        "label": row.label,
        "speaker": row.speaker,
    }


def _state(store: Store, file: FeatureFile, name: str, row: Utterance | None) -> dict[str, Any]:
    """`fresh`, `stale`, `failed` or `missing`, and why."""
    if row is None:
        return {"state": "stale", "why": ["the utterance is not in the manifest any more"], "do": file.again}
    if name in file.failed:
        return {"state": "failed", "why": [file.failed[name]], "do": f"mend it, then: {file.again}"}
    if name not in file.rows:
        return {
            "state": "missing",
            "why": ["the file was made before the utterance was in the manifest"],
            "do": file.again,
        }
    why = freshness.explain_staleness(store, file, row, freshness.read_key(file, file.rows[name]))
    encoder = freshness.find_source(file)
    why += [f"its encoder has changed: {change}" for change in encoder.changes]
    unknown = [f"whether its encoder has changed cannot be told: {encoder.unknown}"] if encoder.unknown else []
    return {"state": "stale" if why else "fresh", "why": [*why, *unknown]} | ({"do": file.again} if why else {})
