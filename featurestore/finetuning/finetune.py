"""Fine-tune an encoder with a classifier on the training ids of a fold, and record which they were."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, Mismatch, Unencodable
from featurestore.exposure import TrainedUtterance, from_record
from featurestore.extraction import cache_key
from featurestore.finetuning.data import Part
from featurestore.finetuning.selection import check_classes, reader, select
from featurestore.finetuning.settings import Settings
from featurestore.finetuning.start import load_start
from featurestore.finetuning.training import quiet, train
from featurestore.item import Item
from featurestore.networks.checkpoint import RECORD, Checkpoint, resolve
from featurestore.storage import lock
from featurestore.storage.atomic import flush, write_text

__all__ = ["Settings", "Tuned", "finetune"]

LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate", "numpy")
# what a record says beyond its request; a checkpoint is up to date whatever these are
_RESULTS = ("trained_on", "trained_utterances", "trained_corpus", "left_out", "history", "libraries", "created")


@dataclass(frozen=True)
class Tuned:
    """What fine-tuning made.

    Args:
        folder: an ordinary transformers checkpoint.
        record: the content of its `finetune.json`.
        fresh: False where it was up to date and nothing was done.
    """

    folder: Path
    record: Mapping[str, Any]
    fresh: bool


def finetune(
    *,
    items: Sequence[Item],
    classes: Mapping[str, str],
    train_ids: Sequence[str],
    held_out_ids: Sequence[str],
    modality: str,
    checkpoint: str,
    out: Path,
    settings: Settings,
    provenance: Mapping[str, str],
    progress: Callable[[str], None],
    made_up: Mapping[str, str] | None = None,
) -> Tuned:
    """Fine-tune a checkpoint on the training ids of a fold; started again after a kill, it goes on where it was.

    Args:
        items: the utterances of the manifest.
        classes: class by id, of every training and held-out id.
        train_ids: what to learn.
        held_out_ids: what to report on after every epoch; nothing is chosen by it; may be empty.
        modality: `audio` or `text`.
        checkpoint: a local folder or a hub name.
        out: the folder to write; training state is kept in `<out>.parts/` meanwhile.
        settings: how to train.
        provenance: what to record as it is: corpus, manifest (its sha256), labels, protocol, fold.
        progress: receives a line now and then.
        made_up: by id, the origin of those that the corpus's reader made up (`Store.made_up`).

    Raises:
        UnknownName: an id that is not in the manifest.
        Unavailable: another fine-tuning is writing `out`, transformers cannot load the checkpoint, memory does not
            suffice, or training diverges.
        Mismatch: `out` was made from other inputs, more than a few utterances cannot be read, or weights are missing.
        BadValue: the training part holds one class, or the checkpoint is of the other modality or has no classifier.
    """
    check_classes([classes[name] for name in train_ids])
    start = resolve(checkpoint)
    if start.modality() != modality:
        what = f"checkpoint {checkpoint} cannot be tuned as {'an audio' if modality == 'audio' else 'a text'} encoder"
        raise BadValue(what, expected=modality, got=start.modality())
    request = _request(classes, train_ids, held_out_ids, modality, start, settings, provenance)
    if out.exists():
        return _up_to_date(out, request, progress)
    parts = out.with_name(f"{out.name}.parts")
    parts.mkdir(parents=True, exist_ok=True)
    with lock.locked(parts, work="fine-tuning", option="--out"):
        if out.exists():  # another process has finished it since
            shutil.rmtree(parts, ignore_errors=True)  # that one may be at it too
            return _up_to_date(out, request, progress)
        _begin(parts, request, progress)
        names = list(request["classes"])
        with quiet():
            seed, freeze = settings.seed, settings.freeze_front
            model, processor = load_start(start, modality, names, seed=seed, freeze_front=freeze, tell=progress)
            read = reader(model, processor, modality, settings)
            chosen = select(items, train_ids, held_out_ids, classes, names, read, progress)
            training, held_out = chosen.training, chosen.held_out
            progress(f"{modality} encoder from {checkpoint}: {len(training)} to train on, {len(held_out)} held out")
            _keep_state_of(parts, training, progress)
            trained = _trained_on(training, start, made_up or {})
            history = train(model, training, held_out, settings, parts / "trainer", progress)
            record = {**request, **_results(trained, chosen.left_out, history)}
            _finish(model, processor, record, parts / "finished")
        flush(parts / "finished")
        (parts / "finished").rename(out)
    shutil.rmtree(parts, ignore_errors=True)  # not while the lock in it is open: NFS keeps the file then
    return Tuned(out, record, fresh=True)


def _request(
    classes: Mapping[str, str],
    train_ids: Sequence[str],
    held_out_ids: Sequence[str],
    modality: str,
    start: Checkpoint,
    settings: Settings,
    provenance: Mapping[str, str],
) -> dict[str, Any]:
    """All that shapes the result, as it is recorded."""
    return {
        **provenance,
        "modality": modality,
        "classes": sorted({classes[name] for name in (*train_ids, *held_out_ids)}),
        "train": _summary(train_ids, classes),
        "held_out": _summary(held_out_ids, classes),
        "settings": asdict(settings),
        "start": {"checkpoint": start.name, "revision": start.revision, "files": start.digests()},
    }


def _summary(names: Sequence[str], classes: Mapping[str, str]) -> dict[str, Any]:
    lines = "".join(f"{name}\t{classes[name]}\n" for name in sorted(names))
    return {"count": len(names), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def _up_to_date(out: Path, request: Mapping[str, Any], progress: Callable[[str], None]) -> Tuned:
    """What is there already, if it was made from the same inputs."""
    try:
        record = json.loads((out / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        raise Mismatch(f"{out} is there, and fine-tuning did not write it", do="choose another --out") from None
    made, wanted = _flat(record), _flat(request)
    others = [key for key in sorted(made.keys() | wanted.keys()) if made.get(key) != wanted.get(key)]
    if others:
        raise Mismatch(
            f"{out} was made from other inputs",
            expected=", ".join(f"{key} {wanted.get(key)}" for key in others),
            got=", ".join(f"{key} {made.get(key)}" for key in others),
            do=f"choose another --out, or remove {out}",
        )
    progress(f"{out}: up to date")
    return Tuned(out, record, fresh=False)


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A request as `settings.epochs: 9`; where a checkpoint lies and what it is called do not count."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and name not in _RESULTS:
            flat |= _flat(value, f"{name}.")
        elif name not in (*_RESULTS, "start.checkpoint", "start.revision"):
            flat[name] = value
    return flat


def _begin(parts: Path, request: Mapping[str, Any], progress: Callable[[str], None]) -> None:
    """Keeps what an earlier start with the same inputs left in the folder, else empties it; the lock stays."""
    asked = parts / "request.json"
    earlier = json.loads(asked.read_text("utf-8")) if asked.is_file() else None
    left = [path for path in parts.iterdir() if path.name != lock.FILE]
    if earlier is not None and _flat(earlier) == _flat(request):
        progress(f"{parts}: going on from there")
        left = [path for path in left if path.name == "finished"]
    elif left:
        progress(f"{parts}: was begun with other inputs, starting over")
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_text(asked, json.dumps(request, indent=1))


def _keep_state_of(parts: Path, training: Part, progress: Callable[[str], None]) -> None:
    """Drop the state of a training on other utterances: what fits into memory may have changed since."""
    rows = [f"{item.id} {content}\n" for item, content in zip(training.items, training.contents, strict=True)]
    selection, digest = parts / "selection.sha256", hashlib.sha256("".join(rows).encode()).hexdigest()
    trainer = parts / "trainer"
    if trainer.exists() and (not selection.is_file() or selection.read_text("utf-8") != digest):
        progress(f"{parts}: was begun on other utterances, starting over")
        shutil.rmtree(trainer)
    write_text(selection, digest)


def _trained_on(training: Part, start: Checkpoint, made_up: Mapping[str, str]) -> list[TrainedUtterance]:
    """List what the network was trained on, now and before the starting checkpoint was saved."""
    text = training.preparer.modality == "text"
    clips = cache_key.hash_inputs(training.items, "audio") if text else [""] * len(training)
    now = {
        TrainedUtterance(item.id, seen, clip, made_up.get(item.id, ""))
        for item, seen, clip in zip(training.items, training.contents, clips, strict=True)
    }
    return sorted(now | set(from_record(start.trained_on())))


def _results(
    trained: Sequence[TrainedUtterance], left_out: Mapping[str, Unencodable], history: list[dict[str, Any]]
) -> dict[str, Any]:
    """Collect what a record says beyond its request."""
    return {
        "trained_on": sorted({one.id for one in trained}),
        "trained_utterances": [asdict(one) for one in trained],
        "left_out": {name: str(reason) for name, reason in sorted(left_out.items())},
        "history": history,
        "libraries": {name: version(name) for name in LIBRARIES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _finish(model: Any, processor: Any, record: Mapping[str, Any], folder: Path) -> None:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    write_text(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
