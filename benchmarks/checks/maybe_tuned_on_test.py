"""Whether test utterances may be ones that an encoder was tuned on, which nobody can tell."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where the same recordings, processed otherwise, cannot be told from others of the same name or words.

    A corpus without ids of its own is known by its file names, and these prove nothing alone: the clips of `train/` and
    `test/` may be called the same, and denoised clips are called as before. Likewise with the words of a renamed clip.
    """
    encoders = results.about["encoders"]
    suspects = {name: entry.get("suspects", []) for name, entry in encoders.items()}
    found = [f"{len(ids)} for encoder {name}, {ids[0]} among them" for name, ids in suspects.items() if ids]
    if found:
        return failed(
            "test utterances that share a made-up id, or their words, with others that an encoder was tuned on, and "
            f"have another clip or text: {'; '.join(found)}; if they are the same recordings, processed otherwise, the "
            "figures are not of unseen speech"
        )
    if not any(counts["train"] for entry in encoders.values() for counts in entry["tuned_on"].values()):
        return not_applicable("no encoder records that it was tuned on this corpus")
    return passed(
        "by ids, clips and words, every other test utterance is known to be none that an encoder was tuned on"
    )
