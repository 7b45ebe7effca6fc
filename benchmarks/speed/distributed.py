"""Compare a dask cluster over TCP with processes of this machine: extraction, a benchmark, fine-tuning by fold.

Both have the same number of workers, which have started and loaded their libraries before anything is timed. On a
machine of two cores this shows what a cluster costs, not how much faster four workers are than one.
"""

import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.runner import benchmark
from benchmarks.speed import _corpus
from benchmarks.speed._cluster import open_cluster
from benchmarks.speed._row import Measurement, compare_repeats
from featurestore.engines import Engine
from featurestore.extraction.extract import extract_encoder
from featurestore.finetuning.by_fold import finetune_folds
from featurestore.finetuning.demo_models import write_text
from featurestore.manifest import Utterance
from featurestore.spec import EncoderSpec
from featurestore.store import Store

WORKERS, REPEATS = (1, 2, 4), 3
CLIPS, ROWS, COLUMNS, TEXTS = 300, 2000, 64, 160
SMALL_CLIPS, SMALL_ROWS, SMALL_TEXTS = 6, 60, 24
FOLDS = 4


@dataclass
class _Inputs:
    """What the work reads, and where each run of it writes: always to a new folder."""

    folder: Path
    clips: Sequence[Utterance]
    features: Store
    texts: Store
    numbers: "count[int]" = field(default_factory=count)

    def choose_folder(self) -> Path:
        """Return a folder that does not exist yet."""
        return self.folder / f"run{next(self.numbers)}"


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Time each piece of work with each number of workers, in alternation on both engines."""
    inputs = _prepare(folder, small)
    rows = []
    for workers in (1,) if small else WORKERS:
        with open_cluster(folder / f"cluster{workers}", workers) as cluster:
            here = Engine(jobs=workers, device="cpu")
            for name, work in (("extraction", _extract), ("benchmark", _benchmark), ("fine-tuning", _finetune)):
                run = functools.partial(work, inputs)
                rows.append(_compare(name, run, cluster, here, workers, small))
    return rows


def _compare(
    name: str, run: Callable[[Engine], None], cluster: Engine, here: Engine, workers: int, small: bool
) -> Measurement:
    repeats, cold = (1, 0) if small else (REPEATS, 1)  # a cold run loads the libraries, and is not counted
    settings = f"{workers} workers of one thread each on {os.cpu_count()} cores, warm; ratio: seconds here / on dask"
    pairs = [(_time(run, cluster), _time(run, here)) for _ in range(cold + repeats)][cold:]
    on_dask, on_loky = zip(*pairs, strict=True)
    against = f"loky with {workers}"
    return compare_repeats(f"{name}, dask with {workers}", against, on_dask, on_loky, "s", settings, faster=True)


def _time(run: Callable[[Engine], None], engine: Engine) -> float:
    started = time.perf_counter()
    run(engine)
    return time.perf_counter() - started


def _prepare(folder: Path, small: bool) -> _Inputs:
    seconds = _corpus.lengths(SMALL_CLIPS if small else CLIPS).clip(0.3, 3.0).tolist()
    clips = _corpus.write_clips(folder / "clips", seconds)
    _corpus.write_audio_encoder(folder / "audio", tiny=True)
    texts = _make_turns(SMALL_TEXTS if small else TEXTS)
    write_text(folder / "text", [row.text for row in texts])
    features = _corpus.write_store(folder / "features", _make_turns(SMALL_ROWS if small else ROWS), folder)
    labels = np.array([row.label == "ang" for row in features.utterances], np.float32)
    noise = np.random.default_rng(0).standard_normal((len(labels), COLUMNS)).astype(np.float32)
    _corpus.write_features(features, "text", {"mean": noise + labels[:, None]})
    return _Inputs(folder, clips, features, _corpus.write_store(folder / "texts", texts, folder))


def _make_turns(rows: int) -> list[Utterance]:
    """Make turns of two classes in as many sessions as there are folds."""
    words = ("what a lovely day we have", "I cried all night alone")
    return [
        Utterance(
            f"u{row:05d}",
            text=f"{words[row % 2]} {row}",
            label=("ang", "sad")[row % 2],
            speaker=f"s{row // 2 % 8}",
            session=str(row // 2 % FOLDS),
        )
        for row in range(rows)
    ]


def _extract(inputs: _Inputs, engine: Engine) -> None:
    store = _corpus.write_store(inputs.choose_folder(), inputs.clips, inputs.folder / "clips")
    done = extract_encoder(
        store,
        EncoderSpec("audio", str(inputs.folder / "audio")),
        jobs=engine.jobs,
        engine=engine.name,
        scheduler=engine.scheduler,
        device="cpu",
        say=_silent,
    )
    if done.encoded != len(inputs.clips):
        raise RuntimeError(f"{done.encoded} of {len(inputs.clips)} encoded: not a measurement")


def _benchmark(inputs: _Inputs, engine: Engine) -> None:
    config = BenchmarkConfig.parse(("prior", "logistic", "svm"), protocol="leave-one-session-out")
    benchmark(inputs.features, replace(config, seeds=(0, 1)), inputs.choose_folder(), engine=engine)


def _finetune(inputs: _Inputs, engine: Engine) -> None:
    done = finetune_folds(
        inputs.texts,
        modality="text",
        checkpoint=str(inputs.folder / "text"),
        out=inputs.choose_folder(),
        protocol="leave-one-session-out",
        all_folds=True,
        engine=engine,
        say=_silent,
        epochs=1,
        device="cpu",
    )
    if [one.fresh for one in done] != [True] * FOLDS:
        raise RuntimeError("not every fold was fine-tuned: not a measurement")


def _silent(line: str) -> None:
    """Drop the lines for the user."""
