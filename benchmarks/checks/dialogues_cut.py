"""Dialogues that a fold cuts into training and test, where a head reads the turns around an utterance."""

from collections.abc import Mapping

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import Examples, build_evaluation
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.fold import Fold
from featurestore.manifest import map_column

__all__ = ["check", "examples"]

_SHOWN = 3  # folds that a message lists


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where a head reads dialogues and a fold has turns of the same dialogue in training or dev and in test.

    Utterances that name no dialogue are dialogues of a single turn, which no fold can cut.
    """
    if not any(system.record.context for system in evaluation.systems):
        return report_not_applicable("no head reads dialogues")
    dialogue = {one: name for one, name in map_column(evaluation.utterances, "dialogue").items() if name}
    if not dialogue:
        return report_not_applicable("the manifest names no dialogues, so that no head sees other turns")
    total = len(set(dialogue.values()))
    cut = [_find_cut_dialogues(fold, dialogue) for fold in evaluation.folds]
    every = set().union(*cut)
    if every:
        counts = [f"{len(names)} in {fold.name}" for fold, names in zip(evaluation.folds, cut, strict=True) if names]
        more = ", …" if len(counts) > _SHOWN else ""
        return report_failure(
            f"{len(every)} of {total} dialogues are cut by folds ({', '.join(counts[:_SHOWN])}{more})",
            meaning="a head sees of these only the turns of one side, so that its context has holes, and neighbouring "
            "turns of a conversation are in training and test",
            do="--protocol dialogue-kfold, dialogue-holdout or leave-one-session-out",
        )
    return report_pass(f"none of {total} dialogues is in training and in test of the same fold")


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    return Examples(
        passed=build_evaluation(context="past turns", dialogue=lambda utterance_id: utterance_id[:-1]),
        failed=build_evaluation(context="whole dialogue", dialogue=lambda utterance_id: utterance_id[-1]),
        not_applicable=build_evaluation(dialogue=lambda utterance_id: utterance_id[-1]),
    )


def _find_cut_dialogues(fold: Fold, dialogue: Mapping[str, str]) -> set[str]:
    learned, tested = (
        {dialogue[utterance_id] for utterance_id in ids if utterance_id in dialogue}
        for ids in ((*fold.train, *fold.dev), fold.test)
    )
    return learned & tested
