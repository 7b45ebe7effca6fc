"""Whether test utterances have file names that an encoder was tuned on, with other content."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.runs.evaluation import Evaluation

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where nobody can tell the same recordings, processed otherwise, from others of the same names.

    A corpus without ids of its own is known by its file names, and these prove nothing alone: the clips of `train/` and
    `test/` may be called the same, and denoised clips are called as before.
    """
    encoders = results.about["encoders"]
    alike = {name: entry.get("namesakes", []) for name, entry in encoders.items()}
    found = [f"{len(ids)} for encoder {name}, {ids[0]} among them" for name, ids in alike.items() if ids]
    if found:
        return failed(
            f"test utterances whose file names an encoder was tuned on, with other content: {'; '.join(found)}; if "
            "they are the same recordings, processed otherwise, the figures are not of unseen speech; a column id "
            "settles it"
        )
    if not any(counts["train"] for entry in encoders.values() for counts in entry["tuned_on"].values()):
        return not_applicable("no encoder records that it was tuned on this corpus")
    return passed("no test utterance has the file name of one that an encoder was tuned on with other content")
