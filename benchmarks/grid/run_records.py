"""Write and read a run: a CSV with a row for each utterance, and a JSON record of the run.

The JSON is written last and holds the sha256 of the CSV. If it exists, the run is complete.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.evaluation.baselines import is_baseline
from benchmarks.evaluation.head_settings import SEED
from benchmarks.evaluation.missing_policy import draws_rows
from benchmarks.evaluation.run import RunResult
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.soft_labels import LABELS
from benchmarks.grid.prediction_table import read_table, write_table
from benchmarks.statistics.answers import Answers
from featurestore.errors import Mismatch, Problem
from featurestore.head_inputs import describe_approximation
from featurestore.storage.atomic import write_text
from featurestore.storage.checksum import hash_file
from featurestore.storage.json_files import read_object

FORMAT = 2
CURVES = ("loss", "accuracy")  # of a head's `history_`, kept per epoch
_TUPLES = ("features", "files", "classes")  # fields that are lists in JSON
# fields whose JSON key is the name of an earlier version
_KEYS = {"search": "tune", "train_size": "share", "permuted": "shuffled", "stochastic": "drawn"}
_MASKED = ("missing", "modality_dropout", "hidden", "hidden_share", "lacking")
_NEW = (
    "context",
    "flaw",
    "epoch",
    "streamed",
    "approximation",
    *_MASKED,
    "train_on",
    "targets",
)  # keys that records of the first version lack
_AGAIN = "run the same cli benchmark again: intact runs are kept"


@dataclass(frozen=True)
class RunRecord:
    """The specification and the outcome of a run, as plain JSON.

    Args:
        digest: of the specification; the name of the run's files.
        system: the name of the system that the run belongs to: head, feature set, normalization and logits. A control
            has the name of the system that it is compared with.
        head: its registry name.
        feature_set: its name.
        features: in column order.
        files: the features as they were read: `text@1.mean`.
        logits: the kind of logits; empty if there is only one.
        normalize: `none`, `global` or `speaker`.
        protocol: its registry name.
        fold: its name.
        seed: of the head.
        stochastic: whether the head depends on the seed.
        search: how many drawn settings were tried on dev.
        train_size: the part of training that was fitted on, above 0 and at most 1; below 1 the run is a control.
        permuted: the modality whose test rows were permuted, `text` or `audio`, which makes the run a control; else
            empty.
        params: the settings that were used.
        train: number of utterances fitted on; `dev` chosen on; `test` measured on.
        leak: which encoder was fine-tuned on test utterances, or an empty string.
        seconds: `tune` (the search), `fit`, and `predict` on the unchanged test part.
        peak_mb: the peak memory of the process that ran it.
        bundle_bytes: size of the fitted head's weights in a bundle.
        history: by epoch, of a head that learns in epochs: `loss` (mean cross entropy in nats) and `accuracy` (0 to 1)
            on its training rows; else empty.
        classes: of the probabilities, in order.
        csv_sha256: of the predictions.
        context: the turns that the head sees of a dialogue: `whole dialogue`, `past turns`, or an empty string for
            none, as in the records of earlier versions.
        flaw: the protocol flaw that the run measures, which makes it a control: the name of a protocol that the system
            was run by, or `best epoch on test`; else empty.
        epoch: the epoch that was chosen on the test part under `best epoch on test`, counted from 1; else 0.
        streamed: whether rows were read in batches, and the matrix was never in memory.
        approximation: what the fitted head approximates, and why; empty if nothing.
        missing: what is done with utterances that lack a modality: `mask` or `both-trained`; empty if they are dropped.
        modality_dropout: the part of the complete training utterances that lost one modality.
        hidden: the modality that a share of the test utterances was predicted without, `text` or `audio`, which makes
            the run a control; else empty.
        hidden_share: that share of the complete test utterances, above 0 and at most 1; else 0.
        lacking: the number of test utterances by the modality that they were predicted without; `complete` is one.
        train_on: `votes` if the head learned their distributions; empty for labels, as in records of earlier versions.
        targets: names of the values that a regressor predicts; empty where classes are predicted.
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
    stochastic: bool
    search: int
    train_size: float
    permuted: str
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
    context: str = ""
    flaw: str = ""
    epoch: int = 0
    streamed: bool = False
    approximation: str = ""
    missing: str = ""
    modality_dropout: float = 0.0
    hidden: str = ""
    hidden_share: float = 0.0
    lacking: Mapping[str, int] = field(default_factory=dict)
    train_on: str = ""
    targets: tuple[str, ...] = ()

    @property
    def is_control(self) -> bool:
        """Whether the run is a control of a system and not a system itself."""
        return self.train_size < 1 or bool(self.permuted or self.hidden or self.flaw)

    @property
    def fitted_on(self) -> int:
        """The number of utterances that the head was fitted on, after a search including dev."""
        return self.train + (self.dev if self.search else 0)

    @classmethod
    def from_run(
        cls, spec: RunSpec, result: RunResult, digest: str, bundle_bytes: int, lacking: Mapping[str, int] | None = None
    ) -> Self:
        """Record a run that has ended, with what its test utterances were lacking."""
        return cls(
            digest=digest,
            system=spec.system,
            head=spec.head,
            feature_set=spec.feature_set,
            features=spec.features,
            files=tuple(map(str, spec.inputs.all_files)),
            logits=spec.logits,
            normalize=spec.normalize,
            protocol=spec.protocol,
            fold=spec.fold.name,
            seed=spec.seed,
            stochastic=SEED in spec.params or (draws_rows(spec.missing) and not is_baseline(spec.head)),
            search=spec.search,
            train_size=spec.train_size,
            permuted=spec.permuted.modality if spec.permuted else "",
            params={name: _to_plain(value) for name, value in result.params.items()},
            train=len(spec.fold.train),
            dev=len(spec.fold.dev),
            test=len(spec.fold.test),
            leak=spec.leak,
            seconds=result.seconds,
            peak_mb=result.peak_mb,
            bundle_bytes=bundle_bytes,
            history=_read_history(result.head),
            classes=() if spec.targets else tuple(map(str, result.head.classes_)),
            context=spec.context,
            flaw=spec.flaw,
            epoch=result.epoch,
            streamed=result.streamed,
            approximation=describe_approximation(result.head),
            missing=spec.missing.mode if spec.missing else "",
            modality_dropout=spec.missing.dropout if spec.missing else 0.0,
            hidden=spec.hidden.modality if spec.hidden else "",
            hidden_share=spec.hidden.share if spec.hidden else 0.0,
            lacking=lacking or {},
            train_on="" if spec.train_on == LABELS else spec.train_on,
            targets=spec.targets,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the record with the keys that are on disk: those of the first version, and new ones that are set."""
        content = {_KEYS.get(name, name): value for name, value in asdict(self).items()}
        return {key: value for key, value in content.items() if value or key not in _NEW}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read a record that `to_json` returned.

        Raises:
            KeyError, TypeError: a key is missing or unknown, or has the wrong type.
        """
        names = {key: name for name, key in _KEYS.items()}
        found = {names.get(key, key): value for key, value in content.items()}
        found |= {name: tuple(found[name]) for name in _TUPLES}
        return cls(**found | {"targets": tuple(found.get("targets", ()))})


@dataclass(frozen=True)
class RecordedRun:
    """A run that was read from disk.

    Args:
        record: of the run.
        ids: of its test part (N,).
        answers: truth, predictions and probabilities, in the order of `ids`.
    """

    record: RunRecord
    ids: tuple[str, ...]
    answers: Answers


def is_done(folder: Path, digest: str) -> bool:
    """Tell whether a run is complete, undamaged and of this version."""
    try:
        read_record(folder, digest)
    except Problem:
        return False
    return True


def write(folder: Path, record: RunRecord, ids: Sequence[str], answers: Answers) -> None:
    """Write a run, each file atomically, the JSON last.

    Args:
        folder: of the runs.
        record: of the run; `csv_sha256` is filled in.
        ids: of the test part (N,).
        answers: with probabilities in the order of `record.classes`.
    """
    write_record(folder, record, write_table(locate_table(folder, record.digest), record.classes, ids, answers))


def write_record(folder: Path, record: RunRecord, csv_sha256: str) -> None:
    """Write the record of a run whose table has this sha256."""
    content = {"format": FORMAT, **record.to_json(), "csv_sha256": csv_sha256}
    write_text(folder / f"{record.digest}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read(folder: Path, digest: str) -> RecordedRun:
    """Read a run.

    Raises:
        NotFound: there is no such run.
        Mismatch: its predictions changed after they were written, or it is of another version.
    """
    record = read_record(folder, digest)
    ids, truth, prediction, probabilities = read_table(locate_table(folder, digest), len(record.classes))
    return RecordedRun(record, ids, Answers(truth, prediction, record.classes, probabilities))


def read_record(folder: Path, digest: str) -> RunRecord:
    """Read a run's record and check its table, and raise as `read` does."""
    path = folder / f"{digest}.json"
    content = read_object(path, do=_AGAIN)
    if content.pop("format", FORMAT) != FORMAT:
        raise Mismatch(f"{path} is of another version", do=_AGAIN)
    try:
        record = RunRecord.from_json(content)
    except (KeyError, TypeError):
        raise Mismatch(f"{path} is damaged", do=_AGAIN) from None
    table = locate_table(folder, digest)
    if not table.is_file() or hash_file(table) != record.csv_sha256:
        raise Mismatch(f"{table} is damaged or missing", expected=f"sha256 {record.csv_sha256}", do=_AGAIN)
    return record


def locate_table(folder: Path, digest: str) -> Path:
    """Return the path of a run's table."""
    return folder / f"{digest}.csv"


def _read_history(head: Any) -> dict[str, list[float]]:
    """Read the curves of a head that learns in epochs, by name."""
    lines = getattr(head, "history_", [])
    found = [name for name in CURVES if lines and all(name in line for line in lines)]
    return {name: [line[name] for line in lines] for name in found}


def _to_plain(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    return [_to_plain(item) for item in value] if isinstance(value, (list, tuple)) else str(value)
