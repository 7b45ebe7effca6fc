"""The most confident mistakes of the best head."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.grid.results import Results, System

MOST = 100


def mistakes(results: Results, leaderboard: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The wrong answers that the best system is surest of.

    The best is the first of the leaderboard that does not leak and is not the prior, where there is such a one. An
    answer is the class of the highest mean probability over seeds, its confidence that probability.

    Returns:
        `system`; `wrong`, how many answers are; `others`, how many other systems there are, priors left out; `rows`,
        at most 100, the surest first: `id`, `text`, `truth`, `prediction`, `confidence`, `also_wrong` (how many of
        the others are wrong too).
    """
    name = next((row["system"] for row in leaderboard if not row["leak"] and row["head"] != "prior"), "")
    name = name or leaderboard[0]["system"]
    systems = {system.name: system for system in results.systems}
    truth = np.array(systems[name].pooled[0].truth)
    answer, confidence = _answers(systems[name])
    wrong = np.flatnonzero(answer != truth)
    others = [one for one in results.systems if one.name != name and one.record.head != "prior"]
    also = np.sum([_answers(one)[0] != truth for one in others], axis=0) if others else np.zeros(len(truth), int)
    texts = {row.id: row.text for row in results.utterances}
    surest = sorted(wrong, key=lambda row: (-confidence[row], results.ids[row]))[:MOST]
    rows = [
        {
            "id": results.ids[row],
            "text": texts[results.ids[row]],
            "truth": str(truth[row]),
            "prediction": str(answer[row]),
            "confidence": float(confidence[row]),
            "also_wrong": int(also[row]),
        }
        for row in surest
    ]
    return {"system": name, "wrong": len(wrong), "others": len(others), "rows": rows}


def _answers(system: System) -> tuple[np.ndarray, np.ndarray]:
    """The class of the highest mean probability of each utterance, and that probability."""
    mean = np.mean([np.asarray(one.probabilities) for one in system.pooled], axis=0)
    return np.array(system.pooled[0].classes)[mean.argmax(1)], mean.max(1)
