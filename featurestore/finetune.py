"""Fine-tuning: an encoder with a classifier learns the training ids of a fold, and says which they were."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import transformers as hf

from featurestore import lock
from featurestore._finetune_data import Clips, Part, Preparer, Texts, part
from featurestore._finetune_training import Settings, quiet, train
from featurestore.checkpoint import RECORD, Checkpoint, resolve
from featurestore.encoders._network import UNUSED, check_complete, load_model, load_processor
from featurestore.errors import BadValue, Mismatch, UnknownName
from featurestore.files import flush, write_text
from featurestore.manifest import Utterance

__all__ = ["Settings", "Tuned", "finetune"]

FEW = 0.01  # of the utterances may be unreadable; more than that, and something else is wrong
LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate", "numpy")
# what a record says beyond its request; a checkpoint is up to date whatever these are
_RESULTS = ("trained_on", "trained_corpus", "left_out", "history", "libraries", "created")


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
    utterances: Sequence[Utterance],
    root: Path,
    classes: Mapping[str, str],
    train_ids: Sequence[str],
    held_out_ids: Sequence[str],
    modality: str,
    checkpoint: str,
    out: Path,
    settings: Settings,
    provenance: Mapping[str, str],
    progress: Callable[[str], None],
) -> Tuned:
    """Fine-tunes a checkpoint on the training ids of a fold; started again after a kill, it goes on where it was.

    Args:
        utterances: the manifest.
        root: the corpus root, which the manifest's clips are relative to.
        classes: class by id, of every training and held-out id.
        train_ids: what to learn.
        held_out_ids: what to report on after every epoch; nothing is chosen by it; may be empty.
        modality: `audio` or `text`.
        checkpoint: a local folder or a hub name.
        out: the folder to write; training state is kept in `<out>.parts/` meanwhile.
        settings: how to train.
        provenance: what to record as it is: corpus, manifest (its sha256), labels, protocol, fold.
        progress: receives a line now and then.

    Raises:
        UnknownName: an id that is not in the manifest.
        Unavailable: another fine-tuning is writing `out`, or transformers cannot load the checkpoint.
        Mismatch: `out` was made from other inputs, or more than a few utterances cannot be read.
        BadValue: the checkpoint is of the other modality.
    """
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
            model, processor, preparer = _load(start, modality, names, root, settings)
            by_id = {utterance.id: utterance for utterance in utterances}
            training, unread = _readable(by_id, train_ids, classes, names, preparer)
            held_out, unread_too = _readable(by_id, held_out_ids, classes, names, preparer)
            left_out = unread | unread_too
            _check_few(left_out, len(train_ids) + len(held_out_ids), progress)
            progress(f"{modality} encoder from {checkpoint}: {len(training)} to train on, {len(held_out)} held out")
            history = train(model, training, held_out, settings, parts / "trainer", progress)
            record = {**request, **_results(training, start, left_out, history)}
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


def _load(
    start: Checkpoint, modality: str, names: list[str], root: Path, settings: Settings
) -> tuple[Any, Any, Preparer]:
    """The model with a classifier for these classes, its tokenizer or feature extractor, and what feeds it."""
    auto, processing = {
        "audio": (hf.AutoModelForAudioClassification, hf.AutoFeatureExtractor),
        "text": (hf.AutoModelForSequenceClassification, hf.AutoTokenizer),
    }[modality]
    hf.set_seed(settings.seed)  # a new classifier's weights are drawn
    processor = load_processor(start, processing)
    model, report = load_model(
        start,
        auto,
        id2label=dict(enumerate(names)),
        label2id={name: index for index, name in enumerate(names)},
        ignore_mismatched_sizes=True,  # a classifier of other classes gives way to a new one
    )
    # a new classifier is expected to be missing; a network that would start from random weights is not
    base = {key for key in report["missing_keys"] if key.startswith(f"{model.base_model_prefix}.")}
    check_complete(start.name, {"missing_keys": base, "mismatched_keys": ()}, (*UNUSED, "pooler"))
    if modality == "text":
        return model, processor, Texts(processor, model.config, settings.fixed_length)
    _prepare_front(model, settings)
    return model, processor, Clips(root, processor, model.config, settings.fixed_length)


def _prepare_front(model: Any, settings: Settings) -> None:
    from featurestore.encoders._front import isolate_front

    if isolate_front(model) and settings.freeze_front:
        model.freeze_feature_encoder()


def _readable(
    by_id: Mapping[str, Utterance],
    names: Sequence[str],
    classes: Mapping[str, str],
    class_names: Sequence[str],
    preparer: Preparer,
) -> tuple[Part, dict[str, str]]:
    unknown = [name for name in names if name not in by_id]
    if unknown:
        raise UnknownName(f"{len(unknown)} ids are not in the manifest, {unknown[0]} among them")
    return part([by_id[name] for name in names], classes, class_names, preparer)


def _check_few(left_out: Mapping[str, str], count: int, progress: Callable[[str], None]) -> None:
    if not left_out:
        return
    reasons = "\n".join(f"  {name}: {reason}" for name, reason in sorted(left_out.items()))
    if len(left_out) > FEW * count:
        raise Mismatch(
            f"{len(left_out)} of {count} utterances cannot be read:\n{reasons}",
            expected=f"at most {FEW:.0%} of them",
            do="cli prepare says what is missing; mend the corpus, or leave them out of the manifest",
        )
    progress(f"left out, because they cannot be read ({len(left_out)} of {count}):\n{reasons}")


def _results(
    training: Part, start: Checkpoint, left_out: Mapping[str, str], history: list[dict[str, Any]]
) -> dict[str, Any]:
    """What a record says beyond its request; `trained_on` holds what the starting checkpoint had seen as well."""
    before = set(start.trained_on().get("trained_on", ()))
    return {
        "trained_on": sorted({utterance.id for utterance in training.utterances} | before),
        "left_out": dict(sorted(left_out.items())),
        "history": history,
        "libraries": {name: version(name) for name in LIBRARIES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _finish(model: Any, processor: Any, record: Mapping[str, Any], folder: Path) -> None:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    write_text(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
