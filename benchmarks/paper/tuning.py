"""Stages one and two: each encoder is tuned on the training part, then frozen, and every turn is encoded."""

from pathlib import Path
from typing import Any

from benchmarks.paper.plan import Plan
from benchmarks.paper.stage import Say, Stage
from featurestore.engines.threads import limit_threads
from featurestore.extraction.extract import Extracted, extract_encoder
from featurestore.networks.checkpoint import RECORD
from featurestore.spec import EncoderSpec


def tuned(plan: Plan, modality: str, out: Path, say: Say) -> Stage:
    """Tunes an encoder, or takes up where an earlier run stopped; what is finished is reused.

    Args:
        plan: of the run.
        modality: `text` or `audio`.
        out: the tuned checkpoint.
        say: receives lines for the user.
    """
    fold = plan.fold(modality)
    if plan.is_own(modality):
        with limit_threads(1):  # of a small network's work two threads make more waiting than speed
            record = _finetune(plan, modality, out, say)
    else:
        record = _finetune(plan, modality, out, say)
    left_out = set(record["left_out"])
    train, test = (len(set(ids) - left_out) for ids in (fold.train, fold.test))
    return Stage(modality, record["classes"], train, test, record["history"])


def encoded(plan: Plan, modality: str, checkpoint: Path, say: Say) -> Extracted:
    """Encodes every turn with a frozen encoder into the store; what is there is reused."""
    spec = EncoderSpec(plan.encoder(modality), str(checkpoint))
    frames = modality == "audio" and plan.switches.flattened_frames
    done = extract_encoder(plan.store, spec, optional=["frames"] if frames else [], say=say)
    say(done.summary())
    return done


def _finetune(plan: Plan, modality: str, out: Path, say: Say) -> Any:
    from featurestore.finetuning.finetune import finetune

    fold, scheme, store = plan.fold(modality), plan.scheme(modality), plan.store
    say(f"{modality} model, {len(fold.train)} turns to learn, {len(fold.test)} held out …")
    return finetune(
        items=[store.item(row) for row in store.utterances],
        made_up=store.made_up,
        classes=scheme.apply(store.utterances),
        train_ids=fold.train,
        held_out_ids=fold.test,
        modality=modality,
        checkpoint=plan.checkpoints.get(modality) or str(_own_start(plan, modality, out)),
        out=out,
        settings=plan.settings(modality),
        provenance={
            "corpus": store.corpus,
            "manifest": store.manifest_digest,
            "labels": scheme.name,
            "protocol": plan.protocol,
            "fold": fold.name,
        },
        progress=lambda line: say(f"  {line}"),
    ).record


def _own_start(plan: Plan, modality: str, out: Path) -> Path:
    """The demo's own untrained network; its tokenizer has seen the training part's words and no others."""
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
