"""List the most confident mistakes of the best head."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.grid.results import Results
from benchmarks.grid.system import System
from benchmarks.report.analysis.section_types import MistakeContent, MistakesContent
from benchmarks.report.analysis.system_types import SystemContent
from featurestore.manifest import keep_ids, map_column

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
    truth, ids = _name_classes(systems[name], systems[name].pooled[0].codes[0]), results.ids
    prediction, confidence = _predict(systems[name])
    wrong = np.flatnonzero(prediction != truth)
    others = [one for one in results.systems if one.name != name and not is_baseline(one.record.head)]
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")[:MOST]]  # of equal confidence by id: rows are sorted
    also = np.sum([_predict(one, shown)[0] != truth[shown] for one in others], axis=0, dtype=int)
    texts = _find_texts(results, [ids[row] for row in shown])
    rows: list[MistakeContent] = [
        {
            "id": ids[row],
            "text": texts[ids[row]],
            "truth": str(truth[row]),
            "prediction": str(prediction[row]),
            "confidence": float(confidence[row]),
            "also_wrong": int(count),
        }
        for row, count in zip(shown, np.broadcast_to(also, shown.shape), strict=True)
    ]
    return {"system": name, "wrong": len(wrong), "others": len(others), "rows": rows}


def _find_texts(results: Results, ids: Sequence[str]) -> dict[str, str]:
    return map_column(keep_ids(results.utterances, set(ids)), "text")


def _predict(system: System, rows: NDArray[np.intp] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the class with the highest mean probability of each utterance, or of some, and that probability."""
    chosen = slice(None) if rows is None else rows
    total = sum(np.asarray(answers.probabilities)[chosen] for answers in system.pooled)
    mean = np.asarray(total) / len(system.pooled)
    return _name_classes(system, mean.argmax(1)), mean.max(1)


def _name_classes(system: System, codes: NDArray[Any]) -> np.ndarray:
    return np.asarray(np.array(system.pooled[0].classes)[codes])
