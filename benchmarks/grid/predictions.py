"""A run's predictions on disk: a CSV of one row per utterance, and beside it JSON that says what the run was.

The JSON is written last and holds the sha256 of the CSV: where it is, the run is complete.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.statistics.answers import Answers
from featurestore.errors import Mismatch, NotFound, Problem
from featurestore.storage.atomic import write_text

FORMAT = 2
_COLUMNS = ("id", "truth", "prediction")
_TUPLES = ("features", "files", "classes")  # of a card; lists in JSON
_AGAIN = "run the same cli benchmark again: what is whole is kept"


@dataclass(frozen=True)
class Card:
    """What a run was, and how it went; plain JSON.

    Args:
        digest: of all that shapes the run; the name of its files.
        system: what the run belongs to: head, feature set, normalisation and logits in words; a control bears the
            name of the system that it is a control of.
        head: its registry name.
        feature_set: its name.
        features: in column order.
        files: the same as read: `text@1.mean`.
        logits: how logits were taken: empty where there is no choice.
        normalize: `none`, `global` or `speaker`.
        protocol: its registry name.
        fold: its name.
        seed: of the head.
        drawn: whether the seed decides anything.
        tune: how many settings were tried on dev.
        share: of the training part that was fitted on, above 0 and at most 1; below 1 the run is a control.
        shuffled: `text` or `audio`: the modality whose test rows were permuted, which makes the run a control; empty
            where none was.
        params: the settings that were used.
        train: number of utterances fitted on; `dev` chosen on; `test` measured on.
        leak: which encoder was tuned on test utterances; empty where none was.
        seconds: `tune`, `fit`, `predict` of the head, on the test part as it is.
        peak_mb: the most memory of the process that ran it.
        bundle_bytes: of the fitted head's weights as a bundle holds them.
        history: by epoch, of a head that learns in epochs: `loss` (mean cross entropy in nats) and `accuracy` (0 to 1)
            on its training rows; of another head empty.
        classes: of the probabilities, in order.
        csv_sha256: of the predictions.
    """

    digest: str
    system: str
    head: str
    feature_set: str
    features: tuple[str, ...]
    files: tuple[str, ...]
    logits: str
    normalize: str
    protocol: str
    fold: str
    seed: int
    drawn: bool
    tune: int
    share: float
    shuffled: str
    params: Mapping[str, Any]
    train: int
    dev: int
    test: int
    leak: str
    seconds: Mapping[str, float]
    peak_mb: float
    bundle_bytes: int
    history: Mapping[str, list[float]]
    classes: tuple[str, ...]
    csv_sha256: str = ""

    @property
    def is_control(self) -> bool:
        """Whether it shows something about a system, and is no system itself."""
        return self.share < 1 or bool(self.shuffled)

    @property
    def fitted_on(self) -> int:
        """How many utterances the head learned from: those of dev too, once settings are chosen."""
        return self.train + (self.dev if self.tune else 0)


@dataclass(frozen=True)
class Predicted:
    """A run read back.

    Args:
        card: what it was.
        ids: of its test part (N,).
        answers: truth, predictions and probabilities, in the order of `ids`.
    """

    card: Card
    ids: tuple[str, ...]
    answers: Answers


def is_done(folder: Path, digest: str) -> bool:
    """Whether a run is complete, whole and of this version."""
    try:
        _whole(folder, digest)
    except Problem:
        return False
    return True


def write(folder: Path, card: Card, ids: Sequence[str], answers: Answers) -> None:
    """Writes a run, each file in one step, the JSON last.

    Args:
        folder: of the runs.
        card: what it was; `csv_sha256` is filled in.
        ids: (N,).
        answers: with probabilities in the order of `card.classes`.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*_COLUMNS, *card.classes])
    probabilities = [] if answers.probabilities is None else answers.probabilities.tolist()
    for name, truth, prediction, row in zip(ids, answers.truth, answers.prediction, probabilities, strict=True):
        writer.writerow([name, truth, prediction, *(format(value, ".9g") for value in row)])
    text = buffer.getvalue()
    write_text(folder / f"{card.digest}.csv", text)
    content = {"format": FORMAT, **asdict(card), "csv_sha256": _sha256(text.encode())}
    write_text(folder / f"{card.digest}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read(folder: Path, digest: str) -> Predicted:
    """Reads a run.

    Raises:
        NotFound: it is not there.
        Mismatch: its predictions are not those that were written, or of another version.
    """
    card, raw = _whole(folder, digest)
    _, *rows = csv.reader(io.StringIO(raw.decode("utf-8"), newline=""))
    ids, truth, prediction = ([row[column] for row in rows] for column in range(3))
    probabilities = np.array([row[3:] for row in rows], dtype=np.float64)
    return Predicted(card, tuple(ids), Answers(truth, prediction, card.classes, probabilities))


def _whole(folder: Path, digest: str) -> tuple[Card, bytes]:
    """A run's card and the bytes of its table; raises as `read` does."""
    path = folder / f"{digest}.json"
    if not path.is_file():
        raise NotFound(f"there is no run {path}", do=_AGAIN)
    content = _content(path)
    if content.pop("format", FORMAT) != FORMAT:
        raise Mismatch(f"{path} is not of this version", do=_AGAIN)
    try:
        card = Card(**content | {name: tuple(content[name]) for name in _TUPLES})
    except (KeyError, TypeError):  # a name that is missing or unknown, or no list
        raise Mismatch(f"{path} is damaged", do=_AGAIN) from None
    table = path.with_suffix(".csv")
    raw = table.read_bytes() if table.is_file() else b""
    if _sha256(raw) != card.csv_sha256:
        raise Mismatch(f"{table} is damaged or missing", expected=f"sha256 {card.csv_sha256}", do=_AGAIN)
    return card, raw


def _content(path: Path) -> dict[str, Any]:
    """What a run's JSON holds; nothing where it cannot be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
