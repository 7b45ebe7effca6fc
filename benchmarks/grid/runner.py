"""Run the missing runs of a benchmark's plan in worker processes of one thread, and describe the benchmark."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.evaluation import run
from benchmarks.evaluation.recognized import measure_transcripts
from benchmarks.evaluation.run import RunResult
from benchmarks.evaluation.run_spec import RunSpec, digest
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.value_predictions import stack_ratings
from benchmarks.grid import machine, results, run_records
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import BenchmarkPlan, plan
from benchmarks.grid.run_records import RunRecord
from benchmarks.grid.value_records import write_value_run
from benchmarks.statistics.answers import Answers
from benchmarks.statistics.value_answers import ValueAnswers
from featurestore import labels, registry
from featurestore.engines import Engine
from featurestore.engines.parallel import run_each
from featurestore.errors import Unavailable
from featurestore.folds import fold as folding
from featurestore.manifest import keep_ids
from featurestore.normalization import NOTES
from featurestore.plugin_errors import explain_errors
from featurestore.prediction.bundle import read_versions
from featurestore.prediction.save_bundle import measure_weights
from featurestore.storage.json_files import find_object

Say = Callable[[str], None]


@dataclass(frozen=True)
class PlannedRun:
    """A run of the plan.

    Args:
        spec: of the run.
        digest: of the spec.
        fit_digest: of the run whose fitted head it uses: its own unless its test part is changed.
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
    """Plan a benchmark, run the missing runs and write all files into `out`.

    A report is made from these files only.

    Args:
        store: features of one corpus, or a pair of stores.
        config: what to compare.
        out: the folder of the benchmark. For a cluster, it and the store are on storage that every worker shares.
        engine: the workers; by default processes on this machine.
        command: to record; by default the one of `config`.
        say: receives lines for the user.

    Returns:
        The digests of all runs.

    Raises:
        UnknownName, BadValue, Mismatch: as the parts raise.
        Leakage: an encoder was fine-tuned on test utterances.
        Unavailable: workers keep dying, no worker was available for a while, or a worker's files are not visible on
            this machine. Finished runs are on disk.
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
    for leftover in folder.glob(".*.tmp"):  # incomplete, of a run that was killed
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
    rows = keep_ids(store.utterances, kept)
    flaws = planned.flaws.folds if planned.config.flaws else None
    results.write(out, about, planned.folds, rows, flaws, planned.task.votes.select(kept))
    say(f"{len(runs)} runs, {len(runs) - len(missing)} of them done already")
    fits = len({one.fit_digest for one in missing})
    if fits < len(missing):
        changed = "runs on a changed test part" if planned.config.masks else "permuted runs"
        say(f"{fits} fits make the other {len(missing)}: {changed} share a fitted head")
    _run_all(store, missing, folder.resolve(), engine, say)
    return [one.digest for one in runs]


def _identify_runs(planned: BenchmarkPlan) -> list[PlannedRun]:
    store, libraries = planned.task.store, read_versions()
    found: list[PlannedRun] = []
    for spec in planned.specs:
        own = digest(store, spec, libraries)
        # a run on a changed test part follows the run whose fitted head it uses
        found.append(PlannedRun(spec, own, found[-1].fit_digest if spec.change else own))
    return found


def _describe_benchmark(
    planned: BenchmarkPlan, runs: Sequence[PlannedRun], command: str, machine: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe config, data, machine and command for `benchmark.json`."""
    config, task, data = planned.config, planned.task, planned.describe_data()
    return {
        "corpus": task.store.corpus,
        "manifest_sha256": task.store.manifest_digest,
        "labels": task.labels,
        "label_maps": task.label_maps,
        **data,
        "protocol": task.protocol,
        "split_seed": task.seed,
        "folds_sha256": folding.digest(planned.folds),
        "heads": list(config.heads),
        "feature_sets": {one.name: list(map(str, one.features)) for one in planned.features},
        "normalize": {name: NOTES[name] for name in config.normalize},
        "seeds": list(config.seeds),
        "metric": config.headline,
        "left_out": task.count_left_out(),
        "published": _list_published_figures(task.store.corpus, task.labels),
        "command": command,
        "machine": dict(machine),
        "versions": read_versions(),
        "runs": [one.digest for one in runs],
        **_describe_transcripts(planned, data["classes"]),
        **({"flaws": {"left_out": list(planned.flaws.left_out)}} if config.flaws else {}),
        **({"agreement": task.agreement.to_json()} if task.agreement else {}),
    }


def _describe_transcripts(planned: BenchmarkPlan, classes: Mapping[str, str]) -> dict[str, Any]:
    """Describe the recognized words that feature sets read, only where there are some, with their errors by class."""
    words = {one.name: one.folds[0].words for one in planned.features if one.folds[0].words}
    errors = measure_transcripts(planned.task.store, planned.features, classes)
    return ({"words": words} if words else {}) | ({"transcripts": errors} if errors else {})


def _list_published_figures(corpus: str, scheme: str) -> list[dict[str, Any]]:
    """List the figures of the corpus's card that were measured on the same classes."""
    if corpus not in registry.names("corpora"):
        return []
    return [asdict(one) for one in labels.load_card(corpus).published if one.labels == scheme]


def _describe_machine(out: Path, engine: Engine, *, new: bool) -> Mapping[str, Any]:
    """Describe this machine and the cluster.

    If nothing is left to run, keep the description on disk: the recorded seconds were measured on that machine.
    """
    before = None if new else (find_object(out / results.ABOUT) or {}).get("machine")
    cluster = {} if engine.local else {"engine": f"{engine.name} {engine.scheduler}".strip()}
    return before or machine.describe() | cluster


def _run_all(store: FeatureSource, missing: Sequence[PlannedRun], folder: Path, engine: Engine, say: Say) -> None:
    """Run the missing runs, those with the same fitted head together."""
    by_fit: dict[str, list[PlannedRun]] = {}
    for one in missing:
        by_fit.setdefault(one.fit_digest, []).append(one)
    if not by_fit:
        return
    # the longest first, so that cores do not wait for the last one
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
    """Estimate the duration of a run relative to the others."""
    return float(registry.load(spec.kind, spec.head).COST) * len(spec.fold.train) * spec.train_size


def _run_together(store: FeatureSource, group: Sequence[PlannedRun], folder: Path) -> str:
    """Fit one head and write the runs that use it."""
    spec = group[0].spec
    result = run.execute(store, spec, [one.spec.change for one in group])
    with explain_errors(spec.kind, spec.head, "save_weights"):
        size = measure_weights(result.head)
    lacking = [answer.lacking for answer in result.answers] or [{} for _ in group]
    records = [
        RunRecord.from_run(one.spec, result, one.digest, size, counts)
        for one, counts in zip(group, lacking, strict=True)
    ]
    (_write_values if spec.targets else _write_classes)(spec, result, records, folder)
    train_size = f", {spec.train_size:g} of training" if spec.train_size < 1 else ""
    flaw = f", flaw {spec.flaw}" if spec.flaw else ""
    searched = f"{result.seconds['tune']:.1f} s to choose settings, " if spec.search else ""
    return (
        f"{spec.system}{train_size}{flaw}, fold {spec.fold.name}, seed {spec.seed}: {searched}"
        f"{result.seconds['fit']:.1f} s to fit{', rows read in batches' if result.streamed else ''}"
    )


def _write_classes(spec: RunSpec, result: RunResult, records: Sequence[RunRecord], folder: Path) -> None:
    truth = [spec.classes[utterance_id] for utterance_id in result.utterance_ids]
    for record, answer in zip(records, result.answers, strict=True):
        answers = Answers(truth, answer.prediction, record.classes, answer.probabilities)
        run_records.write(folder, record, result.utterance_ids, answers)


def _write_values(spec: RunSpec, result: RunResult, records: Sequence[RunRecord], folder: Path) -> None:
    truth = stack_ratings(spec.ratings, result.utterance_ids)
    for record, values in zip(records, result.values, strict=True):
        write_value_run(folder, record, result.utterance_ids, ValueAnswers(truth, values, spec.targets))
