"""The paper's fusion network at the paper's size, from a store: one epoch against the paper's 15 minutes on a P5000.

Bars: 15 x faster on the cores of this machine; under 4 GB of memory without the file's cached pages. The store is
made up: 7,380 turns of 170 x 768 frames, a text vector of 768 and 6 + 6 scores, 5,904 of them in training, batches of
32, AdamW. The paper's 15 minutes include its frozen encoders, which the store has done once and for all.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np

from benchmarks.speed import _corpus, _machine
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from featurestore.manifest import Utterance
from featurestore.storage import feature_writer
from featurestore.storage.feature_writer import encode_text
from featurestore.storage.schema import FAILED_ID, FAILED_REASON, ID, OFFSETS, VALUES, Header
from featurestore.store import Store

PAPER = 15 * 60.0  # seconds
FRAMES, WIDTH, CLASSES = 170, 768, 6
FEATURES = (f"audio.frames[{FRAMES}]", "audio.logits", "text.cls", "text.logits")


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Time some epochs in a separate process that samples its memory."""
    turns, epochs = (100, 2) if small else (7_380, 3)
    store = _write(folder / "store", turns)
    environment = {**os.environ, "OMP_NUM_THREADS": str(_machine.count_cores())}
    words = [sys.executable, "-m", "benchmarks.speed.paper_fusion", str(store.path), str(epochs)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout)
    width = FRAMES * WIDTH + WIDTH + 2 * CLASSES
    settings = f"{turns * 4 // 5:,} x {width:,} float32 from the store, {_machine.count_cores()} threads, batches of 32"
    paper = [PAPER] * len(found["seconds"])
    return [
        compare_repeats(
            "epoch of the fusion", "P5000, the paper", found["seconds"], paper, "s", settings, bar=15, faster=True
        ),
        summarize("its memory without mapped files", [found["peak"]], "GB", settings, bar=4),
    ]


def _write(path: Path, turns: int) -> Store:
    """Write a store with the paper's widths, a few turns at a time."""
    rows = [Utterance(f"u{index:04d}", text="w1", label=("ang", "sad")[index % 2]) for index in range(turns)]
    store = _corpus.write_store(path, rows, path)
    draw = np.random.default_rng(0)
    fixed = {ID: encode_text([row.id for row in rows]), FAILED_ID: encode_text([]), FAILED_REASON: encode_text([])}
    scores = draw.standard_normal((turns, CLASSES), dtype=np.float32)
    offsets = np.arange(turns + 1, dtype=np.int64) * FRAMES
    layout: dict[str, tuple[tuple[int, ...], Any]] = {name: (value.shape, value.dtype) for name, value in fixed.items()}
    layout |= {"logits": (scores.shape, scores.dtype), OFFSETS: (offsets.shape, offsets.dtype)}
    layout |= {VALUES: ((turns * FRAMES, WIDTH), np.dtype(np.float32))}
    with feature_writer.open_writer(path / "audio.h5", layout, _header(store, "audio")) as writer:
        for name, values in {**fixed, "logits": scores, OFFSETS: offsets}.items():
            writer.put(name, values)
        for start in range(0, turns, 10):
            count = min(10, turns - start) * FRAMES
            writer.put(VALUES, draw.standard_normal((count, WIDTH), dtype=np.float32), start * FRAMES)
    text = {**fixed, "cls": draw.standard_normal((turns, WIDTH), dtype=np.float32), "logits": scores}
    feature_writer.write(path / "text.h5", text, _header(store, "text"))
    return store


def _header(store: Store, modality: str) -> Header:
    return Header(modality, modality, {"class": "none"}, "0" * 64, manifest=store.manifest_digest)


def _train(path: Path, epochs: int) -> dict[str, Any]:
    """Fit the published network to the first four fifths, and return the seconds per epoch and the peak memory."""
    from benchmarks.paper.paper_head import PaperMLP
    from benchmarks.paper.store_rows import StoreRows

    store = Store(path)
    ids = [row.id for row in store.utterances[: len(store.utterances) * 4 // 5]]
    labels = {row.id: row.label for row in store.utterances}
    ends = [time.perf_counter()]
    head = PaperMLP(
        activation="identity",
        extra_outputs=1,
        double_softmax=True,
        standardize=False,
        learning_rate=1e-5,
        epochs=epochs,
        device="cpu",
        random_state=0,
    )
    with _watch_memory() as peak:
        X, y = StoreRows(store, FEATURES, ids), [labels[utterance_id] for utterance_id in ids]
        head.fit(X, y, after_epoch=lambda _: ends.append(time.perf_counter()))
    return {"seconds": np.diff(ends).tolist(), "peak": peak[0]}


@contextmanager
def _watch_memory() -> Iterator[list[float]]:
    """Record the peak of this process's own memory in GB, without the pages of mapped files."""
    peak, over = [0.0], Event()

    def watch() -> None:
        while not over.wait(0.05):
            lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
            peak[0] = max(peak[0], int(lines["RssAnon"].split()[0]) / 2**20)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    print(json.dumps(_train(Path(sys.argv[1]), int(sys.argv[2]))))
