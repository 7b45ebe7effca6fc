"""What each of the three models leaves behind: its curves, and its confusion matrix after every epoch."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.paper.plan import blocks
from benchmarks.statistics.intervals import intervals
from featurestore.storage.atomic import write_text

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """One model of the paper, trained.

    Args:
        name: `text`, `audio` or `fusion`.
        classes: in the order of the confusion matrices.
        train: utterances that it was trained on.
        test: utterances that it was measured on.
        history: per epoch `epoch`, `loss`, `training_accuracy`, `steps` (loss and accuracy along the epoch),
            `held_out_loss`, `accuracy` (held out) and `confusion` (C true, C predicted).
        leak: which encoder was tuned on test utterances; empty where none was.
    """

    name: str
    classes: Sequence[str]
    train: int
    test: int
    history: Sequence[Mapping[str, Any]]
    leak: str = ""

    def to_json(self) -> dict[str, Any]:
        """Everything, and the figures of each block with their intervals."""
        return {**asdict(self), "blocks": [self._block(*block) for block in blocks(len(self.history))]}

    def _block(self, start: int, end: int) -> dict[str, Any]:
        """The figures after the last epoch of a block, whatever the others were."""
        confusion = self.history[end - 1]["confusion"]
        truth, prediction = _answers(confusion, self.classes)
        found = intervals(truth, prediction)
        metrics = {name: asdict(found[name]) for name in ("accuracy", "unweighted_average_recall", "macro_f1")}
        return {"epochs": [start, end], "metrics": metrics, "confusion": confusion}


def _answers(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> tuple[list[str], list[str]]:
    """A confusion matrix as true and predicted classes, one of each per utterance."""
    pairs = [
        (truth, prediction)
        for truth, row in zip(classes, confusion, strict=True)
        for prediction, count in zip(classes, row, strict=True)
        for _ in range(count)
    ]
    return [truth for truth, _ in pairs], [prediction for _, prediction in pairs]


def reused(path: Path, request: Mapping[str, Any], make: Callable[[], dict[str, Any]], say: Say) -> dict[str, Any]:
    """What was made from the same request before, or else is made now and kept in a file.

    Args:
        path: the file.
        request: all that shapes the answer, as plain JSON.
        make: makes the answer.
        say: is told when it is reused.
    """
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    kept = _kept(path, key)
    if kept is not None:
        say(f"{path}: up to date")
        return kept
    answer = make()
    write_text(path, json.dumps({"request": key, "answer": answer}, indent=1) + "\n")
    return answer


def _kept(path: Path, key: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
        answer: dict[str, Any] | None = found["answer"] if found["request"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or half of it: it is made anew
    return answer
