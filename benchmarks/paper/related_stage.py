"""Run stage four: the systems that the paper quotes, on the paper's encoders and fold, in a benchmark of its own."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.compare import run_plan
from benchmarks.evaluation.task import Task
from benchmarks.paper.paper_plan import MODALITIES, Epochs, PaperPlan
from benchmarks.paper.related_plan import BASELINE, locate_encoder, plan_related_work, shorten_training
from benchmarks.paper.related_work import RelatedSystem, list_features, list_kinds
from benchmarks.paper.stage_result import Say
from featurestore.errors import Unavailable
from featurestore.extraction.extract import Extraction, extract_encoder
from featurestore.folds.fold import Fold
from featurestore.networks.identity import OPTIONAL
from featurestore.spec import EncoderSpec


def extract_handmade(plan: PaperPlan, systems: Sequence[RelatedSystem], say: Say) -> list[Extraction]:
    """Extract the hand-made features that some systems read. Existing ones are reused.

    An encoder whose package is not installed is left out, and a line says what is missing.
    """
    encoders = dict.fromkeys(feature.encoder for feature in list_features(systems))
    found: list[Extraction] = []
    for encoder in (one for one in encoders if one not in MODALITIES):
        spec = EncoderSpec(locate_encoder(plan, encoder), encoder)
        try:
            extracted = extract_encoder(plan.store, spec, optional=list_optional(systems, encoder), say=say)
        except Unavailable as error:
            say(f"related work without {encoder}: {error}")
            continue
        say(extracted.summary())
        found.append(extracted)
    return found


def list_optional(systems: Sequence[RelatedSystem], encoder: str) -> list[str]:
    """List the kinds of an encoder's features that some systems read and that are only extracted on request."""
    return sorted(list_kinds(systems, encoder).intersection(OPTIONAL))


def compare_related_work(plan: PaperPlan, systems: Sequence[RelatedSystem], out: Path, say: Say) -> dict[str, Any]:
    """Benchmark the systems of related work, and return what is known of each with its figures here.

    Args:
        plan: of the run, with every feature extracted.
        systems: of related work.
        out: folder of the benchmark and its report, in the folder of the paper. Finished runs are reused.
        say: receives lines for the user.

    Returns:
        `systems`: for each its fields, and `metrics`, `leak` and `context`, or `not_run` with the reason.
        `baseline`: the metrics of the most frequent class. `dialogues`: how many there are, and how many the fold cuts.
    """
    systems = [shorten_training(plan, one) for one in systems]
    planned = plan_related_work(plan, systems, say)
    content, _ = run_plan(planned.benchmark, out, command=write_command(plan, out.parent), say=say)
    figures: Mapping[str, Any] = {row["system"]: row for row in content["leaderboard"]}
    context = {spec.system: spec.context for spec in planned.benchmark.specs}
    (fold,) = planned.benchmark.folds
    return {
        "systems": [
            asdict(one)
            | (
                {"not_run": planned.obstacles[one.system]}
                if one.system in planned.obstacles
                else {
                    "metrics": figures[one.system]["metrics"],
                    "leak": figures[one.system]["leak"],
                    "context": context[one.system],
                }
            )
            for one in systems
        ],
        "baseline": figures[BASELINE.system]["metrics"],
        "dialogues": count_dialogues(planned.benchmark.task, fold),
    }


def count_dialogues(task: Task, fold: Fold) -> dict[str, int]:
    """Count the dialogues of a fold's turns (`total`), and those with turns in training and in test (`cut`)."""
    train, test = ({task.turns[one].dialogue for one in ids if one in task.turns} for ids in (fold.train, fold.test))
    return {"total": len(train | test), "cut": len(train & test)}


def write_command(plan: PaperPlan, out: Path) -> str:
    """Write the command that repeats a run of the paper, with the options that differ from their defaults."""
    words = ["cli", "paper", "--store", str(plan.store.path), "--out", str(out), "--mode", plan.switches.mode]
    for modality in MODALITIES:
        if checkpoint := plan.checkpoints.get(modality):
            words += [f"--{modality}", checkpoint]
    for stage, epochs in asdict(plan.epochs).items():
        if epochs != getattr(Epochs(), stage):
            words += [f"--epochs-{stage}", str(epochs)]
    return shlex.join(words)
