"""Fine-tune an encoder with a classifier on the training part of a fold, and record the training utterances."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, Mismatch
from featurestore.exposure import TrainedUtterance
from featurestore.finetuning.finetune_record import (
    build_request,
    build_results,
    describe_selection,
    find_differences,
    list_trained_utterances,
)
from featurestore.finetuning.inputs.augmentation import list_effects
from featurestore.finetuning.inputs.augmented_part import augment_part
from featurestore.finetuning.inputs.clip_cache import ClipCache, open_cache
from featurestore.finetuning.inputs.ctc import CtcObjective, add_ctc
from featurestore.finetuning.inputs.ctc_vocabulary import CtcVocabulary, load_vocabulary
from featurestore.finetuning.inputs.data import TrainingPart
from featurestore.finetuning.inputs.selection import Read, Selection, check_classes, make_reader, select
from featurestore.finetuning.network.network_recipe import NetworkRecipe
from featurestore.finetuning.network.silence import silence_transformers
from featurestore.finetuning.network.trained_parts import TrainedParts
from featurestore.finetuning.options.settings import Settings
from featurestore.finetuning.record_summary import summarize_record
from featurestore.finetuning.settings_check import check_settings
from featurestore.finetuning.training.shared_training import train_shared
from featurestore.finetuning.training.training_device import choose_training_device
from featurestore.finetuning.training.training_log import write_logs
from featurestore.finetuning.training.training_run import Trained, train
from featurestore.item import Item
from featurestore.networks.checkpoint import RECORD, Checkpoint, resolve
from featurestore.networks.windows import check_window
from featurestore.progress import Say
from featurestore.spec import WHOLE_WINDOW
from featurestore.storage import lock
from featurestore.storage.atomic import flush, write_text
from featurestore.storage.json_files import find_object

# Advice beside a checkpoint of a version that had no dev part.
_AS_BEFORE = "; it was made without a dev part: --dev 0 --select last --precision float32 --micro-batch 8 asks for that"


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned checkpoint.

    Args:
        folder: an ordinary transformers checkpoint.
        record: the content of its `finetune.json`.
        fresh: False where it was up to date and nothing was done.
    """

    folder: Path
    record: Mapping[str, Any]
    fresh: bool

    def summary(self) -> str:
        """Return the outcome as lines for a terminal: one per epoch, what was kept, and the checkpoint's folder."""
        state = "fine-tuned" if self.fresh else "up to date, nothing done"
        return "\n".join([*summarize_record(self.record), f"checkpoint {self.folder}: {state}"])


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
    say: Say,
    dev_ids: Sequence[str] = (),
    dev_from: str = "caller",
    made_up: Mapping[str, str] | None = None,
) -> FineTuned:
    """Fine-tune a checkpoint on the training ids of a fold. Called again after an interruption, it resumes.

    Args:
        items: the utterances of the manifest.
        classes: class by utterance id, of every training, dev and held-out id.
        train_ids: the utterances to train on.
        held_out_ids: the test part: the utterances to report on, which choose nothing; may be empty.
        modality: `audio` or `text`.
        checkpoint: a local folder or a hub name.
        out: the folder to write; the state of training is kept in `<out>.parts/` meanwhile.
        settings: of fine-tuning.
        provenance: recorded as it is: corpus, manifest (its sha256), labels, protocol, fold.
        say: receives lines for the user.
        dev_ids: the utterances to score after every epoch, which choose the epoch by `settings.select`.
        dev_from: where they come from, as it is recorded.
        made_up: origin by utterance id, of ids that the corpus's reader made up (`Store.made_up`).

    Raises:
        UnknownName: an id is not in the manifest.
        Unavailable: another process is fine-tuning into `out`, transformers cannot load the checkpoint, out of memory,
            or training diverges.
        Mismatch: `out` was made from other inputs, more than a few utterances cannot be read, or weights are missing.
        BadValue: the training part holds one class, the checkpoint is of the other modality or has no classifier,
            settings contradict each other, or there is no dev part to choose by.
    """
    check_settings(settings, modality)
    choose_training_device(settings)  # a device that lacks the precision is refused before anything is read
    _check_dev(settings, dev_ids)
    check_classes([classes[utterance_id] for utterance_id in train_ids])
    start = resolve(checkpoint)
    _check_modality(start, checkpoint, modality)
    settings = replace(settings, augment=",".join(list_effects(settings.augment)))  # in one order, as it is recorded
    if settings.window != WHOLE_WINDOW:
        check_window(settings.window, str(start.config().get("model_type")), checkpoint)
    vocabulary = load_vocabulary(start) if settings.ctc_weight else None
    request = build_request(classes, train_ids, dev_ids, held_out_ids, modality, start, settings, provenance)
    if out.exists():
        return _read_finished(out, request, say)
    parts = out.with_name(f"{out.name}.parts")
    parts.mkdir(parents=True, exist_ok=True)
    with lock.lock_folder(parts, work="fine-tuning", option="--out"):
        if out.exists():  # another process has finished it since
            shutil.rmtree(parts, ignore_errors=True)  # which may be removing it too
            return _read_finished(out, request, say)
        _clear_unless_resumable(parts, request, say)
        recipe = NetworkRecipe(start, modality, tuple(request["classes"]), settings)
        utterances = _Utterances(items, classes, train_ids, dev_ids, held_out_ids, dev_from, made_up or {})
        with silence_transformers():
            record = _Job(checkpoint, recipe, vocabulary, utterances, request, parts, say).run()
        flush(parts / "finished")
        (parts / "finished").rename(out)
    shutil.rmtree(parts, ignore_errors=True)  # only now: NFS keeps the lock's file while it is open
    return FineTuned(out, record, fresh=True)


@dataclass(frozen=True)
class _Utterances:
    """The utterances of one fine-tuning, as `finetune` takes them."""

    items: Sequence[Item]
    classes: Mapping[str, str]
    train_ids: Sequence[str]
    dev_ids: Sequence[str]
    held_out_ids: Sequence[str]
    dev_from: str
    made_up: Mapping[str, str]


@dataclass(frozen=True)
class _Job:
    """One fine-tuning, whose state is in the folder `parts`."""

    checkpoint: str
    recipe: NetworkRecipe
    vocabulary: CtcVocabulary | None
    utterances: _Utterances
    request: Mapping[str, Any]
    parts: Path
    say: Say

    def run(self) -> dict[str, Any]:
        """Train, write the checkpoint to `finished` in the folder of the state, and return its record."""
        settings, start, vocabulary = self.recipe.settings, self.recipe.start, self.vocabulary
        model, processor = self.recipe.load(self.say)
        cache = self._open_cache(model, processor)
        read = make_reader(model, processor, self.recipe.modality, settings, vocabulary, cache)
        trained_parts = self.recipe.restrict(model, processor, self.say)
        selection = self._select(read)
        trained = self._list_trained(selection)
        ctc = add_ctc(model, start, selection.training, settings.ctc_weight, self.say) if vocabulary else None
        done = self._train(model, selection, ctc, trained_parts)
        if ctc:
            ctc.detach()
        trained_parts.merge()
        dev, test = len(selection.dev), len(selection.test)
        chosen = describe_selection(settings, done.epoch, dev, self.utterances.dev_from, test)
        results = build_results(trained, start, selection.left_out, done, chosen)
        record = {**self.request, **results, **trained_parts.describe()}
        _save(model.cpu(), processor, record, self.parts / "finished")
        write_logs(done.log, self.parts / "finished", selection.find_scored(settings)[0])
        return record

    def _open_cache(self, model: Any, processor: Any) -> ClipCache | None:
        """Open the cache of decoded clips, where it is wanted and the disk has room for it."""
        if not self.recipe.settings.cache or self.recipe.modality != "audio":
            return None
        of = self.utterances
        cached = [*of.train_ids, *of.dev_ids, *of.held_out_ids]
        return open_cache(self.parts, of.items, cached, processor, model, self.say)

    def _select(self, read: Read) -> Selection:
        """Read all utterances, and remove the state of a training on others."""
        of, settings, classes = self.utterances, self.recipe.settings, self.recipe.class_names
        selection = select(
            of.items, of.train_ids, of.dev_ids, of.held_out_ids, of.classes, list(classes), read, self.say
        )
        selection = replace(selection, training=augment_part(selection.training, settings, self.say))
        _check_dev(settings, selection.dev.items)
        counts = _format_counts(selection, of.dev_from)
        self.say(f"{self.recipe.modality} encoder from {self.checkpoint}: {counts}")
        _clear_training_of_others(self.parts, selection.training, self.say)
        return selection

    def _list_trained(self, selection: Selection) -> list[TrainedUtterance]:
        """List the utterances whose labels the network sees. Dev is among them where it chooses."""
        seen = [selection.training, *([selection.dev] if self.recipe.settings.needs_dev() else [])]
        return list_trained_utterances(seen, self.recipe.start, self.utterances.made_up)

    def _train(
        self, model: Any, selection: Selection, ctc: CtcObjective | None, trained_parts: TrainedParts
    ) -> Trained:
        """Train in this process or, by the settings, in several."""
        folder, settings = self.parts / "trainer", self.recipe.settings
        if settings.processes > 1:
            return train_shared(model, self.recipe, selection, folder, self.say)
        return train(model, selection, settings, folder, self.say, ctc, trained_parts.layers)


def _format_counts(selection: Selection, dev_from: str) -> str:
    dev = f"{len(selection.dev)} dev ({dev_from}), " if len(selection.dev) else ""
    return f"{len(selection.training)} to train on, {dev}{len(selection.test)} held out"


def _check_dev(settings: Settings, dev: Sequence[Any]) -> None:
    """Raise BadValue where a dev part is to choose and there is none."""
    if settings.needs_dev() and not dev:
        raise BadValue(
            "there are no dev utterances to choose the epoch by",
            expected="a dev part, or --select last without --patience",
            do="add --dev 0 --select last, which keeps the weights of the last epoch",
        )


def _check_modality(start: Checkpoint, checkpoint: str, modality: str) -> None:
    if start.modality() != modality:
        kind = "an audio" if modality == "audio" else "a text"
        raise BadValue(
            f"checkpoint {checkpoint} cannot be fine-tuned as {kind} encoder",
            expected=modality,
            got=start.modality(),
            do=f"use --modality {start.modality()}, or another checkpoint",
        )


def _read_finished(out: Path, request: Mapping[str, Any], say: Say) -> FineTuned:
    """Return the checkpoint in `out` if it was made from the same inputs."""
    try:
        record = json.loads((out / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        raise Mismatch(f"{out} exists, and fine-tuning did not write it", do="choose another --out") from None
    differing = find_differences(record, request)
    if differing:
        raise Mismatch(
            f"{out} was made from other inputs",
            expected=", ".join(f"{key} {wanted}" for key, (_, wanted) in differing.items()),
            got=", ".join(f"{key} {made}" for key, (made, _) in differing.items()),
            do=f"choose another --out, or remove {out}{'' if 'selection' in record else _AS_BEFORE}",
        )
    say(f"{out}: up to date")
    return FineTuned(out, record, fresh=False)


def _clear_unless_resumable(parts: Path, request: Mapping[str, Any], say: Say) -> None:
    """Keep what an interrupted run with the same inputs left in the folder, else empty it. The lock stays."""
    path = parts / "request.json"
    earlier = find_object(path)
    stale = [entry for entry in parts.iterdir() if entry.name != lock.FILE]
    if earlier is not None and not find_differences(earlier, request):
        say(f"{parts}: resuming")
        stale = [entry for entry in stale if entry.name == "finished"]
    elif stale:
        say(f"{parts}: inputs changed; restarting")
    for entry in stale:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    write_text(path, json.dumps(request, indent=1))


def _clear_training_of_others(parts: Path, training: TrainingPart, say: Say) -> None:
    """Remove the state of a training on other utterances: what fits into memory may have changed since."""
    rows = [f"{item.id} {content}\n" for item, content in zip(training.items, training.contents, strict=True)]
    selection, digest = parts / "selection.sha256", hashlib.sha256("".join(rows).encode()).hexdigest()
    trainer = parts / "trainer"
    if trainer.exists() and (not selection.is_file() or selection.read_text("utf-8") != digest):
        say(f"{parts}: utterances changed; restarting")
        shutil.rmtree(trainer)
    write_text(selection, digest)


def _save(model: Any, processor: Any, record: Mapping[str, Any], folder: Path) -> None:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    write_text(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
