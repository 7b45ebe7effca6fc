"""Hold the result of a stage: its training curves, and its confusion matrix after every epoch."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.paper.paper_plan import split_epochs
from benchmarks.statistics.intervals import estimate_intervals
from featurestore.storage.atomic import write_text

Say = Callable[[str], None]


@dataclass(frozen=True)
class StageResult:
    """One trained model of the paper.

    Args:
        name: `text`, `audio` or `fusion`.
        classes: in the order of the confusion matrices.
        train: number of training utterances.
        test: number of test utterances.
        history: per epoch `epoch`, `loss`, `training_accuracy`, `steps` (loss and accuracy along the epoch),
            `held_out_loss`, `accuracy` (of test) and `confusion` (C true, C predicted).
        leak: which encoder was fine-tuned on test utterances, or an empty string.
    """

    name: str
    classes: Sequence[str]
    train: int
    test: int
    history: Sequence[Mapping[str, Any]]
    leak: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return all fields, and the metrics of each block of epochs with their intervals."""
        return {**asdict(self), "blocks": [self._block(*block) for block in split_epochs(len(self.history))]}

    def _block(self, start: int, end: int) -> dict[str, Any]:
        """Return the metrics after the last epoch of a block."""
        confusion = self.history[end - 1]["confusion"]
        truth, prediction = _expand(confusion, self.classes)
        found = estimate_intervals(truth, prediction)
        metrics = {name: asdict(found[name]) for name in ("accuracy", "unweighted_average_recall", "macro_f1")}
        return {"epochs": [start, end], "metrics": metrics, "confusion": confusion}


def _expand(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a confusion matrix as true and predicted classes, one of each per utterance."""
    pairs = [
        (truth, prediction)
        for truth, row in zip(classes, confusion, strict=True)
        for prediction, count in zip(classes, row, strict=True)
        for _ in range(count)
    ]
    return [truth for truth, _ in pairs], [prediction for _, prediction in pairs]


def reuse_or_make(
    path: Path, request: Mapping[str, Any], make: Callable[[], dict[str, Any]], say: Say
) -> dict[str, Any]:
    """Read a result of the same request from a file, or make it and write it there.

    Args:
        path: the file.
        request: everything that the result depends on, as plain JSON.
        make: makes the result.
        say: receives a line if the result is reused.
    """
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    kept = _read(path, key)
    if kept is not None:
        say(f"{path}: up to date")
        return kept
    answer = make()
    write_text(path, json.dumps({"request": key, "answer": answer}, indent=1) + "\n")
    return answer


def _read(path: Path, key: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
        answer: dict[str, Any] | None = found["answer"] if found["request"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing or incomplete: made again
    return answer
