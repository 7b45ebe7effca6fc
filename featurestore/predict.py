"""From new speech to an emotion: the bundle's own encoders, then its head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from featurestore import bundle as bundles
from featurestore import encoders
from featurestore.bundle import Bundle
from featurestore.corpora import table as tables
from featurestore.device import check as check_device
from featurestore.encoders import Encoded, Identity, Item
from featurestore.errors import BadValue, Mismatch, Unencodable
from featurestore.spec import EncoderSpec, FeatureSpec, parse_encoder, parse_feature


@dataclass(frozen=True)
class Prediction:
    """One utterance's emotion, its probability and those of all classes; or the reason why there is none."""

    id: str
    emotion: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The prediction for a program."""
        if self.reason:
            return {"id": self.id, "failed": self.reason}
        return {"id": self.id, "emotion": self.emotion, "probabilities": dict(self.probabilities)}


def predict_from(
    folder: Path,
    *,
    audio: str | None = None,
    text: str | None = None,
    table: Path | None = None,
    encoders: Sequence[str] = (),
    device: str = "cpu",
) -> list[Prediction]:
    """Predicts one utterance, or every row of a table.

    Args:
        folder: the bundle.
        audio: a clip; `text`: what is said in it.
        table: a CSV, TSV or JSONL file with `audio` and `text` columns, instead of the two.
        encoders: `NAME=CHECKPOINT` where an encoder lies elsewhere than when the bundle was made.
        device: `cpu`, `cuda`, …

    Raises:
        BadValue: neither speech nor table is given, or both, or what the bundle needs is missing.
        Mismatch: an encoder is not the one that the bundle was fitted on.
    """
    if (table is None) == (audio is None and text is None):
        raise BadValue(
            "nothing to predict" if table is None else "both a table and an utterance",
            do="give --audio and --text, or --table",
        )
    items = [_item(audio, text)] if table is None else _table(table)
    return predict(bundles.load(folder), items, dict(_placed(encoders)), device)


def predict(
    bundle: Bundle, items: Sequence[Item], moved: Mapping[str, str] | None = None, device: str = "cpu"
) -> list[Prediction]:
    """Predicts every item; one that cannot be encoded carries its reason, the others go on.

    Args:
        bundle: a fitted head with all that prediction needs.
        items: the speech.
        moved: the checkpoint of an encoder that lies elsewhere now, by the encoder's name.
        device: where the encoders run.

    Raises:
        BadValue: there is no such device, or what the bundle needs is missing.
        Mismatch: an encoder is not the one that the bundle was fitted on.
    """
    check_device(device)
    specs = [parse_feature(feature) for feature in bundle.features]
    identities = _identities(bundle, specs, moved or {})
    _check_given(identities, items)
    found: dict[str, dict[str, Encoded]] = {item.id: {} for item in items}
    failed: dict[str, str] = {}
    for name, identity in identities.items():
        encoder = encoders.load(identity, device)
        kinds = frozenset(spec.kind for spec in specs if spec.encoder == name)
        for item in items:
            try:
                found[item.id][name] = encoders.encode(encoder, [encoder.load(item)], kinds)[0]
            except Unencodable as reason:
                failed.setdefault(item.id, f"{name}: {reason.what}")
    return [_decide(bundle, specs, item.id, found[item.id], failed.get(item.id, "")) for item in items]


def render(predictions: Sequence[Prediction]) -> str:
    """The predictions for a person: the emotion, then every class by probability."""
    width = max(len(prediction.id) for prediction in predictions)
    return "\n".join(f"{prediction.id:<{width}}  {_line(prediction)}" for prediction in predictions)


def _line(prediction: Prediction) -> str:
    if prediction.reason:
        return f"failed: {prediction.reason}"
    ranked = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    return f"{prediction.emotion}  ({', '.join(f'{name} {value:.2f}' for name, value in ranked)})"


def _decide(
    bundle: Bundle, specs: Sequence[FeatureSpec], name: str, found: Mapping[str, Encoded], reason: str
) -> Prediction:
    if reason:
        return Prediction(name, reason=reason)
    row = np.concatenate([_vector(spec, found[spec.encoder]) for spec in specs])[None]  # (1, sum of D)
    row = bundle.normalized(row)
    values = bundle.head.predict_proba(row)[0]  # (C,)
    probabilities = {label: float(value) for label, value in zip(bundle.classes, values, strict=True)}
    return Prediction(name, str(bundle.head.predict(row)[0]), probabilities)


def _vector(spec: FeatureSpec, encoded: Encoded) -> np.ndarray:
    """One feature of one utterance, as `Store.matrix` lays it out."""
    if spec.kind == "layers":
        return encoded["layers"][spec.index]
    if spec.kind == "frames":
        frames = encoded["frames"][: spec.index]
        padded = np.zeros((spec.index or 0, frames.shape[1]), np.float32)
        padded[: len(frames)] = frames
        return padded.reshape(-1)
    return encoded[spec.kind]


def _identities(bundle: Bundle, specs: Sequence[FeatureSpec], moved: Mapping[str, str]) -> dict[str, Identity]:
    names = list(dict.fromkeys(spec.encoder for spec in specs))
    unknown = sorted(set(moved) - set(names))
    if unknown:
        raise BadValue(f"the bundle has no encoder {', '.join(unknown)}", expected=f"one of {', '.join(names)}")
    return {name: _identity(name, bundle.encoders[name], moved.get(name)) for name in names}


def _identity(name: str, description: Mapping[str, Any], moved: str | None) -> Identity:
    handmade = not description["class"].startswith("hf-")
    checkpoint = moved or (description["class"] if handmade else description["checkpoint"])
    identity = encoders.identify(EncoderSpec(name, checkpoint))
    if identity.fingerprint() != encoders.fingerprint(description):
        raise Mismatch(
            f"encoder {name} at {checkpoint} is not the one that the bundle was fitted on",
            expected=f"weights {str(description.get('weights', description.get('version')))[:12]}",
            got=f"weights {str(identity.description.get('weights', identity.description.get('version')))[:12]}",
            do="--encoder NAME=CHECKPOINT with the right one, or fit the head again",
        )
    return identity


def _check_given(identities: Mapping[str, Identity], items: Sequence[Item]) -> None:
    needed = {identity.modality for identity in identities.values()}
    if "audio" in needed and not any(item.audio for item in items):
        raise BadValue("the bundle needs audio", do="give --audio FILE")
    if "text" in needed and not any(item.text for item in items):
        raise BadValue("the bundle needs the words", do="give --text 'what is said'")


def _placed(specs: Sequence[str]) -> list[tuple[str, str]]:
    parsed = [parse_encoder(text) for text in specs]
    unnamed = [spec.checkpoint for spec in parsed if not spec.name]
    if unnamed:
        raise BadValue(f"{unnamed[0]!r} does not say which encoder it is", expected="NAME=CHECKPOINT")
    return [(spec.name, spec.checkpoint) for spec in parsed]


def _item(audio: str | None, text: str | None) -> Item:
    return Item(Path(audio).stem if audio else "text", Path(audio) if audio else None, text or "")


def _table(path: Path) -> list[Item]:
    folder = path if path.is_dir() else path.parent
    return [Item(row.id, folder / row.audio if row.audio else None, row.text) for row in tables.unlabelled(path)]
