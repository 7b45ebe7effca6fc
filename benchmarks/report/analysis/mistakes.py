"""List the most confident mistakes of the best head."""

from collections.abc import Sequence

import numpy as np

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.grid.results import Results
from benchmarks.grid.system import System
from benchmarks.report.analysis.section_types import MistakeContent, MistakesContent
from benchmarks.report.analysis.system_types import SystemContent

MOST = 100


def list_mistakes(results: Results, leaderboard: Sequence[SystemContent]) -> MistakesContent:
    """Return the wrong predictions of the best system, at most 100, the most confident first.

    The best system is the first of the leaderboard without a leak and a baseline head, where there is one. A
    prediction is the class with the highest mean probability over seeds, and its confidence is that probability.

    Returns:
        `wrong` counts the wrong predictions, `others` the other systems without a baseline head.
    """
    name = next((row["system"] for row in leaderboard if not row["leak"] and not is_baseline(row["head"])), "")
    name = name or leaderboard[0]["system"]
    systems = {system.name: system for system in results.systems}
    truth = np.array(systems[name].pooled[0].truth)
    prediction, confidence = _predict(systems[name])
    wrong = np.flatnonzero(prediction != truth)
    others = [one for one in results.systems if one.name != name and not is_baseline(one.record.head)]
    also = np.sum([_predict(one)[0] != truth for one in others], axis=0) if others else np.zeros(len(truth), int)
    texts = {row.id: row.text for row in results.utterances}
    rows: list[MistakeContent] = [
        {
            "id": results.ids[row],
            "text": texts[results.ids[row]],
            "truth": str(truth[row]),
            "prediction": str(prediction[row]),
            "confidence": float(confidence[row]),
            "also_wrong": int(also[row]),
        }
        for row in sorted(wrong, key=lambda row: (-confidence[row], results.ids[row]))[:MOST]
    ]
    return {"system": name, "wrong": len(wrong), "others": len(others), "rows": rows}


def _predict(system: System) -> tuple[np.ndarray, np.ndarray]:
    """Return the class with the highest mean probability of each utterance, and that probability."""
    mean = np.mean([np.asarray(answers.probabilities) for answers in system.pooled], axis=0)
    return np.array(system.pooled[0].classes)[mean.argmax(1)], mean.max(1)
