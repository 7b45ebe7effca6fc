"""Test utterances that may be copies of utterances that an encoder was fine-tuned on."""

from benchmarks.checks._check_result import CheckResult, report_failure, report_not_applicable, report_pass
from benchmarks.checks._examples import TEST, Examples, build_evaluation, describe_tuned_encoder
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check", "examples"]


def check(evaluation: Evaluation) -> CheckResult:
    """Fail where ids or words match an utterance of fine-tuning, but the clip differs.

    In a corpus without ids, utterances are identified by file names, which alone prove nothing: clips of `train/` and
    `test/` may have the same names, and a denoised clip keeps its name. Nor do the words of a renamed clip prove it.
    """
    encoders = evaluation.about["encoders"]
    suspects = {name: entry.get("suspects", []) for name, entry in encoders.items()}
    found = [f"{len(ids)} for encoder {name}, for example {ids[0]}" for name, ids in suspects.items() if ids]
    if found:
        return report_failure(
            "test utterances share a made-up id, or their words, with utterances that an encoder was fine-tuned on, "
            f"but have another clip or text, {'; '.join(found)}",
            meaning="if they are the same recordings, processed differently, the figures do not measure unseen speech",
            do="compare these clips, or use an encoder of other data",
        )
    if not any(counts["train"] for entry in encoders.values() for counts in entry["tuned_on"].values()):
        return report_not_applicable("no encoder records that it was fine-tuned on this corpus")
    return report_pass(
        "no test utterance shares its id, clip or words with an utterance that an encoder was fine-tuned on"
    )


def examples() -> Examples:
    """Build an evaluation for each outcome."""
    suspects = list(TEST[:2])
    return Examples(
        passed=build_evaluation(about=describe_tuned_encoder(train=400, test=0)),
        failed=build_evaluation(about=describe_tuned_encoder(9, 0, suspects=suspects)),
        not_applicable=build_evaluation(),
    )
