"""Predict the emotion of new speech with a bundle: encode it with the bundle's encoders, then ask its head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from featurestore import encoders as encoder_kinds
from featurestore.encoders import Encoded, Encoder
from featurestore.errors import Unencodable, summarize_error
from featurestore.head_inputs import DIALOGUE, WORDS, TurnPlace, give, list_taken, make_turns
from featurestore.item import Item
from featurestore.networks.device import check_device
from featurestore.networks.identity import Identity
from featurestore.prediction.absent_inputs import explain_failure, find_absent, list_shapes, warn_untrained
from featurestore.prediction.add_context import report_alone
from featurestore.prediction.build_inputs import build_inputs
from featurestore.prediction.bundle import Bundle, load
from featurestore.prediction.check_inputs import check_choice, check_utterance, list_unread
from featurestore.prediction.find_encoders import find_encoders
from featurestore.prediction.recognize import find_recognizer, name_recognizer, recognize
from featurestore.prediction.table_rows import InputRow, keep_without_words, place_rows, read_table_rows
from featurestore.progress import Say
from featurestore.spec import check_list, parse_feature
from heads import Inputs

_TOGETHER = 4096  # rows whose vectors are in memory together; loading the networks again takes about 1 % of the time


@dataclass(frozen=True)
class Prediction:
    """Prediction for one utterance, or the reason why there is none.

    Args:
        id: the utterance's id; of a clip, its file name without the extension.
        emotion: the most probable class; empty if the utterance failed.
        probabilities: by class, they sum to 1; empty if the utterance failed.
        reason: why the utterance failed; empty if it did not.
        missing: the modalities that it was predicted without, and why each could not be used; empty if it was not
            given.
        recognized: the words that the bundle's recognizer has written down; empty where they were given.
        values: by target, of a bundle that predicts values in place of classes, on the scale of its corpus.
    """

    id: str
    emotion: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)
    recognized: str = ""
    values: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as plain JSON values, with what is missing or was recognized where there is any."""
        if self.reason:
            return {"id": self.id, "failed": self.reason}
        answer: dict[str, Any] = {"id": self.id}
        if self.values:
            answer |= {"values": dict(self.values)}
        else:
            answer |= {"emotion": self.emotion, "probabilities": dict(self.probabilities)}
        unusable = {modality: why for modality, why in self.missing.items() if why}
        added = {"missing": sorted(self.missing), "unusable": unusable, "recognized": self.recognized}
        return answer | {name: value for name, value in added.items() if value}


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
    """Predict the emotion of one utterance, or of every row of a table: a class, or valence, activation and dominance.

    A bundle that can do without a modality predicts an utterance from the other where one is not given, or cannot be
    encoded, and the prediction says so. A row that cannot be predicted carries its reason, and the others are
    predicted. A prediction depends on other rows only where the bundle's head or an encoder reads dialogues, and then
    on those of the same dialogue. Of these, a head reads the ones that could be encoded.

    Where the bundle was fitted on recognized words, a clip without a text is transcribed by the bundle's recognizer; a
    given text is read as it is.

    Args:
        bundle: folder that `cli fit-head` wrote, or a loaded bundle.
        audio: path of the clip.
        text: what is said in the clip.
        table: path of a CSV, TSV or JSONL file with the columns `audio` and `text`, in place of `audio` and `text`. For
            encoders that read context its column `dialogue` says which rows belong together, in order of `start` where
            they have one, else of the rows.
        columns: by name of a column (`audio`, `text`, …), the name that the table gives it.
        encoders: `NAME=CHECKPOINT` for each encoder, or recognizer by the name of its transcript, that is elsewhere
            than when the bundle was fitted.
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
    moved = list(check_list(encoders, "encoders"))
    identities = find_encoders(loaded, moved)
    recognizer = find_recognizer(loaded, moved) if text is None else None
    needed = {identity.modality for identity in identities.values()}
    reads_words, reads_dialogues = (one in list_taken(loaded.head) for one in (WORDS, DIALOGUE))
    needed |= {"text"} if reads_words else set()
    context = max((identity.context for identity in identities.values()), default=0)
    if table is not None:
        rows = read_table_rows(Path(table), columns, needed, context, recognizer, device, say, loaded.optional)
        if reads_words:
            rows = [
                row if row.item.text.strip() else replace(row, reason=row.reason or "no transcript") for row in rows
            ]
        places = place_rows(rows, Path(table), say) if reads_dialogues else {}
        return _predict_items(loaded, identities, rows, device, places, say)
    if text is not None and (name := name_recognizer(loaded)):
        say(f"--text is read in place of the words that {name} would recognize")
    if recognizer:
        needed = needed - {"text"} | {"audio"}
    check_utterance(needed, audio, text, loaded.optional)
    for line in list_unread(needed, audio, text):
        say(line)
    report_alone(context, say)
    if reads_dialogues:
        say(
            "no context: this bundle reads the turns around an utterance, and it is predicted alone; --table reads them"
        )
    item = Item(Path(audio).stem if audio else "text", Path(audio) if audio else None, text or "")
    row = InputRow(item)
    if recognizer:
        (found,) = recognize(recognizer, [item], device)
        row = InputRow(replace(item, text=found.text), found.reason, recognized=found.text)
        row = keep_without_words(row, loaded.optional)
    return _predict_items(loaded, identities, [row], device, {}, say)


def render(predictions: Sequence[Prediction]) -> str:
    """Return the predictions as lines for a terminal: the emotion, then every class by probability, or the values."""
    width = max(len(prediction.id) for prediction in predictions)
    return "\n".join(f"{prediction.id:<{width}}  {_format(prediction)}" for prediction in predictions)


def _format(prediction: Prediction) -> str:
    if prediction.reason:
        return f"failed: {prediction.reason}"
    without = [f"without {name}{why and f': {why}'}" for name, why in sorted(prediction.missing.items())]
    words = [f"recognized: {prediction.recognized}"] if prediction.recognized else []
    return "  ".join([*_format_answer(prediction), *without, *words])


def _format_answer(prediction: Prediction) -> list[str]:
    if prediction.values:
        return [", ".join(f"{name} {value:.2f}" for name, value in prediction.values.items())]
    ranked = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    return [prediction.emotion, f"({', '.join(f'{name} {value:.2f}' for name, value in ranked)})"]


def _predict_items(
    bundle: Bundle,
    identities: Mapping[str, Identity],
    rows: Sequence[InputRow],
    device: str,
    places: Mapping[str, TurnPlace],
    say: Say,
) -> list[Prediction]:
    """Return one prediction per row, by position, of some rows at a time so that few vectors are in memory.

    A head that reads dialogues gets all rows at once.
    """
    size = len(rows) if DIALOGUE in list_taken(bundle.head) else _TOGETHER
    parts = (rows[start : start + size] for start in range(0, len(rows), max(1, size)))
    found = [one for part in parts for one in _predict_part(bundle, identities, part, device, places)]
    for line in warn_untrained([one.missing for one in found], bundle):
        say(line)
    return found


def _predict_part(
    bundle: Bundle,
    identities: Mapping[str, Identity],
    rows: Sequence[InputRow],
    device: str,
    places: Mapping[str, TurnPlace],
) -> list[Prediction]:
    """Return one prediction per row, by position. Rows that have a reason failed already."""
    specs = [parse_feature(feature) for feature in bundle.features]
    modalities = {name: identity.modality for name, identity in identities.items()}
    needed = set(modalities.values())
    vectors: list[dict[str, Encoded]] = [{} for _ in rows]
    failed = [row.reason for row in rows]
    absent = [find_absent(row.item, needed, bundle, row.wordless) for row in rows]
    for name, identity in identities.items():
        left = [row for row, why in enumerate(failed) if not why and identity.modality not in absent[row]]
        if not left:
            continue  # no network is loaded for nothing
        encoder = encoder_kinds.load(identity, device)
        kinds = frozenset(spec.kind for spec in specs if spec.encoder == name)
        for position in left:
            encoded, reason = _encode(encoder, rows[position].item, kinds)
            if not reason:
                vectors[position][name] = encoded
            else:
                absent[position][identity.modality] = f"{name}: {reason}"
                failed[position] = explain_failure(absent[position], needed, bundle)
    usable = [position for position, reason in enumerate(failed) if not reason]
    together = [usable] if DIALOGUE in list_taken(bundle.head) else [[position] for position in usable]
    shapes = list_shapes(bundle)
    answers: dict[int, Prediction] = {}
    for positions in filter(None, together):
        items, lacking = [rows[position].item for position in positions], [absent[position] for position in positions]
        inputs = build_inputs(specs, modalities, items, [vectors[position] for position in positions], shapes, lacking)
        inputs = replace(inputs, X=bundle.normalize_rows(inputs.X), turns=make_turns(list(map(str, positions)), places))
        found = zip(positions, _decide(bundle, inputs, items, lacking), strict=True)
        answers |= {place: replace(one, recognized=rows[place].recognized) for place, one in found}
    return [
        answers[position] if position in answers else Prediction(row.item.id, reason=failed[position])
        for position, row in enumerate(rows)
    ]


def _encode(encoder: Encoder, item: Item, kinds: frozenset[str]) -> tuple[Encoded, str]:
    """Encode one item, and return its vectors and the reason if it fails (else empty)."""
    try:  # a copy of the item, because an item keeps its decoded clip
        return encoder_kinds.encode(encoder, [encoder.load(replace(item))], kinds)[0], ""
    except Unencodable as error:
        return {}, error.what
    except Exception as error:  # a third-party network may raise anything on one row of many
        return {}, summarize_error(error)


def _decide(
    bundle: Bundle, inputs: Inputs, items: Sequence[Item], lacking: Sequence[Mapping[str, str]]
) -> list[Prediction]:
    given = give(bundle.head, inputs)
    if bundle.targets:
        rows = bundle.head.predict(given).tolist()  # (N, T)
        found = [dict(zip(bundle.targets, map(float, row), strict=True)) for row in rows]
        return [Prediction(item.id, values=values) for item, values in zip(items, found, strict=True)]
    probabilities, emotions = bundle.head.predict_proba(given), bundle.head.predict(given)  # (N, C), (N,)
    by_class = [dict(zip(bundle.classes, map(float, row), strict=True)) for row in probabilities]
    return [
        Prediction(item.id, str(emotion), row, missing=absent)
        for item, emotion, row, absent in zip(items, emotions, by_class, lacking, strict=True)
    ]
