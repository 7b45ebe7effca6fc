"""One epoch of the head `attention` over 10 GB of frames on disk, against one over a tenth of them and a plain read.

Bar: the peak of anonymous memory (RssAnon of /proc/self/status, sampled) grows by at most 10 % from the tenth to the
whole. Of the tenth the largest of three fits counts, since samples miss short peaks: fits over the same clips differ by
7 %. The frames are mapped from a raw file. Its pages belong to the page cache, which the system takes back when
memory is short, and are not counted. A fit goes through the file twice, to standardize and to train, and reads the part
that is kept aside once more. The reference goes through it once, clip by clip, with numpy, in the same run.
"""

import multiprocessing
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.speed._row import Measurement, compare_repeats, summarize
from heads import Frames, Inputs, load_head

GIGABYTES = 10.0
WIDTH = 768  # of wav2vec2-base
LENGTH = 228  # frames of 4.55 s, the mean of IEMOCAP, at 50 a second
CLIP = 4 * WIDTH * LENGTH  # bytes
CLASSES = np.array(["angry", "happy", "neutral", "sad"])
INTERVAL = 0.01  # seconds between two samples of memory


@dataclass(frozen=True)
class Passed:
    """The cost of a pass over a file of frames.

    Args:
        seconds: of the pass.
        before: anonymous memory in MB when it began.
        peak: the most anonymous memory in MB while it lasted.
        threads: of torch.
    """

    seconds: float
    before: float
    peak: float
    threads: int


def measure(folder: Path, small: bool, gigabytes: float = GIGABYTES) -> list[Measurement]:
    """Measure both passes over a file of this size, and a fit over its first tenth."""
    count = 40 if small else round(gigabytes * 1e9 / CLIP)
    path = _write(folder / "frames.float32", count)
    read = _run(_read, path, count)
    part = max(_run(_fit, path, count // 10).peak for _ in range(1 if small else 3))
    whole = _run(_fit, path, count)
    size = f"{count * CLIP / 1e9:.3g} GB"
    settings = f"{count:,} clips of {LENGTH} frames of {WIDTH} float32, {size}, {whole.threads} threads of torch"
    return [
        compare_repeats(
            "one epoch over frames", "numpy reads them once", [whole.seconds], [read.seconds], "s", settings
        ),
        compare_repeats(
            "peak anonymous memory",
            "a tenth of the clips, the most of three fits",
            [whole.peak],
            [part],
            "MB",
            settings,
            bar=1.1,
            at_most=True,
        ),
        summarize("anonymous memory before the fit", [whole.before], "MB", settings),
    ]


def _write(path: Path, count: int) -> Path:
    """Write random clips one after the other.

    Raises:
        RuntimeError: the disk has not twice their size free, so that others could run out of it.
    """
    needed, free = count * CLIP, shutil.disk_usage(path.parent).free
    if free < 2 * needed:
        raise RuntimeError(
            f"{path.parent} has {free / 1e9:.1f} GB free, and {2 * needed / 1e9:.1f} are needed: set TMPDIR"
        )
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        for _ in range(count):
            file.write(random.standard_normal(CLIP // 4, dtype=np.float32).data)
    return path


def _run(work: Callable[[Path, int], Passed], path: Path, count: int) -> Passed:
    """Work in a new process, whose memory nothing else has used."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, path, count).result()


def _map_clips(path: Path, count: int) -> list[np.ndarray]:
    frames = np.memmap(path, np.float32, "r").reshape(-1, LENGTH, WIDTH)
    return [np.asarray(frames[clip]) for clip in range(count)]


def _read(path: Path, count: int) -> Passed:
    clips = _map_clips(path, count)
    with _watch_memory() as sizes:
        started = time.perf_counter()
        for clip in clips:
            clip.sum()
        return Passed(time.perf_counter() - started, sizes[0], max(sizes), 0)


def _fit(path: Path, count: int) -> Passed:
    import torch

    clips = _map_clips(path, count)
    inputs = Inputs(np.empty((count, 0), np.float32), (), (Frames("audio.frames", "audio", clips),))
    head = load_head("attention")(epochs=1, device="cpu", random_state=0)
    with _watch_memory() as sizes:
        started = time.perf_counter()
        head.fit(inputs, CLASSES[np.arange(count) % len(CLASSES)])
        return Passed(time.perf_counter() - started, sizes[0], max(sizes), torch.get_num_threads())


@contextmanager
def _watch_memory() -> Iterator[list[float]]:
    """Sample the anonymous memory of this process, in MB, until the end."""
    sizes = [_read_anonymous()]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(INTERVAL):
            sizes.append(_read_anonymous())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield sizes
    finally:
        ended.set()
        thread.join()


def _read_anonymous() -> float:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024
