"""Run stages one and two: fine-tune each encoder on the training part, then encode every turn with the frozen one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.paper.paper_plan import PaperPlan
from benchmarks.paper.stage_result import Say, StageResult
from featurestore.engines.threads import limit_threads
from featurestore.extraction.extract import Extraction, extract_encoder
from featurestore.networks.checkpoint import RECORD
from featurestore.spec import EncoderSpec


def finetune_encoder(plan: PaperPlan, modality: str, out: Path, say: Say) -> StageResult:
    """Fine-tune an encoder, continuing a stopped run. A finished checkpoint is reused.

    Args:
        plan: of the run.
        modality: `text` or `audio`.
        out: the fine-tuned checkpoint.
        say: receives lines for the user.
    """
    fold = plan.fold(modality)
    if plan.is_own(modality):
        with limit_threads(1):  # a second thread does not speed up a small network
            record = _finetune(plan, modality, out, say)
    else:
        record = _finetune(plan, modality, out, say)
    left_out = set(record["left_out"])
    train, test = (len(set(ids) - left_out) for ids in (fold.train, fold.test))
    return StageResult(modality, record["classes"], train, test, record["history"])


def encode_turns(
    plan: PaperPlan, modality: str, checkpoint: Path, say: Say, *, optional: Iterable[str] = ()
) -> Extraction:
    """Encode every turn with a frozen encoder into the store. Existing features are reused.

    Args:
        plan: of the run.
        modality: `text` or `audio`.
        checkpoint: the fine-tuned one.
        say: receives lines for the user.
        optional: kinds that other stages read beyond the usual and those of the fusion, `frames` and `layers`.
    """
    spec = EncoderSpec(plan.encoder(modality), str(checkpoint))
    kinds = {"frames"} if modality == "audio" and plan.switches.flattened_frames else set()
    extracted = extract_encoder(plan.store, spec, optional=kinds.union(optional), say=say)
    say(extracted.summary())
    return extracted


def _finetune(plan: PaperPlan, modality: str, out: Path, say: Say) -> Any:
    from featurestore.finetuning.finetune import finetune

    fold, scheme, store = plan.fold(modality), plan.scheme(modality), plan.store
    say(f"{modality} model: {len(fold.train)} training turns, {len(fold.test)} test turns …")
    return finetune(
        items=[store.item(row) for row in store.utterances],
        made_up=store.made_up,
        classes=scheme.apply(store.utterances),
        train_ids=fold.train,
        held_out_ids=fold.test,
        modality=modality,
        checkpoint=plan.checkpoints.get(modality) or str(_write_start(plan, modality, out)),
        out=out,
        settings=plan.settings(modality),
        provenance={
            "corpus": store.corpus,
            "manifest": store.manifest_digest,
            "labels": scheme.name,
            "protocol": plan.protocol,
            "fold": fold.name,
        },
        say=lambda line: say(f"  {line}"),
    ).record


def _write_start(plan: PaperPlan, modality: str, out: Path) -> Path:
    """Write the demo's untrained network. Its tokenizer knows the words of the training part only."""
    from featurestore.finetuning import demo_models

    folder = out.with_name(f"start-{modality}")
    if (out / RECORD).is_file() and (folder / "config.json").is_file():
        return folder
    if modality == "audio":
        demo_models.write_audio(folder)
    else:
        training = set(plan.fold("text").train)
        demo_models.write_text(folder, [row.text for row in plan.store.utterances if row.id in training])
    return folder
