"""From new speech to an emotion: the bundle's own encoders, then its head."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from featurestore import encoders
from featurestore.corpora import table as tables
from featurestore.corpora.table import UnlabelledTable
from featurestore.encoders import Encoded
from featurestore.errors import BadValue, Mismatch, Unencodable, told_briefly
from featurestore.item import Item
from featurestore.manifest import Utterance
from featurestore.networks.device import check as check_device
from featurestore.networks.identity import Identity, fingerprint
from featurestore.prediction import bundle as bundles
from featurestore.prediction.bundle import Bundle
from featurestore.spec import EncoderSpec, FeatureSpec, parse_encoder, parse_feature

_SHOWN = 5  # rows of a finding that are told


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
    audio: str | Path | None = None,
    text: str | None = None,
    table: Path | None = None,
    columns: Mapping[str, str] | None = None,
    encoders: Sequence[str] = (),
    device: str = "cpu",
    say: Callable[[str], None] = lambda line: None,
) -> list[Prediction]:
    """Predict one utterance, or every row of a table: one answer a row, in its order.

    Args:
        folder: the bundle.
        audio: a clip; `text`: what is said in it.
        table: a CSV, TSV or JSONL file with `audio` and `text` columns, instead of the two.
        columns: what the table calls a column, where it is not called so.
        encoders: `NAME=CHECKPOINT` where an encoder lies elsewhere than when the bundle was made.
        device: `cpu`, `cuda`, …
        say: is told what was odd about the table, and what was given but is not used.

    Raises:
        BadValue: neither speech nor table is given, or both, or what the bundle needs is missing.
        Mismatch: an encoder is not the one that the bundle was fitted on.
    """
    if (table is None) == (audio is None and text is None):
        raise BadValue(
            "nothing to predict" if table is None else "both a table and an utterance",
            do="give --audio and --text, or --table",
        )
    check_device(device)
    bundle = bundles.load(folder)
    identities = _identities(bundle, dict(_placed(encoders)))
    needed = {identity.modality for identity in identities.values()}
    if table is None:
        _check_given(needed, audio, text)
        for line in _unused(needed, audio, text):
            say(line)
        return _predicted(bundle, identities, [_item(audio, text)], device)
    read = tables.read_for_prediction(table, columns)
    _check_columns(needed, read, table)
    for finding in read.findings:
        say(f"{finding.what}: {', '.join(finding.where[:_SHOWN])}{' …' if len(finding.where) > _SHOWN else ''}")
    items = [_row(row.utterance, read) for row in read.rows]
    return _predicted(bundle, identities, items, device, [row.reason for row in read.rows])


def predict(
    bundle: Bundle, items: Sequence[Item], moved: Mapping[str, str] | None = None, device: str = "cpu"
) -> list[Prediction]:
    """Predict every item; one that cannot be encoded carries its reason, the others go on.

    Args:
        bundle: a fitted head with all that prediction needs.
        items: the speech.
        moved: the checkpoint of an encoder that lies elsewhere now, by the encoder's name.
        device: where the encoders run.

    Raises:
        BadValue: there is no such device.
        Mismatch: an encoder is not the one that the bundle was fitted on.
    """
    check_device(device)
    return _predicted(bundle, _identities(bundle, moved or {}), items, device)


def _predicted(
    bundle: Bundle, identities: Mapping[str, Identity], items: Sequence[Item], device: str, bad: Sequence[str] = ()
) -> list[Prediction]:
    """Predict by place, not by id: every item has its answer. Those with a reason in `bad` are not encoded."""
    specs = [parse_feature(feature) for feature in bundle.features]
    found: list[dict[str, Encoded]] = [{} for _ in items]
    reasons = list(bad or [""] * len(items))
    for name, identity in identities.items():
        if all(reasons):
            break  # no network is loaded for nothing
        encoder = encoders.load(identity, device)
        kinds = frozenset(spec.kind for spec in specs if spec.encoder == name)
        for place, item in enumerate(items):
            if not reasons[place]:
                try:  # a copy of the item: what a clip decodes to is not kept for the whole table
                    found[place][name] = encoders.encode(encoder, [encoder.load(replace(item))], kinds)[0]
                except Unencodable as reason:
                    reasons[place] = f"{name}: {reason.what}"
                except Exception as error:  # of a foreign network, on one row of many; the others go on
                    reasons[place] = f"{name}: {told_briefly(error)}"
    rows = zip(items, found, reasons, strict=True)
    return [_decide(bundle, specs, item.id, encoded, reason) for item, encoded, reason in rows]


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


def _identities(bundle: Bundle, moved: Mapping[str, str]) -> dict[str, Identity]:
    names = list(dict.fromkeys(parse_feature(feature).encoder for feature in bundle.features))
    unknown = sorted(set(moved) - set(names))
    if unknown:
        raise BadValue(f"the bundle has no encoder {', '.join(unknown)}", expected=f"one of {', '.join(names)}")
    return {name: _identity(name, bundle.encoders[name], moved.get(name)) for name in names}


def _identity(name: str, description: Mapping[str, Any], moved: str | None) -> Identity:
    handmade = not description["class"].startswith("hf-")
    checkpoint = moved or (description["class"] if handmade else description["checkpoint"])
    identity = encoders.identify(EncoderSpec(name, checkpoint))
    if identity.fingerprint() != fingerprint(description):
        raise Mismatch(
            f"encoder {name} at {checkpoint} is not the one that the bundle was fitted on",
            expected=f"weights {str(description.get('weights', description.get('version')))[:12]}",
            got=f"weights {str(identity.description.get('weights', identity.description.get('version')))[:12]}",
            do=f"--encoder {name}=CHECKPOINT with the right one, or fit the head again",
        )
    return identity


def _check_given(needed: AbstractSet[str], audio: str | Path | None, text: str | None) -> None:
    if "audio" in needed and not audio:
        raise BadValue("the bundle needs audio", do="give --audio FILE")
    if "text" in needed and not (text or "").strip():
        raise BadValue("the bundle needs the words", do="give --text 'what is said'")


def _unused(needed: AbstractSet[str], audio: str | Path | None, text: str | None) -> list[str]:
    given = [name for name, value in (("audio", audio), ("text", text)) if value is not None and name not in needed]
    return [f"--{name} is not used: the bundle reads only {' and '.join(sorted(needed))}" for name in given]


def _check_columns(needed: AbstractSet[str], table: UnlabelledTable, path: Path) -> None:
    missing = sorted(needed - table.columns)
    if missing:
        raise BadValue(
            f"the bundle needs {' and '.join(missing)}, and {path} has no such column",
            got=", ".join(sorted(table.columns)),
            do=f"name the column that holds it: --column {missing[0]}=NAME",
        )


def _placed(specs: Sequence[str]) -> list[tuple[str, str]]:
    parsed = [parse_encoder(text) for text in specs]
    unnamed = [spec.checkpoint for spec in parsed if not spec.name]
    if unnamed:
        raise BadValue(f"{unnamed[0]!r} does not say which encoder it is", expected="NAME=CHECKPOINT")
    return [(spec.name, spec.checkpoint) for spec in parsed]


def _item(audio: str | Path | None, text: str | None) -> Item:
    return Item(Path(audio).stem if audio else "text", Path(audio) if audio else None, text or "")


def _row(row: Utterance, table: UnlabelledTable) -> Item:
    start, end = (row.start, row.end) if table.segments else (None, None)
    return Item(row.id, table.folder / row.audio if row.audio else None, row.text, start, end)
