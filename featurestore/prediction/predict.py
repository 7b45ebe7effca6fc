"""Predict the emotion of new speech with a bundle: encode it with the bundle's encoders, then ask its head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from featurestore import encoders as encoder_kinds
from featurestore.corpora import table as tables
from featurestore.corpora.table import UnlabelledTable
from featurestore.encoders import Encoded, Encoder
from featurestore.errors import Unencodable, summarize_error
from featurestore.item import Item
from featurestore.manifest import Utterance
from featurestore.networks.device import check_device
from featurestore.networks.identity import Identity
from featurestore.prediction.add_context import add_context, report_alone
from featurestore.prediction.bundle import Bundle, load
from featurestore.prediction.check_inputs import check_choice, check_columns, check_utterance, list_unread
from featurestore.prediction.find_encoders import find_encoders
from featurestore.progress import Say
from featurestore.spec import FeatureSpec, check_list, parse_feature

_SHOWN = 5  # rows that a line about a table lists


@dataclass(frozen=True)
class Prediction:
    """Prediction for one utterance, or the reason why there is none.

    Args:
        id: the utterance's id; of a clip, its file name without the extension.
        emotion: the most probable class; empty if the utterance failed.
        probabilities: by class, they sum to 1; empty if the utterance failed.
        reason: why the utterance failed; empty if it did not.
    """

    id: str
    emotion: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as plain JSON values."""
        if self.reason:
            return {"id": self.id, "failed": self.reason}
        return {"id": self.id, "emotion": self.emotion, "probabilities": dict(self.probabilities)}


def predict(
    bundle: str | Path | Bundle,
    *,
    audio: str | Path | None = None,
    text: str | None = None,
    table: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    encoders: Sequence[str] = (),
    device: str = "cpu",
    say: Say = lambda line: None,
) -> list[Prediction]:
    """Predict the emotion of one utterance, or of every row of a table.

    A row that cannot be predicted carries its reason, and the others are predicted. No prediction depends on the other
    rows, except where an encoder reads the turns before an utterance: then on those of its dialogue.

    Args:
        bundle: folder that `cli fit-head` wrote, or a loaded bundle.
        audio: path of the clip.
        text: what is said in the clip.
        table: path of a CSV, TSV or JSONL file with the columns `audio` and `text`, in place of `audio` and `text`. For
            encoders that read context its column `dialogue` says which rows belong together, in order of `start` where
            they have one, else of the rows.
        columns: by name of a column (`audio`, `text`, …), the name that the table gives it.
        encoders: `NAME=CHECKPOINT` for each encoder that is elsewhere than when the bundle was fitted.
        device: where the encoders run: `cpu`, `cuda`, `cuda:1` or `mps`.
        say: receives lines about irregularities of the table, and about input that is ignored.

    Returns:
        One prediction for the utterance, or one for each row in the table's order.

    Raises:
        BadValue: there is nothing to predict, the bundle needs input that is missing, or there is no such device.
        NotFound: there is no bundle or no table.
        Mismatch: the bundle is damaged, an encoder is not the one that it was fitted on, or an encoder reads context
            and the order of a dialogue in the table is ambiguous.

    Example:
        >>> (found,) = predict(
        ...     "features/demo/bundles/mlp", audio="clip.wav", text="I can't believe it!"
        ... )  # doctest: +SKIP
        >>> found.emotion, found.probabilities["hap"]  # doctest: +SKIP
        ('hap', 0.91)
    """
    check_choice(audio, text, table)
    check_device(device)
    loaded = bundle if isinstance(bundle, Bundle) else load(Path(bundle))
    identities = find_encoders(loaded, list(check_list(encoders, "encoders")))
    needed = {identity.modality for identity in identities.values()}
    context = max((identity.context for identity in identities.values()), default=0)
    if table is not None:
        items, reasons = _read_table(Path(table), columns, needed, context, say)
        return _predict_items(loaded, identities, items, device, reasons)
    check_utterance(needed, audio, text)
    for line in list_unread(needed, audio, text):
        say(line)
    report_alone(context, say)
    item = Item(Path(audio).stem if audio else "text", Path(audio) if audio else None, text or "")
    return _predict_items(loaded, identities, [item], device, [""])


def render(predictions: Sequence[Prediction]) -> str:
    """Return the predictions as lines for a terminal: the emotion, then every class by probability."""
    width = max(len(prediction.id) for prediction in predictions)
    return "\n".join(f"{prediction.id:<{width}}  {_format(prediction)}" for prediction in predictions)


def _format(prediction: Prediction) -> str:
    if prediction.reason:
        return f"failed: {prediction.reason}"
    ranked = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    return f"{prediction.emotion}  ({', '.join(f'{name} {value:.2f}' for name, value in ranked)})"


def _read_table(
    path: Path, columns: Mapping[str, str] | None, needed: set[str], context: int, say: Say
) -> tuple[list[Item], list[str]]:
    """Read the rows of a table, and the reason of each row that is unusable (else empty)."""
    table = tables.read_for_prediction(path, columns)
    check_columns(needed, table.columns, table.header, path)
    for finding in table.findings:
        more = " …" if len(finding.where) > _SHOWN else ""
        say(f"{finding.what}: {', '.join(finding.where[:_SHOWN])}{more}")
    items = [_build_item(row.utterance, table) for row in table.rows]
    return add_context(items, table, context, say), [row.reason for row in table.rows]


def _build_item(utterance: Utterance, table: UnlabelledTable) -> Item:
    start, end = (utterance.start, utterance.end) if table.segments else (None, None)
    return Item(utterance.id, table.folder / utterance.audio if utterance.audio else None, utterance.text, start, end)


def _predict_items(
    bundle: Bundle, identities: Mapping[str, Identity], items: Sequence[Item], device: str, reasons: Sequence[str]
) -> list[Prediction]:
    """Return one prediction per item, by position, because ids may repeat. Items that have a reason failed already."""
    specs = [parse_feature(feature) for feature in bundle.features]
    vectors: list[dict[str, Encoded]] = [{} for _ in items]
    failed = list(reasons)
    for name, identity in identities.items():
        if all(failed):
            break  # no item is left, so no network is loaded
        encoder = encoder_kinds.load(identity, device)
        kinds = frozenset(spec.kind for spec in specs if spec.encoder == name)
        for position, item in enumerate(items):
            if not failed[position]:
                vectors[position][name], reason = _encode(encoder, item, kinds)
                failed[position] = reason and f"{name}: {reason}"
    rows = zip(items, vectors, failed, strict=True)
    return [_decide(bundle, specs, item.id, encoded, reason) for item, encoded, reason in rows]


def _encode(encoder: Encoder, item: Item, kinds: frozenset[str]) -> tuple[Encoded, str]:
    """Encode one item, and return its vectors and the reason if it fails (else empty)."""
    try:  # a copy of the item, because an item keeps its decoded clip
        return encoder_kinds.encode(encoder, [encoder.load(replace(item))], kinds)[0], ""
    except Unencodable as error:
        return {}, error.what
    except Exception as error:  # a third-party network may raise anything on one row of many
        return {}, summarize_error(error)


def _decide(
    bundle: Bundle, specs: Sequence[FeatureSpec], utterance_id: str, encoded: Mapping[str, Encoded], reason: str
) -> Prediction:
    if reason:
        return Prediction(utterance_id, reason=reason)
    row = np.concatenate([_select_feature(spec, encoded[spec.encoder]) for spec in specs])[None]  # (1, sum of D)
    row = bundle.normalize_rows(row)
    values = bundle.head.predict_proba(row)[0]  # (C,)
    probabilities = {label: float(value) for label, value in zip(bundle.classes, values, strict=True)}
    return Prediction(utterance_id, str(bundle.head.predict(row)[0]), probabilities)


def _select_feature(spec: FeatureSpec, encoded: Encoded) -> np.ndarray:
    """Return one feature of one utterance (D,), laid out as `Store.matrix` does."""
    if spec.kind == "layers":
        return encoded["layers"][spec.index]
    if spec.kind == "frames":
        frames = encoded["frames"][: spec.index]
        padded = np.zeros((spec.index or 0, frames.shape[1]), np.float32)
        padded[: len(frames)] = frames
        return padded.reshape(-1)
    return encoded[spec.kind]
