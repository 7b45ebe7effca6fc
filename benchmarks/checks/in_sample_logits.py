"""Whether a head learned from logits of an encoder that had seen the very utterances."""

from benchmarks.checks._finding import Finding, failed, not_applicable, passed
from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.evaluation.fold_features import UNSEEN

__all__ = ["check"]


def check(results: Evaluation) -> Finding:
    """Fail where logits are in-sample: over-confident in training, not in test; a head trusts them too much."""
    with_logits = [
        system
        for system in results.systems
        if system.record.head != "prior" and any(name.endswith(".logits") for name in system.record.features)
    ]
    if not with_logits:
        return not_applicable("no head learns from logits")
    wrong = [system.name for system in with_logits if system.record.logits not in UNSEEN]
    if wrong:
        return failed(
            f"{len(wrong)} of {len(with_logits)} systems with logits learn from in-sample ones: {', '.join(wrong[:3])}"
            f"{' …' if len(wrong) > 3 else ''}; cli finetune --crossfit K and cli extract --all-folds mend it"
        )
    return passed(f"all {len(with_logits)} systems with logits take them from encoders that did not see the utterance")
