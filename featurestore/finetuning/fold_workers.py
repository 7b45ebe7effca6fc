"""Fine-tune one encoder per fold in worker processes, here or on a cluster: one fold a worker."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from featurestore.engines import Engine
from featurestore.engines.parallel import run_each
from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning.finetune import FineTuned
from featurestore.finetuning.fold_job import FoldJob, run_fold
from featurestore.finetuning.options.settings import Settings
from featurestore.finetuning.worker_lines import follow_lines
from featurestore.folds.fold import Fold
from featurestore.networks.checkpoint import RECORD
from featurestore.networks.device import count_cores
from featurestore.progress import Say


def check_workers(engine: Engine, settings: Settings) -> None:
    """Check that folds can go to workers.

    Raises:
        BadValue: several processes are to share each training.
    """
    if (not engine.local or engine.jobs > 1) and settings.processes > 1:
        raise BadValue(
            "folds in several workers and several processes for one fold contradict each other",
            expected="--jobs or --engine, or --processes",
            got=f"--processes {settings.processes}",
            do="leave one of them out",
        )


def run_in_workers(job: FoldJob, targets: Sequence[tuple[Fold, Path]], engine: Engine, say: Say) -> list[FineTuned]:
    """Fine-tune on each fold in a worker, and return the results in the order of the folds.

    Each fold is resumed by itself. A worker has its share of this machine's cores, and on a cluster one thread. The
    weights are those of a run in this process with as many threads.

    Args:
        job: the settings of all folds, which are sent to the workers.
        targets: the folds, each with the folder of its checkpoint; for a cluster, on storage that every worker shares.
        engine: the workers.
        say: receives the lines of all folds, each with the fold's name.

    Raises:
        Unavailable: a worker died for good, there was none for a minute, or a worker's files are not visible here.
        Problem: as `FoldJob.run` raises; the other folds are stopped, and continue the next time.
    """
    threads = max(1, count_cores() // min(len(targets), engine.jobs or count_cores())) if engine.local else 1
    paths = {fold.name: out.absolute() for fold, out in targets}
    lines = {name: out.with_name(f".{out.name}.lines") for name, out in paths.items()}
    for out in paths.values():
        out.parent.mkdir(parents=True, exist_ok=True)
    tasks = [(job, fold, paths[fold.name], lines[fold.name], threads) for fold, _ in targets]
    found: list[FineTuned] = []
    answers = run_each(run_fold, tasks, engine, say=say, resumable=True)
    with follow_lines(lines, say) as report, closing(answers):  # the workers end with it
        for (fold, _), done in zip(targets, answers, strict=True):
            _check_visible(done, engine)
            found.append(done)
            report()
            say(f"fold {fold.name}: done, {len(found)} of {len(targets)}")
    return found


def _check_visible(done: FineTuned, engine: Engine) -> None:
    if engine.local or (done.folder / RECORD).is_file():
        return
    raise Unavailable(
        f"a {engine.name} worker wrote a checkpoint to {done.folder}, and it is not here",
        expected="a folder on storage that every worker and this machine share, under the same path",
        do="name one there: --out FOLDER, or use --engine loky",
    )
