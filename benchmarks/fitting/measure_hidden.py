"""Measure a fitted head with a modality hidden in its test parts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from benchmarks.evaluation.hidden_modality import COMPLETE, HiddenModality, sort_lacking
from benchmarks.evaluation.missing_policy import MissingPolicy
from benchmarks.evaluation.run import RunResult
from benchmarks.evaluation.run_spec import RunSpec
from benchmarks.evaluation.task import Task
from benchmarks.grid.plan import BenchmarkPlan
from benchmarks.statistics.clusters import choose_clusters
from benchmarks.statistics.formatting import format_interval
from benchmarks.statistics.intervals import Interval, estimate_intervals
from featurestore.manifest import keep_ids


@dataclass(frozen=True)
class HiddenResult:
    """Figures of all test utterances together, of which a share of the complete ones was predicted without a modality.

    Args:
        hidden: the modality and the share; None for the unchanged test parts.
        lacking: the number of utterances by the modality that they were predicted without.
        metrics: by full name.
        leaked: whether an encoder was fine-tuned on a test part.
    """

    hidden: HiddenModality | None
    lacking: Mapping[str, int]
    metrics: Mapping[str, Interval]
    leaked: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON, with a `share` of 0 for the unchanged test parts."""
        mark = {"leaked": True} if self.leaked else {}
        return {
            "modality": self.hidden.modality if self.hidden else "",
            "share": self.hidden.share if self.hidden else 0.0,
            "lacking": dict(self.lacking),
            "metrics": {
                name: {"value": one.value, "low": one.low, "high": one.high, "n": one.n} | mark
                for name, one in self.metrics.items()
            },
        }


def separate_hidden(planned: BenchmarkPlan) -> tuple[BenchmarkPlan, tuple[HiddenModality, ...]]:
    """Return a plan of one head without the runs that hide a modality, and what they hide."""
    hidden = dict.fromkeys(spec.hidden for spec in planned.specs if spec.hidden)
    return replace(planned, specs=tuple(spec for spec in planned.specs if not spec.hidden)), tuple(hidden)


def measure_hidden(
    task: Task, specs: Sequence[RunSpec], results: Sequence[RunResult], hidden: Sequence[HiddenModality]
) -> tuple[HiddenResult, ...]:
    """Measure each answer of the runs of one head, the unchanged test parts first, or nothing if none is hidden.

    Args:
        task: the utterances.
        specs: of the runs, fold by fold.
        results: of the same runs, with one answer for the unchanged test part and one for each of `hidden`.
        hidden: what the further answers do without.
    """
    if not hidden:
        return ()
    ids = list(chain.from_iterable(result.utterance_ids for result in results))
    truth = [spec.classes[one] for spec, result in zip(specs, results, strict=True) for one in result.utterance_ids]
    clusters = choose_clusters(keep_ids(task.store.utterances, set(ids))).for_ids(ids)
    leaked = any(spec.leak for spec in specs)
    found = []
    for number, one in enumerate((None, *hidden)):
        answers = [result.answers[number] for result in results]
        prediction = list(chain.from_iterable(answer.prediction for answer in answers))
        lacking = sum((Counter(answer.lacking) for answer in answers), Counter[str]())
        metrics = estimate_intervals(truth, prediction, clusters=clusters, seed=task.seed)
        found.append(HiddenResult(one, dict(lacking), metrics, leaked))
    return tuple(found)


def describe_masking(policy: MissingPolicy | None, head: Any, found: Sequence[HiddenResult]) -> dict[str, Any]:
    """Describe for a bundle what its head can do without, or nothing for a head that needs every modality.

    Args:
        policy: of its run.
        head: fitted on what the bundle is fitted on.
        found: the figures of the held-out parts.
    """
    if policy is None:
        return {}
    return {
        "mode": policy.mode,
        "dropout": policy.dropout,
        "training": dict(head.shown_),
        "without": {
            one.hidden.modality: one.to_json()["metrics"] for one in found if one.hidden and one.hidden.share == 1
        },
    }


def list_cells(found: Sequence[HiddenResult]) -> Iterator[list[str]]:
    """Yield the cells of a table for a user: a header, and a line for each share of each modality."""
    names = sort_lacking(name for one in found for name in one.lacking)
    metrics = [name.replace("_", " ") + " %" for name in found[0].metrics]
    yield ["hidden in test", *(name if name == COMPLETE else f"without {name}" for name in names), *metrics]
    for one in found:
        counts = [str(one.lacking.get(name, 0)) for name in names]
        mark = "!" if one.leaked else ""
        figures = [format_interval(f.value, f.low, f.high, mark) for f in one.metrics.values()]
        yield [f"{one.hidden.modality} {100 * one.hidden.share:g} %" if one.hidden else "nothing", *counts, *figures]
