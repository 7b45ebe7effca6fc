"""Collect the inputs, versions and machine that reproduce the figures."""

from collections import Counter

from benchmarks.grid.value_results import AnyResults
from benchmarks.report.analysis.content_types import ProvenanceContent
from featurestore.manifest import list_column


def collect_provenance(results: AnyResults) -> ProvenanceContent:
    """Return corpus, folds, encoders, versions, machine and command, as the benchmark recorded them."""
    about = results.about
    kept = set(list_column(results.utterances, "id"))
    return {
        "utterances": len(kept),
        "speakers": len(set(list_column(results.utterances, "speaker")) - {""}),
        "classes": dict(sorted(Counter(label for one, label in about["classes"].items() if one in kept).items())),
        "label_maps": about.get("label_maps", {}),
        "left_out": about["left_out"],
        "dropped": about["dropped"],
        "manifest_sha256": about["manifest_sha256"],
        "folds_sha256": about["folds_sha256"],
        "folds": [
            {
                "name": fold.name,
                "train": len(fold.train),
                "dev": len(fold.dev),
                "test": len(fold.test),
                "unused": len(fold.unused),
            }
            for fold in results.folds
        ],
        "encoders": about["encoders"],
        "versions": about["versions"],
        "machine": about["machine"],
        "command": about["command"],
    }
