"""Write the log of a training as two tables: one row per optimizer step, and one per epoch."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from featurestore.finetuning.training.history import summarize_log
from featurestore.storage.atomic import write_text

STEPS, EPOCHS = "training.csv", "epochs.csv"
# By column, the name in the trainer's log.
_STEP = {
    "epoch": "epoch",
    "step": "step",
    "loss": "loss",
    "accuracy": "accuracy",
    "learning_rate": "learning_rate",
    "gradient_norm": "grad_norm",
    "clips": "clips",
    "seconds": "seconds",
}
_SCORES = ("held_out_loss", "accuracy", "unweighted_average_recall")


def write_logs(log: list[dict[str, Any]], folder: Path, part: str) -> None:
    """Write `training.csv` and `epochs.csv`.

    Args:
        log: of the trainer.
        folder: where they go.
        part: the part that is scored after every epoch: `dev`, `test`, or empty for none.
    """
    steps = [{column: entry.get(name, "") for column, name in _STEP.items()} for entry in log if "loss" in entry]
    write_text(folder / STEPS, _format_table(_STEP, steps))
    names = {"loss": "loss", "training_accuracy": "training_accuracy"}
    names |= {name: f"{part}_{name.removeprefix('held_out_')}" for name in _SCORES} if part else {}
    epochs = [
        {"epoch": entry["epoch"], **{column: entry.get(name, "") for name, column in names.items()}}
        for entry in summarize_log(log)
    ]
    write_text(folder / EPOCHS, _format_table(["epoch", *names.values()], epochs))


def _format_table(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
