"""A wav2vec2-base-sized audio encoder over 64 clips of IEMOCAP's lengths, random weights, one worker per core.

Against, and bars: (a) the loop most people write, transformers' processor and padded batches of 8 in corpus order, one
process with torch's own number of threads: at least 2.4 x faster. (b) the arithmetic of the network at the rate of a
large float32 matrix product on the same cores, one thread each: at least 0.85 of it. (c) the bare forward pass over
the same clips, decoded and normalized beforehand, at its best setting (one clip at a time, the longest first, in
processes of one thread): at least 0.9 of its speed.

Ours is `extract` on a prepared store, from files to the finished feature file. Starting the workers and loading the
network is left out on all sides, and is a separate row.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed import _corpus, _machine
from benchmarks.speed._engine import ExtractionTimer
from benchmarks.speed._pool import Pool
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from benchmarks.speed._time import time_call
from featurestore.audio import decode

BATCH = 8
_bare: dict[str, Any] = {}


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure the reference loop, the engine, the bare forward pass and matrix products, in alternation."""
    jobs, repeats = _machine.count_cores(), 1 if small else 3
    checkpoint = _corpus.write_audio_encoder(folder / "checkpoint", tiny=small)
    seconds = _corpus.lengths(64) if not small else _corpus.lengths(8).clip(max=2.0)
    clips = _corpus.write_clips(folder / "clips", seconds.tolist())
    paths = [str(folder / "clips" / clip.audio) for clip in clips]
    engine = ExtractionTimer(folder, checkpoint, clips, folder / "clips", jobs)
    pool = Pool(jobs, _prepare, str(checkpoint), paths)
    loop = AudioLoop(checkpoint)
    arithmetic = operations(loop.model, seconds.tolist())
    longest_first = [paths[index] for index in np.argsort(-seconds)]
    starts, ours, bare, usual, products = [], [], [], [], []
    for _ in range(repeats):
        starts.append(engine.start())
        rate = pool.multiply_rate()
        ours.append(engine.seconds())
        products.append(arithmetic / ((rate + pool.multiply_rate()) / 2))
        bare.append(pool.seconds(_forward, longest_first))
        usual.append(time_call(lambda: loop.run(paths)))
    pool.close()
    settings = (
        f"{len(clips)} clips, {seconds.sum():.0f} s of audio, mean {seconds.mean():.2f} s, {jobs} workers of 1 thread"
    )
    product = f"{arithmetic / 1e9:,.0f} GFLOP at the rate of a matrix product"
    return [
        compare_repeats("audio encoder", f"batches of {BATCH}", ours, usual, "s", settings, bar=2.4, faster=True),
        compare_repeats("audio encoder", product, ours, products, "s", settings, bar=0.85, faster=True),
        compare_repeats("audio encoder", "bare forward, best setting", ours, bare, "s", settings, bar=0.9, faster=True),
        summarize("start of the workers", starts, "s", "the network loaded in each, a few clips encoded"),
    ]


class AudioLoop:
    """The plain loop: a processor, padded batches in corpus order, the mean over frames."""

    def __init__(self, checkpoint: Path, device: str = "cpu") -> None:
        import transformers as hf

        self.extractor = hf.AutoFeatureExtractor.from_pretrained(checkpoint)
        model = hf.AutoModel.from_pretrained(checkpoint).eval()
        self.model = (model.get_encoder() if model.config.is_encoder_decoder else model).to(device)
        self.padding = {} if model.config.is_encoder_decoder else {"padding": True}  # Whisper's is always 30 s

    def run(self, paths: Sequence[str]) -> list[np.ndarray]:
        """Decode and encode every clip."""
        import soundfile
        import torch

        found = []
        for start in range(0, len(paths), BATCH):
            waves = [soundfile.read(path, dtype="float32")[0] for path in paths[start : start + BATCH]]
            inputs = self.extractor(waves, sampling_rate=_corpus.RATE, return_tensors="pt", **self.padding)
            with torch.no_grad():
                found += list(self.model(**inputs.to(self.model.device)).last_hidden_state.mean(1).cpu().numpy())
        return found


def operations(model: Any, seconds: Sequence[float]) -> int:
    """Count the floating-point operations of one forward pass per clip, as torch counts them."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # the meta device computes nothing, and counts fused attention as its matrix products
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        shapes_only = type(model)(model.config).eval()
        for length in seconds:
            shapes_only(torch.empty(1, int(length * _corpus.RATE)))
    return int(counter.get_total_flops())


def _prepare(checkpoint: str, paths: Sequence[str]) -> None:
    """Load the network and every clip into a process, and warm both up."""
    import transformers as hf

    extractor = hf.AutoFeatureExtractor.from_pretrained(checkpoint)
    _bare["model"] = hf.AutoModel.from_pretrained(checkpoint, attn_implementation="sdpa").eval()
    for path in paths:
        inputs = extractor(decode.read(path, _corpus.RATE), sampling_rate=_corpus.RATE, return_tensors="pt")
        _bare[path] = inputs["input_values"]
    for path in _shortest(paths):
        _forward(path)


def _shortest(paths: Sequence[str]) -> Iterator[str]:
    yield from sorted(paths, key=lambda path: _bare[path].shape[-1])[:3]


def _forward(path: str) -> None:
    import torch

    with torch.inference_mode():
        _bare["model"](_bare[path])
