"""The benchmark: every run and control of its plan, one thread per process; finished runs are not repeated."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from benchmarks.evaluation import run as single
from benchmarks.evaluation.run import Done, Run
from benchmarks.evaluation.source import Store
from benchmarks.grid import machine, predictions, results
from benchmarks.grid.about import about
from benchmarks.grid.asked import Asked, command
from benchmarks.grid.plan import Plan, Planned, plan
from benchmarks.grid.predictions import Card
from benchmarks.statistics.answers import Answers
from featurestore import registry
from featurestore.engines import Engine
from featurestore.engines.parallel import each
from featurestore.errors import Unavailable
from featurestore.prediction.bundle import weights_bytes

__all__ = ["Asked", "benchmark", "execute"]

Say = Callable[[str], None]
CURVES = ("loss", "accuracy")  # of a head's `history_`, kept per epoch


def benchmark(
    store: Store,
    asked: Asked,
    out: Path,
    *,
    engine: Engine | None = None,
    said: str = "",
    say: Say = lambda line: None,
) -> list[str]:
    """Runs what is missing and writes what was asked into `out`; a summary is made from these files alone.

    Args:
        store: features of one corpus, or a pair of stores.
        asked: what to compare.
        out: the folder of the benchmark; for a cluster, as the store, on storage that every worker shares.
        engine: where the runs are made; by default worker processes here.
        said: the command that the user typed; by default the one that asks for this.
        say: receives lines for the user.

    Returns:
        The digests of all runs.

    Raises:
        UnknownName, BadValue, Mismatch: as the parts raise.
        Leakage: test utterances that an encoder was tuned on.
        Unavailable: a worker died for good, none was there for a while, or what one wrote is not on this machine;
            finished runs are on disk.
    """
    return execute(plan(store, asked, say), out, engine=engine, said=said, say=say)


def execute(
    planned: Plan, out: Path, *, engine: Engine | None = None, said: str = "", say: Say = lambda line: None
) -> list[str]:
    """Does what `benchmark` does, from its plan."""
    engine = engine or Engine()
    asked, store = planned.asked, planned.task.store
    for leftover in (out / results.RUNS).glob(".*.tmp"):  # half written by a run that was killed
        leftover.unlink()
    missing = [one for one in planned.runs if not predictions.is_done(out / results.RUNS, one.digest)]
    described = about(planned, said or command(asked, store.path, out), _machine(out, engine, new=bool(missing)))
    parts = [(*fold.train, *fold.dev, *fold.test, *fold.unused) for fold in planned.folds]
    kept = {name for ids in parts for name in ids}
    results.write(out, described, planned.folds, [row for row in store.utterances if row.id in kept])
    say(f"{len(planned.runs)} runs, {len(planned.runs) - len(missing)} of them done already")
    _run_all(store, missing, asked.protocol, (out / results.RUNS).resolve(), engine, say)
    return [one.digest for one in planned.runs]


def _machine(out: Path, engine: Engine, *, new: bool) -> Mapping[str, Any]:
    """Describe this machine and the cluster that works for it.

    Where nothing is left to run, the description on disk stays: the seconds there were measured on that machine.
    """
    before: dict[str, Any] | None = None
    with suppress(FileNotFoundError, ValueError):  # of a first run, or damaged: it is written anew
        before = json.loads((out / results.ABOUT).read_text("utf-8")).get("machine")
    if before and not new:
        return before
    return machine.describe() | ({} if engine.local else {"engine": f"{engine.name} {engine.scheduler}".strip()})


def _run_all(store: Store, missing: Sequence[Planned], protocol: str, folder: Path, engine: Engine, say: Say) -> None:
    """Runs those that ask the same fitted head together."""
    by_fit: dict[str, list[Planned]] = {}
    for one in missing:
        by_fit.setdefault(one.fit, []).append(one)
    if not by_fit:
        return
    groups = sorted(by_fit.values(), key=lambda group: -_cost(group[0].run))  # so that no core waits long for the last
    tasks = [(store, group, protocol, folder) for group in groups]
    with closing(each(_run_together, tasks, engine, say=say, kept=True)) as lines:  # the workers end with it
        for number, (group, line) in enumerate(zip(groups, lines, strict=True), 1):
            _check_shared(group, folder, engine)
            say(f"{number}/{len(tasks)} {line}")


def _check_shared(group: Sequence[Planned], folder: Path, engine: Engine) -> None:
    if engine.local or all(predictions.is_done(folder, one.digest) for one in group):
        return
    raise Unavailable(
        f"a {engine.name} worker wrote a run to {folder}, and it is not here",
        expected="a folder of results on storage that every worker and this machine share, under the same path",
        do="name one there: --out FOLDER, or use --engine loky",
    )


def _cost(run: Run) -> float:
    """About how long a run takes beside the others."""
    return float(registry.load("heads", run.head).COST) * len(run.fold.train) * run.share


def _run_together(store: Store, group: Sequence[Planned], protocol: str, folder: Path) -> str:
    """Fits one head and writes its answers; in a process of its own where there are several."""
    done = single.execute(store, group[0].run, [planned.run.shuffle for planned in group])
    size = weights_bytes(done.head)
    for planned, answer in zip(group, done.answers, strict=True):
        run = planned.run
        card = _card(planned, protocol, done, size)
        truth = [run.classes[name] for name in done.ids]
        answers = Answers(truth, answer.prediction, card.classes, answer.probabilities)
        predictions.write(folder, card, done.ids, answers)
    run, share = group[0].run, f", {group[0].run.share:g} of training" if group[0].run.share < 1 else ""
    searched = f"{done.seconds['tune']:.1f} s to choose settings, " if run.tune else ""
    took = f"{searched}{done.seconds['fit']:.1f} s to fit"
    return f"{run.system}{share}, fold {run.fold.name}, seed {run.seed}: {took}"


def _card(planned: Planned, protocol: str, done: Done, bundle_bytes: int) -> Card:
    run = planned.run
    return Card(
        digest=planned.digest,
        system=run.system,
        head=run.head,
        feature_set=planned.variant.name,
        features=run.inputs.features,
        files=tuple(run.inputs.all_files),
        logits=planned.variant.logits,
        normalize=run.normalize,
        protocol=protocol,
        fold=run.fold.name,
        seed=run.seed,
        drawn=planned.drawn,
        tune=run.tune,
        share=run.share,
        shuffled=run.shuffle.modality if run.shuffle else "",
        params={name: _plain(value) for name, value in done.params.items()},
        train=len(run.fold.train),
        dev=len(run.fold.dev),
        test=len(run.fold.test),
        leak=planned.leak,
        seconds=done.seconds,
        peak_mb=done.peak_mb,
        bundle_bytes=bundle_bytes,
        history=_history(done.head),
        classes=tuple(map(str, done.head.classes_)),
    )


def _history(head: Any) -> dict[str, list[float]]:
    """The curves of a head that learns in epochs, by name."""
    lines = getattr(head, "history_", [])
    found = [name for name in CURVES if lines and all(name in line for line in lines)]
    return {name: [line[name] for line in lines] for name in found}


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else str(value)
