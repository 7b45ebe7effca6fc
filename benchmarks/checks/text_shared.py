"""Whether test texts, or near copies of them, are in training."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation
from featurestore.folds.text_copies import find_copies

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where words give away what was said with them in training.

    See `featurestore.folds.text_copies`.
    """
    if not any(entry["modality"] == "text" for entry in results.about["encoders"].values()):
        return not_applicable("no feature is of text")
    texts = {row.id: row.text for row in results.utterances}
    if not any(texts.values()):
        return not_applicable("the manifest has no texts")
    tested = sum(len(fold.test) for fold in results.folds)
    copied = sum(len(find_copies(fold.test, (*fold.train, *fold.dev), texts)) for fold in results.folds)
    if copied:
        return failed(
            f"{copied} of {tested} test utterances have their text, or a near copy, in training: figures of text "
            "features are optimistic; --protocol script-disjoint shares none"
        )
    return passed(f"no text of {tested} test utterances is in training, near copies included")
