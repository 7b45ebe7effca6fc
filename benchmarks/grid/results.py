"""Read a benchmark back from its folder: its config, its folds, and every run's predictions.

R/benchmark.json    the config, the digests of the runs, what encoders were fine-tuned on
R/folds.json        the folds, every id, with their digest
R/utterances.csv    the utterances in the folds
R/flaws.json        the folds of each flawed protocol, only where the benchmark measures flaws
R/runs/             each run's predictions (`benchmarks.grid.run_records`)
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.grid import run_records
from benchmarks.grid.run_records import RecordedRun, RunRecord
from benchmarks.statistics.answers import Answers
from featurestore import manifest
from featurestore.errors import Mismatch, NotFound
from featurestore.folds import fold as folding
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance
from featurestore.storage.atomic import write_text
from featurestore.storage.json_files import read_object

ABOUT, FOLDS, UTTERANCES, RUNS = "benchmark.json", "folds.json", "utterances.csv", "runs"
FLAWS = "flaws.json"
FORMAT = 2
_AGAIN = "run the same cli benchmark again: finished runs are kept"
# of benchmark.json, written by every version
_KEYS = (
    *(
        "corpus",
        "manifest_sha256",
        "labels",
        "classes",
        "dropped",
        "encoders",
        "protocol",
        "split_seed",
        "folds_sha256",
    ),
    *("heads", "feature_sets", "normalize", "seeds", "tune", "left_out", "published", "command", "machine", "versions"),
    "runs",
)


@dataclass(frozen=True)
class System:
    """One head on one feature set over all folds, or a control of such a system.

    Args:
        name: its name in all results. For a control, `record.system` is the name of its system.
        runs: every fold and seed.
    """

    name: str
    runs: tuple[RecordedRun, ...]

    @property
    def record(self) -> RunRecord:
        """The record of its first run, for the fields that all its runs share."""
        return self.runs[0].record

    @property
    def seeds(self) -> list[int]:
        """The seeds that it was run with."""
        return sorted({run.record.seed for run in self.runs})

    @cached_property
    def pooled(self) -> list[Answers]:
        """For each seed the answers of all folds together, sorted by id."""
        return [_pool([run for run in self.runs if run.record.seed == seed]) for seed in self.seeds]

    @property
    def leak(self) -> str:
        """The leaks of its folds, in one line."""
        return "; ".join(dict.fromkeys(run.record.leak for run in self.runs if run.record.leak))


@dataclass(frozen=True)
class Results(Evaluation):
    """A finished benchmark; `about` also holds its config, as JSON.

    Args:
        controls: systems with less training data or with permuted test rows, which no table of systems shows.
        flaws: systems under a protocol flaw. Their test parts may be others than those of `folds`, so that they stand
            in a table of their own only.
        flaw_folds: the folds of each flawed protocol.
    """

    systems: tuple[System, ...]
    controls: tuple[System, ...] = ()
    flaws: tuple[System, ...] = ()
    flaw_folds: Mapping[str, tuple[Fold, ...]] = field(default_factory=dict)


def write(
    out: Path,
    about: Mapping[str, Any],
    folds: Sequence[Fold],
    utterances: Sequence[Utterance],
    flaws: Mapping[str, Sequence[Fold]] | None = None,
) -> None:
    """Write the files that all runs share, `flaws` being the folds of flawed protocols if they are measured."""
    if flaws is not None:
        by_flaw = {name: folding.to_json(one) for name, one in flaws.items()}
        write_text(out / FLAWS, json.dumps(by_flaw, indent=1, ensure_ascii=False) + "\n")
    else:
        (out / FLAWS).unlink(missing_ok=True)  # of another benchmark in this folder
    write_text(out / FOLDS, json.dumps(folding.to_json(folds), indent=1, ensure_ascii=False) + "\n")
    write_text(out / UTTERANCES, manifest.to_csv(utterances))
    write_text(out / ABOUT, json.dumps({"format": FORMAT, **about}, indent=1, ensure_ascii=False) + "\n")


def read(out: Path) -> Results:
    """Read a benchmark.

    Raises:
        NotFound: there is no benchmark, or a run is missing.
        Mismatch: a file is damaged or of another version.
    """
    if not (out / ABOUT).is_file():
        raise NotFound(
            f"there is no benchmark in {out}",
            do="name the --out folder of a benchmark, or run one: cli benchmark --heads prior,svm --out results",
        )
    about = read_object(out / ABOUT, do=_AGAIN)
    if about.get("format") != FORMAT:
        raise Mismatch(f"{out / ABOUT} is of another version", do="run the benchmark again with another --out")
    if missing := [key for key in _KEYS if key not in about]:
        raise Mismatch(f"{out / ABOUT} is damaged", expected=f"the keys {', '.join(missing)}", do=_AGAIN)
    folds = _read_folds(out / FOLDS)
    runs = [run_records.read(out / RUNS, digest) for digest in about["runs"]]
    flawed = [run for run in runs if run.record.flaw]
    systems, controls = (
        _group_by_system([run for run in runs if run.record.is_control == control and not run.record.flaw])
        for control in (False, True)
    )
    flaw_folds = _read_flaw_folds(out / FLAWS) if "flaws" in about else {}
    utterances = manifest.read(out / UTTERANCES)
    return Results(about, folds, utterances, systems, controls, _group_by_system(flawed), flaw_folds)


def _read_folds(path: Path) -> tuple[Fold, ...]:
    return _parse_folds(path, read_object(path, do=_AGAIN))


def _read_flaw_folds(path: Path) -> dict[str, tuple[Fold, ...]]:
    return {name: _parse_folds(path, content) for name, content in read_object(path, do=_AGAIN).items()}


def _parse_folds(path: Path, content: Any) -> tuple[Fold, ...]:
    try:
        return tuple(folding.from_json(content))
    except (KeyError, TypeError):
        raise Mismatch(f"{path} is damaged", do=_AGAIN) from None


def _group_by_system(runs: Sequence[RecordedRun]) -> tuple[System, ...]:
    found: dict[str, list[RecordedRun]] = {}
    for run in runs:
        found.setdefault(_name_system(run.record), []).append(run)
    return tuple(System(name, tuple(members)) for name, members in found.items())


def _name_system(record: RunRecord) -> str:
    train_size = [f"train size {record.train_size:g}"] if record.train_size < 1 else []
    permuted = [f"{record.permuted} permuted"] if record.permuted else []
    is_protocol = record.flaw == record.protocol
    flaw = [f"protocol {record.flaw}" if is_protocol else record.flaw] if record.flaw else []
    return ", ".join([record.system, *train_size, *permuted, *flaw])


def _pool(runs: Sequence[RecordedRun]) -> Answers:
    classes = sorted({name for run in runs for name in run.record.classes})
    rows = sorted(
        (utterance_id, run.answers.truth[row], run.answers.prediction[row], number, row)
        for number, run in enumerate(runs)
        for row, utterance_id in enumerate(run.ids)
    )
    aligned = [_align_probabilities(run, classes) for run in runs]
    probabilities = np.array([aligned[number][row] for _, _, _, number, row in rows])
    return Answers([row[1] for row in rows], [row[2] for row in rows], classes, probabilities)


def _align_probabilities(run: RecordedRun, classes: Sequence[str]) -> np.ndarray:
    """Return a run's probabilities with a column for each class, 0 for a class that the run did not know."""
    found = run.answers.probabilities
    if found is None or list(run.record.classes) == list(classes):
        return np.asarray(found)
    place = [classes.index(name) for name in run.record.classes]
    out = np.zeros((len(found), len(classes)))
    out[:, place] = found
    return out
