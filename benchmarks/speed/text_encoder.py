"""A deberta-v3-small-sized text encoder over 512 transcripts as long as IEMOCAP's, random weights, one worker per core.

Against, and bars: batches of 16 padded to a fixed 128 tokens, at least 6 x faster; batches of 16 in corpus order, at
least 1.9 x faster. Both are one process with torch's own number of threads. And the arithmetic of the network at the
rate of a large float32 matrix product on the same cores, one thread each: at least 0.85 of it. The vocabulary is cut to
4,000 words to save memory, on all sides; nothing else differs from the real architecture.

Ours is `extract` on a prepared store, from the manifest to the finished feature file, with the workers started.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed import _corpus, _machine
from benchmarks.speed._engine import ExtractionTimer
from benchmarks.speed._pool import Pool
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from benchmarks.speed._time import time_call
from featurestore.manifest import Utterance

BATCH, FIXED = 16, 128


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure both loops, the engine and matrix products, in alternation."""
    jobs, repeats = _machine.count_cores(), 1 if small else 3
    checkpoint = _corpus.write_text_encoder(folder / "checkpoint", tiny=small)
    texts = _corpus.transcripts(32 if small else 512)
    rows = [Utterance(f"u{index:05d}", text=text) for index, text in enumerate(texts)]
    engine, loop, pool = ExtractionTimer(folder, checkpoint, rows, folder, jobs), TextLoop(checkpoint), Pool(jobs)
    start = engine.start()
    lengths = [len(tokens) for tokens in loop.tokenizer(texts)["input_ids"]]
    arithmetic = operations(loop.model.config, lengths)
    ours, fixed, order, products = [], [], [], []
    for _ in range(repeats):
        rate = pool.multiply_rate()
        ours.append(engine.seconds())
        products.append(arithmetic / ((rate + pool.multiply_rate()) / 2))
        order.append(time_call(lambda: loop.run(texts, padding=True)))
        fixed.append(time_call(lambda: loop.run(texts, padding="max_length", max_length=FIXED)))
    pool.close()
    settings = f"{len(texts)} transcripts, mean {np.mean(lengths):.1f} tokens, {jobs} workers of 1 thread"
    product = f"{arithmetic / 1e9:,.0f} GFLOP at the rate of a matrix product"
    return [
        compare_repeats("text encoder", f"{BATCH} padded to {FIXED}", ours, fixed, "s", settings, bar=6, faster=True),
        compare_repeats("text encoder", f"{BATCH} in corpus order", ours, order, "s", settings, bar=1.9, faster=True),
        compare_repeats("text encoder", product, ours, products, "s", settings, bar=0.85, faster=True),
        summarize("start of the workers", [start], "s", "the network loaded in each, a few texts encoded"),
    ]


class TextLoop:
    """The plain loop: a tokenizer, padded batches, the mean over true tokens."""

    def __init__(self, checkpoint: Path, device: str = "cpu") -> None:
        import transformers as hf

        self.tokenizer = hf.AutoTokenizer.from_pretrained(checkpoint)
        self.model = hf.AutoModel.from_pretrained(checkpoint).eval().to(device)

    def run(self, texts: Sequence[str], **padding: Any) -> list[np.ndarray]:
        """Encode every text."""
        import torch

        found = []
        for start in range(0, len(texts), BATCH):
            batch = self.tokenizer(texts[start : start + BATCH], truncation=True, return_tensors="pt", **padding)
            batch = batch.to(self.model.device)
            with torch.no_grad():
                states = self.model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None]
            found += list(((states * mask).sum(1) / mask.sum(1)).cpu().numpy())
        return found


def operations(config: Any, lengths: Sequence[int]) -> float:
    """Count the operations of the texts' own tokens: matrix products and attention of every layer."""
    width, inner = config.hidden_size, config.intermediate_size
    dense = 2.0 * (4 * width**2 + 2 * width * inner) * sum(lengths)
    content = 4.0 * width * sum(length**2 for length in lengths)
    positions = 4.0 * width * sum(length * (2 * length - 1) for length in lengths)
    return float(config.num_hidden_layers * (dense + content + positions))
