"""Read a benchmark back from its folder: its config, its folds, and every run's predictions.

R/benchmark.json    the config, the digests of the runs, what encoders were fine-tuned on
R/folds.json        the folds, every id, with their digest
R/utterances.csv    the utterances in the folds
R/flaws.json        the folds of each flawed protocol, only where the benchmark measures flaws
R/votes.json        the classes that each rater of an utterance chose, only where there are votes
R/runs/             each run's predictions (`benchmarks.grid.run_records`)
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.grid import run_records
from benchmarks.grid.equal_baselines import merge_equal_baselines
from benchmarks.grid.run_records import RecordedRun
from benchmarks.grid.system import System, group_by_system
from benchmarks.statistics.matrix_store import MatrixStore
from benchmarks.statistics.metrics import METRIC
from featurestore import manifest
from featurestore.errors import Mismatch, NotFound
from featurestore.folds import fold as folding
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance
from featurestore.storage.atomic import write_text
from featurestore.storage.json_files import read_object
from featurestore.votes import Choice

ABOUT, FOLDS, UTTERANCES, RUNS = "benchmark.json", "folds.json", "utterances.csv", "runs"
FLAWS, VOTES = "flaws.json", "votes.json"
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
class Results(Evaluation):
    """A finished benchmark; `about` also holds its config, as JSON.

    Args:
        controls: systems with less training data or with permuted test rows, which no table of systems shows.
        flaws: systems under a protocol flaw. Their test parts may be others than those of `folds`, so that they stand
            in a table of their own only.
        flaw_folds: the folds of each flawed protocol.
        hidden: systems whose test utterances lack a modality, in a share of the complete ones.
        headline: full name of the metric to rank and compare by; by default the benchmark's own.
        choices: by id, the classes that each rater named, of the utterances with a vote for a class.
    """

    systems: tuple[System, ...]
    controls: tuple[System, ...] = ()
    flaws: tuple[System, ...] = ()
    flaw_folds: Mapping[str, tuple[Fold, ...]] = field(default_factory=dict)
    hidden: tuple[System, ...] = ()
    headline: str = ""
    choices: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """Full name of the metric that systems are ranked and compared by."""
        return self.headline or self.searched_metric

    @property
    def searched_metric(self) -> str:
        """Full name of the benchmark's own metric, which a search chose settings by."""
        return str(self.about.get("metric", METRIC))


def write(
    out: Path,
    about: Mapping[str, Any],
    folds: Sequence[Fold],
    utterances: Sequence[Utterance],
    flaws: Mapping[str, Sequence[Fold]] | None = None,
    choices: Mapping[str, tuple[Choice, ...]] | None = None,
) -> None:
    """Write the files that all runs share.

    Args:
        out: the folder of the benchmark.
        about: config and data.
        folds: of the benchmark's own protocol.
        utterances: in the folds.
        flaws: the folds of flawed protocols, if they are measured.
        choices: by id, the classes that each rater named.
    """
    if flaws is not None:
        by_flaw = {name: folding.to_json(one) for name, one in flaws.items()}
        write_text(out / FLAWS, json.dumps(by_flaw, indent=1, ensure_ascii=False) + "\n")
    else:
        (out / FLAWS).unlink(missing_ok=True)  # of another benchmark in this folder
    if choices:
        write_text(out / VOTES, json.dumps(choices, ensure_ascii=False, separators=(",", ":")) + "\n")
    else:
        (out / VOTES).unlink(missing_ok=True)
    write_text(out / FOLDS, json.dumps(folding.to_json(folds), indent=1, ensure_ascii=False) + "\n")
    write_text(out / UTTERANCES, manifest.to_csv(utterances))
    write_text(out / ABOUT, json.dumps({"format": FORMAT, **about}, indent=1, ensure_ascii=False) + "\n")


def read_about(out: Path) -> dict[str, Any]:
    """Read what all runs of a benchmark share: its config, the digests of the runs, and its data.

    Raises:
        NotFound: there is no benchmark.
        Mismatch: the file is damaged or of another version.
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
    return about


def read(out: Path) -> Results:
    """Read a benchmark of classifiers.

    Raises:
        NotFound: there is no benchmark, or a run is missing.
        Mismatch: a file is damaged or of another version.
    """
    about, folds = read_about(out), read_folds(out)
    runs, matrices = _read_runs(out / RUNS, about["runs"], about["classes"])
    honest = [run for run in runs if not run.record.flaw]
    systems = merge_equal_baselines(group_by_system([run for run in honest if not run.record.is_control], matrices))
    repeated = {name for system in systems for name in system.equals}
    changed = [run for run in honest if run.record.is_control]
    controls, hidden, flaws = (
        group_by_system([run for run in chosen if run.record.system not in repeated], matrices)
        for chosen in (
            [run for run in changed if not run.record.hidden],
            [run for run in changed if run.record.hidden],
            [run for run in runs if run.record.flaw],
        )
    )
    flaw_folds = _read_flaw_folds(out / FLAWS) if "flaws" in about else {}
    choices = _read_choices(out / VOTES) if (out / VOTES).is_file() else {}
    utterances = read_utterances(out)
    return Results(about, folds, utterances, systems, controls, flaws, flaw_folds, hidden=hidden, choices=choices)


def _read_runs(folder: Path, digests: Sequence[str], ids: Iterable[str]) -> tuple[list[RecordedRun], MatrixStore]:
    """Read the runs, their ids shared and their probabilities within the limit of memory."""
    found, matrices = [], MatrixStore()
    known = {one: one for one in ids}
    parts: dict[tuple[str, ...], tuple[str, ...]] = {}
    for digest in digests:
        run = run_records.read(folder, digest)
        own = tuple(known.get(one, one) for one in run.ids)
        answers = replace(run.answers, probabilities=matrices.keep(np.asarray(run.answers.probabilities)))
        found.append(RecordedRun(run.record, parts.setdefault(own, own), answers))
    return found, matrices


def read_folds(out: Path) -> tuple[Fold, ...]:
    """Read the folds of a benchmark."""
    return _parse_folds(out / FOLDS, read_object(out / FOLDS, do=_AGAIN))


def read_utterances(out: Path) -> Sequence[Utterance]:
    """Read the utterances in the folds of a benchmark."""
    return manifest.read(out / UTTERANCES)


def _read_choices(path: Path) -> dict[str, tuple[Choice, ...]]:
    try:
        return {one: tuple(map(tuple, found)) for one, found in read_object(path, do=_AGAIN).items()}
    except TypeError:
        raise Mismatch(f"{path} is damaged", do=_AGAIN) from None


def _read_flaw_folds(path: Path) -> dict[str, tuple[Fold, ...]]:
    return {name: _parse_folds(path, content) for name, content in read_object(path, do=_AGAIN).items()}


def _parse_folds(path: Path, content: Any) -> tuple[Fold, ...]:
    try:
        return tuple(folding.from_json(content))
    except (KeyError, TypeError):
        raise Mismatch(f"{path} is damaged", do=_AGAIN) from None
