"""Run a benchmark: every run of its plan, one thread per process; finished runs are not repeated."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.evaluation import run
from benchmarks.evaluation.run_spec import RunSpec, digest
from benchmarks.evaluation.source import FeatureSource
from benchmarks.grid import machine, results, run_records
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import BenchmarkPlan, plan
from benchmarks.grid.run_records import RunRecord
from benchmarks.statistics.answers import Answers
from featurestore import labels, registry
from featurestore.engines import Engine
from featurestore.engines.parallel import run_each
from featurestore.errors import Unavailable
from featurestore.folds import fold as cuts
from featurestore.normalization import NOTES
from featurestore.plugin_errors import explain_errors
from featurestore.prediction.bundle import read_versions
from featurestore.prediction.save_bundle import measure_weights
from featurestore.storage.json_files import find_object

__all__ = ["BenchmarkConfig", "PlannedRun", "benchmark", "execute"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class PlannedRun:
    """A run of the plan.

    Args:
        spec: all that shapes it.
        digest: of the spec.
        fit_digest: of the run whose fitted head it asks; its own unless its test rows are permuted.
    """

    spec: RunSpec
    digest: str
    fit_digest: str


def benchmark(
    store: FeatureSource,
    config: BenchmarkConfig,
    out: Path,
    *,
    engine: Engine | None = None,
    command: str = "",
    say: Say = lambda line: None,
) -> list[str]:
    """Run what is missing and write the benchmark into `out`.

    A report is made from these files alone.

    Args:
        store: features of one corpus, or a pair of stores.
        config: what to compare.
        out: the folder of the benchmark; for a cluster, as the store, on storage that every worker shares.
        engine: where the runs are made; by default worker processes here.
        command: that the user typed; by default the one that asks for this.
        say: receives lines for the user.

    Returns:
        The digests of all runs.

    Raises:
        UnknownName, BadValue, Mismatch: as the parts raise.
        Leakage: an encoder was fine-tuned on test utterances.
        Unavailable: a worker died for good, none was there for a while, or what one wrote is not on this machine;
            finished runs are on disk.
    """
    return execute(plan(store, config, say), out, engine=engine, command=command, say=say)


def execute(
    planned: BenchmarkPlan,
    out: Path,
    *,
    engine: Engine | None = None,
    command: str = "",
    say: Say = lambda line: None,
) -> list[str]:
    """Run a plan as `benchmark` does."""
    engine, store, folder = engine or Engine(), planned.task.store, out / results.RUNS
    for leftover in folder.glob(".*.tmp"):  # half written by a run that was killed
        leftover.unlink()
    runs = _identify_runs(planned)
    missing = [one for one in runs if not run_records.is_done(folder, one.digest)]
    about = _describe_benchmark(
        planned,
        runs,
        command or planned.config.command(store.path, out),
        _describe_machine(out, engine, new=bool(missing)),
    )
    parts = [(*fold.train, *fold.dev, *fold.test, *fold.unused) for fold in planned.folds]
    kept = {utterance_id for ids in parts for utterance_id in ids}
    results.write(out, about, planned.folds, [row for row in store.utterances if row.id in kept])
    say(f"{len(runs)} runs, {len(runs) - len(missing)} of them done already")
    fits = len({one.fit_digest for one in missing})
    if fits < len(missing):
        say(f"{fits} fits make the other {len(missing)}: permuted runs share a fitted head")
    _run_all(store, missing, folder.resolve(), engine, say)
    return [one.digest for one in runs]


def _identify_runs(planned: BenchmarkPlan) -> list[PlannedRun]:
    store, libraries = planned.task.store, read_versions()
    found: list[PlannedRun] = []
    for spec in planned.specs:
        own = digest(store, spec, libraries)
        # a permuted run follows the run whose fitted head it asks
        found.append(PlannedRun(spec, own, found[-1].fit_digest if spec.permuted else own))
    return found


def _describe_benchmark(
    planned: BenchmarkPlan, runs: Sequence[PlannedRun], command: str, machine: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe config, data, machine and command, as `benchmark.json` holds them."""
    config, task = planned.config, planned.task
    return {
        "corpus": task.store.corpus,
        "manifest_sha256": task.store.manifest_digest,
        "labels": task.labels,
        "label_maps": task.label_maps,
        **planned.describe_data(),
        "protocol": task.protocol,
        "split_seed": task.seed,
        "folds_sha256": cuts.digest(planned.folds),
        "heads": list(config.heads),
        "feature_sets": {one.name: list(map(str, one.features)) for one in planned.features},
        "normalize": {name: NOTES[name] for name in config.normalize},
        "seeds": list(config.seeds),
        "left_out": task.count_left_out(),
        "published": _list_published_figures(task.store.corpus, task.labels),
        "command": command,
        "machine": dict(machine),
        "versions": read_versions(),
        "runs": [one.digest for one in runs],
    }


def _list_published_figures(corpus: str, scheme: str) -> list[dict[str, Any]]:
    """List the figures of the corpus's card that were measured on the same classes."""
    if corpus not in registry.names("corpora"):
        return []
    return [asdict(one) for one in labels.load_card(corpus).published if one.labels == scheme]


def _describe_machine(out: Path, engine: Engine, *, new: bool) -> Mapping[str, Any]:
    """Describe this machine and the cluster that works for it.

    Where nothing is left to run, the description on disk stays: the seconds there were measured on that machine.
    """
    before = None if new else (find_object(out / results.ABOUT) or {}).get("machine")
    cluster = {} if engine.local else {"engine": f"{engine.name} {engine.scheduler}".strip()}
    return before or machine.describe() | cluster


def _run_all(store: FeatureSource, missing: Sequence[PlannedRun], folder: Path, engine: Engine, say: Say) -> None:
    """Run those that ask the same fitted head together."""
    by_fit: dict[str, list[PlannedRun]] = {}
    for one in missing:
        by_fit.setdefault(one.fit_digest, []).append(one)
    if not by_fit:
        return
    # the longest first, so that no core waits long for the last
    groups = sorted(by_fit.values(), key=lambda group: -_estimate_cost(group[0].spec))
    tasks = [(store, group, folder) for group in groups]
    with closing(run_each(_run_together, tasks, engine, say=say, resumable=True)) as lines:  # the workers end with it
        for number, (group, line) in enumerate(zip(groups, lines, strict=True), 1):
            _check_visible(group, folder, engine)
            say(f"{number}/{len(tasks)} {line}")


def _check_visible(group: Sequence[PlannedRun], folder: Path, engine: Engine) -> None:
    if engine.local or all(run_records.is_done(folder, one.digest) for one in group):
        return
    raise Unavailable(
        f"a {engine.name} worker wrote a run to {folder}, and it is not here",
        expected="a folder of results on storage that every worker and this machine share, under the same path",
        do="name one there: --out FOLDER, or use --engine loky",
    )


def _estimate_cost(spec: RunSpec) -> float:
    """Estimate how long a run takes relative to the others."""
    return float(registry.load("heads", spec.head).COST) * len(spec.fold.train) * spec.train_size


def _run_together(store: FeatureSource, group: Sequence[PlannedRun], folder: Path) -> str:
    """Fit one head and write the runs that ask it."""
    spec = group[0].spec
    result = run.execute(store, spec, [one.spec.permuted for one in group])
    with explain_errors("heads", spec.head, "save_weights"):
        size = measure_weights(result.head)
    truth = [spec.classes[utterance_id] for utterance_id in result.utterance_ids]
    for one, answer in zip(group, result.answers, strict=True):
        record = RunRecord.from_run(one.spec, result, one.digest, size)
        answers = Answers(truth, answer.prediction, record.classes, answer.probabilities)
        run_records.write(folder, record, result.utterance_ids, answers)
    train_size = f", {spec.train_size:g} of training" if spec.train_size < 1 else ""
    searched = f"{result.seconds['tune']:.1f} s to choose settings, " if spec.search else ""
    return (
        f"{spec.system}{train_size}, fold {spec.fold.name}, seed {spec.seed}: {searched}"
        f"{result.seconds['fit']:.1f} s to fit"
    )
