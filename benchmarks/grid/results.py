"""A benchmark read back from its folder: what was asked, how it was cut, and every run's predictions.

R/benchmark.json    what was asked, the digests of its runs, what encoders were tuned on
R/folds.json        the folds, every id, with their digest
R/utterances.csv    the utterances that are in them
R/runs/             each run's predictions (`benchmarks.grid.predictions`)
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation.evaluation import Evaluation
from benchmarks.grid import predictions
from benchmarks.grid.predictions import Card, Predicted
from benchmarks.statistics.answers import Answers
from featurestore import manifest
from featurestore.errors import Mismatch, NotFound, quoted
from featurestore.folds import fold as cuts
from featurestore.folds.fold import Fold
from featurestore.manifest import Utterance
from featurestore.storage.atomic import write_text

ABOUT, FOLDS, UTTERANCES, RUNS = "benchmark.json", "folds.json", "utterances.csv", "runs"
FORMAT = 2
_AGAIN = "run the same cli benchmark again: finished runs are kept"


@dataclass(frozen=True)
class System:
    """One head on one feature set, over all folds; or a control of one.

    Args:
        name: what it is called everywhere; `card.system` of a control is the name of its system.
        runs: every fold and seed.
    """

    name: str
    runs: tuple[Predicted, ...]

    @property
    def card(self) -> Card:
        """Of one of its runs: what holds for all of them."""
        return self.runs[0].card

    @property
    def seeds(self) -> list[int]:
        """Those that it was run with."""
        return sorted({run.card.seed for run in self.runs})

    @cached_property
    def pooled(self) -> list[Answers]:
        """For each seed the answers of all folds together, by id in alphabetical order."""
        return [self._pooled([run for run in self.runs if run.card.seed == seed]) for seed in self.seeds]

    @property
    def leak(self) -> str:
        """What leaks, over its folds."""
        return "; ".join(dict.fromkeys(run.card.leak for run in self.runs if run.card.leak))

    def _pooled(self, runs: Sequence[Predicted]) -> Answers:
        classes = sorted({name for run in runs for name in run.card.classes})
        rows = sorted(
            (name, run.answers.truth[row], run.answers.prediction[row], number, row)
            for number, run in enumerate(runs)
            for row, name in enumerate(run.ids)
        )
        aligned = [_aligned(run, classes) for run in runs]
        probabilities = np.array([aligned[number][row] for _, _, _, number, row in rows])
        return Answers([row[1] for row in rows], [row[2] for row in rows], classes, probabilities)


@dataclass(frozen=True)
class Results(Evaluation):
    """A benchmark; `about` also holds what was asked, as JSON.

    Args:
        controls: the systems on a share of their training part, or asked about permuted rows; in no table of systems.
    """

    systems: tuple[System, ...]
    controls: tuple[System, ...] = ()


def write(out: Path, about: Mapping[str, Any], folds: Sequence[Fold], utterances: Sequence[Utterance]) -> None:
    """Writes what belongs to all runs."""
    write_text(out / FOLDS, json.dumps(cuts.to_json(folds), indent=1, ensure_ascii=False) + "\n")
    write_text(out / UTTERANCES, manifest.to_csv(utterances))
    write_text(out / ABOUT, json.dumps({"format": FORMAT, **about}, indent=1, ensure_ascii=False) + "\n")


def read(out: Path) -> Results:
    """Reads a benchmark.

    Raises:
        NotFound: there is none, or a run is missing.
        Mismatch: it is damaged or of another version.
    """
    if not (out / ABOUT).is_file():
        raise NotFound(f"there is no benchmark in {out}", do=f"cli benchmark --heads … --out {quoted(out)}")
    about, cut = (_json(out / name) for name in (ABOUT, FOLDS))
    if about.get("format") != FORMAT:
        raise Mismatch(f"{out / ABOUT} is not of this version", do="run the benchmark again with another --out")
    folds = tuple(cuts.from_json(cut))
    runs = [predictions.read(out / RUNS, digest) for digest in about["runs"]]
    systems, controls = (_systems([run for run in runs if run.card.is_control == control]) for control in (False, True))
    return Results(about, folds, manifest.read(out / UTTERANCES), systems, controls)


def _systems(runs: Sequence[Predicted]) -> tuple[System, ...]:
    found: dict[str, list[Predicted]] = {}
    for run in runs:
        found.setdefault(_name(run.card), []).append(run)
    return tuple(System(name, tuple(members)) for name, members in found.items())


def _name(card: Card) -> str:
    share = [f"{card.share:g} of training"] if card.share < 1 else []
    shuffled = [f"{card.shuffled} shuffled"] if card.shuffled else []
    return ", ".join([card.system, *share, *shuffled])


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFound(f"there is no {path}", do=_AGAIN) from None
    except ValueError as error:
        raise Mismatch(f"{path} is damaged: {error}", do=_AGAIN) from None
    if not isinstance(found, dict):
        raise Mismatch(f"{path} is damaged", expected="a JSON object", got=type(found).__name__, do=_AGAIN)
    return found


def _aligned(run: Predicted, classes: Sequence[str]) -> np.ndarray:
    """Its probabilities with a column for each class; 0 where the run did not know one."""
    found = run.answers.probabilities
    if found is None or list(run.card.classes) == list(classes):
        return np.asarray(found)
    place = [classes.index(name) for name in run.card.classes]
    out = np.zeros((len(found), len(classes)))
    out[:, place] = found
    return out
