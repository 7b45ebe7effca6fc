"""Where the figures come from: corpus, cut, encoders, heads, seeds, versions, machine, and the command."""

from collections import Counter
from typing import Any

from benchmarks.grid.results import Results


def provenance(results: Results) -> dict[str, Any]:
    """All that a reader needs to make the figures again, as far as the benchmark recorded it.

    Returns:
        `utterances`, `speakers` and `classes` (utterances of each) of the folds; `label_maps`, the class of each label
        by corpus; `left_out` by label scheme, `dropped` for want of a feature, by id with the reason; the digests of
        manifest and folds; `folds` with their counts; `encoders` as their feature files describe them, with what they
        were tuned on; `versions`, `machine`, `command`.
    """
    about = results.about
    kept = {row.id for row in results.utterances}
    return {
        "utterances": len(kept),
        "speakers": len({row.speaker for row in results.utterances if row.speaker}),
        "classes": dict(sorted(Counter(label for name, label in about["classes"].items() if name in kept).items())),
        "label_maps": about.get("label_maps", {}),
        "left_out": about["left_out"],
        "dropped": about["dropped"],
        "manifest_sha256": about["manifest_sha256"],
        "folds_sha256": about["folds_sha256"],
        "folds": [
            {"name": fold.name, **{part: len(getattr(fold, part)) for part in ("train", "dev", "test", "unused")}}
            for fold in results.folds
        ],
        "encoders": about["encoders"],
        "versions": about["versions"],
        "machine": about["machine"],
        "command": about["command"],
    }
