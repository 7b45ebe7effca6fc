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
from featurestore.finetuning.inputs.data import TrainingPart
from featurestore.finetuning.options.settings import Settings
from featurestore.finetuning.training.training_run import Trained
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.classifier_pooling import CLASSIFIER_POOLING, describe_trained_pooling
from featurestore.networks.vector_files import list_changed_files

_BEST = "the highest unweighted average recall on dev, then the lower dev loss, then the earlier epoch"
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
    "trained_weights",
    "selection",
    "test",
    "used",
    "libraries",
    "created",
)

_FILES = "start.files."  # in the name of a difference


def build_request(
    classes: Mapping[str, str],
    train_ids: Sequence[str],
    dev_ids: Sequence[str],
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
        "classes": sorted({classes[utterance_id] for utterance_id in (*train_ids, *dev_ids, *held_out_ids)}),
        "train": _digest_part(train_ids, classes),
        **({"dev": _digest_part(dev_ids, classes)} if dev_ids else {}),
        "held_out": _digest_part(held_out_ids, classes),
        "settings": settings.describe(),
        "start": {
            "checkpoint": start.name,
            "revision": start.revision,
            "files": start.digests(modality, spells=settings.ctc_weight > 0),
        },
    }


def build_results(
    trained: Sequence[TrainedUtterance],
    start: Checkpoint,
    left_out: Mapping[str, Unencodable],
    training: Trained,
    selection: Mapping[str, Any],
) -> dict[str, Any]:
    """Collect what a record holds beyond its request.

    Args:
        trained: the utterances whose labels the network has seen.
        start: the starting checkpoint.
        left_out: the reason of each utterance that was left out, by utterance id.
        training: what came of it.
        selection: as `describe_selection` returns it.
    """
    return {
        "trained_on": sorted({one.id for one in trained}),
        "trained_utterances": [asdict(one) for one in trained],
        "origins": list_origins(start.name, start.folder),
        "left_out": {utterance_id: str(reason) for utterance_id, reason in sorted(left_out.items())},
        **describe_trained_pooling(start.config()),
        "history": training.history,
        "selection": dict(selection),
        "test": training.test,
        "used": training.used,
        "libraries": {name: version(name) for name in LIBRARIES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe_selection(settings: Settings, epoch: int, dev: int, dev_from: str, test: int) -> dict[str, Any]:
    """Describe which epoch is kept and why, and which part was looked at when.

    Args:
        settings: of the training.
        epoch: the one that is kept.
        dev: number of dev utterances.
        dev_from: where they come from: `protocol`, or `cut by` the groups of the protocol.
        test: number of test utterances.
    """
    return {
        "select": settings.select,
        "epoch": epoch,
        "by": _BEST if settings.select == "best-dev" else "the last epoch",
        "dev": {"count": dev, "from": dev_from} if dev else {"count": 0},
        "looked_at": {"dev": _describe_dev(settings, dev), "test": _describe_test(settings, test)},
    }


def _describe_dev(settings: Settings, count: int) -> str:
    chosen = ["it chose the epoch"] if settings.select == "best-dev" else []
    chosen += ["it could end the training"] if settings.patience else []
    return f"scored after every epoch; {' and '.join(chosen) or 'it chose nothing'}" if count else "there is none"


def _describe_test(settings: Settings, count: int) -> str:
    if not count:
        return "there is none"
    if settings.test_every_epoch:
        return "scored after every epoch; it chose nothing"
    return "scored once, with the weights that are kept"


def list_trained_utterances(
    parts: Sequence[TrainingPart], start: Checkpoint, made_up: Mapping[str, str]
) -> list[TrainedUtterance]:
    """List the utterances whose labels a network has seen, now and before its starting checkpoint was saved.

    Args:
        parts: the training part, and the dev part where it chooses anything.
        start: the starting checkpoint.
        made_up: origin by utterance id, of ids that the corpus's reader made up.
    """
    now = {one for part in parts for one in _list_utterances(part, made_up)}
    return sorted(now | set(read_trained_utterances(start.read_finetune_record())))


def _list_utterances(part: TrainingPart, made_up: Mapping[str, str]) -> list[TrainedUtterance]:
    text = part.preparer.modality == "text"
    clips = cache_key.hash_inputs(part.items, "audio") if text else [""] * len(part)
    return [
        TrainedUtterance(item.id, seen, clip, made_up.get(item.id, ""))
        for item, seen, clip in zip(part.items, part.contents, clips, strict=True)
    ]


def find_differences(record: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Find the inputs in which a record or an earlier request differs from a request.

    Returns:
        by the input's name (`settings.epochs`), its values in the record and in the request; None where it lacks it.
    """
    made, wanted = _flatten(record), _flatten(request)
    files = _list_changed_files(record, request)
    keys = sorted(key for key in {**made, **wanted} if not key.startswith(_FILES) or key in files)
    return {key: (made.get(key), wanted.get(key)) for key in keys if made.get(key) != wanted.get(key)}


def _list_changed_files(record: Mapping[str, Any], request: Mapping[str, Any]) -> list[str]:
    """List the files of the start that differ and shape the result. Earlier records list others, too."""
    first, second = (one.get("start", {}).get("files", {}) for one in (record, request))
    spells = bool(request.get("settings", {}).get("ctc_weight"))
    names = list_changed_files(first, second, str(request.get("modality", "")), spells=spells)
    return [f"{_FILES}{name}" for name in ("weights", *names)]


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
