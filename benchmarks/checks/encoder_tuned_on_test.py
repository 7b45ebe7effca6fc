"""Whether an encoder was tuned on utterances that it is tested on."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.grid.results import Results

__all__ = ["check"]


def check(results: Results) -> Finding:
    """Fail where an encoder saw test utterances with their labels; each such figure is marked."""
    saw = [
        f"{encoder} on {counts['test']} of fold {fold}"
        for encoder, entry in results.about["encoders"].items()
        for fold, counts in entry["tuned_on"].items()
        if counts["test"]
    ]
    if saw:
        return failed(f"tuned on test utterances: {', '.join(saw)}; the figures are not of unseen speech")
    tuned = sum(any(one["train"] for one in entry["tuned_on"].values()) for entry in results.about["encoders"].values())
    if not tuned:
        return not_applicable("no encoder records that it was tuned on this corpus")
    return passed(f"{tuned} encoders were tuned, none on a test utterance of its folds")
