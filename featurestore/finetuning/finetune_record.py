"""Build and compare records of fine-tuning: what was asked for, and what came of it (`finetune.json`)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from featurestore.checkpoint_origins import list_origins
from featurestore.errors import Unencodable
from featurestore.exposure import TrainedUtterance, read_trained_utterances
from featurestore.extraction import cache_key
from featurestore.finetuning.data import TrainingPart
from featurestore.finetuning.settings import Settings
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.classifier_pooling import CLASSIFIER_POOLING, describe_trained_pooling

LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate", "numpy")
# Keys of a record beyond its request. They do not decide whether a checkpoint is up to date.
_RESULTS = (
    "trained_on",
    "trained_utterances",
    "trained_corpus",
    "origins",
    "left_out",
    CLASSIFIER_POOLING,
    "history",
    "libraries",
    "created",
)


def build_request(
    classes: Mapping[str, str],
    train_ids: Sequence[str],
    held_out_ids: Sequence[str],
    modality: str,
    start: Checkpoint,
    settings: Settings,
    provenance: Mapping[str, str],
) -> dict[str, Any]:
    """Collect everything that shapes the result, as it is recorded."""
    return {
        **provenance,
        "modality": modality,
        "classes": sorted({classes[utterance_id] for utterance_id in (*train_ids, *held_out_ids)}),
        "train": _digest_part(train_ids, classes),
        "held_out": _digest_part(held_out_ids, classes),
        "settings": settings.describe(),
        "start": {"checkpoint": start.name, "revision": start.revision, "files": start.digests()},
    }


def build_results(
    trained: Sequence[TrainedUtterance],
    start: Checkpoint,
    left_out: Mapping[str, Unencodable],
    history: list[dict[str, Any]],
) -> dict[str, Any]:
    """Collect what a record holds beyond its request."""
    return {
        "trained_on": sorted({one.id for one in trained}),
        "trained_utterances": [asdict(one) for one in trained],
        "origins": list_origins(start.name, start.folder),
        "left_out": {utterance_id: str(reason) for utterance_id, reason in sorted(left_out.items())},
        **describe_trained_pooling(start.config()),
        "history": history,
        "libraries": {name: version(name) for name in LIBRARIES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def list_trained_utterances(
    training: TrainingPart, start: Checkpoint, made_up: Mapping[str, str]
) -> list[TrainedUtterance]:
    """List the utterances that a network is trained on, now and before its starting checkpoint was saved.

    Args:
        training: the part to train on.
        start: the starting checkpoint.
        made_up: origin by utterance id, of ids that the corpus's reader made up.
    """
    text = training.preparer.modality == "text"
    clips = cache_key.hash_inputs(training.items, "audio") if text else [""] * len(training)
    now = {
        TrainedUtterance(item.id, seen, clip, made_up.get(item.id, ""))
        for item, seen, clip in zip(training.items, training.contents, clips, strict=True)
    }
    return sorted(now | set(read_trained_utterances(start.read_finetune_record())))


def find_differences(record: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Find the inputs in which a record or an earlier request differs from a request.

    Returns:
        by the input's name (`settings.epochs`), its values in the record and in the request; None where it lacks it.
    """
    made, wanted = _flatten(record), _flatten(request)
    keys = sorted(made.keys() | wanted.keys())
    return {key: (made.get(key), wanted.get(key)) for key in keys if made.get(key) != wanted.get(key)}


def _flatten(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten the inputs of a record to `settings.epochs: 9`, without the starting checkpoint's name and place."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and name not in _RESULTS:
            flat |= _flatten(value, f"{name}.")
        elif name not in (*_RESULTS, "start.checkpoint", "start.revision"):
            flat[name] = value
    return flat


def _digest_part(utterance_ids: Sequence[str], classes: Mapping[str, str]) -> dict[str, Any]:
    lines = "".join(f"{utterance_id}\t{classes[utterance_id]}\n" for utterance_id in sorted(utterance_ids))
    return {"count": len(utterance_ids), "sha256": hashlib.sha256(lines.encode()).hexdigest()}
