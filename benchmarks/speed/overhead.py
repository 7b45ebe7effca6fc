"""The engine's overhead per utterance: a tiny encoder over 10,000 short clips against decoding and forward alone.

Bar: at most 1.1 x. The references read each clip and run the network on it, in as many processes of one thread as the
engine has, with nothing else: no digest of the file, no normalization, no pooling, nothing written. One runs
transformers' own forward pass, and one the faster pass of the engine, so that only what the engine adds is compared.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed import _corpus, _machine
from benchmarks.speed._engine import ExtractionTimer
from benchmarks.speed._pool import Pool
from benchmarks.speed._row import Measurement, compare_repeats

SHORTEST, LONGEST = 0.5, 1.5  # seconds
CHUNK = 100  # clips in one task of the reference, so that handing them out costs nothing
_bare: dict[str, Any] = {}


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure the engine and the reference, in alternation."""
    jobs, count = _machine.count_cores(), 40 if small else 10_000
    checkpoint = _corpus.write_audio_encoder(folder / "checkpoint", tiny=True)
    seconds = np.random.default_rng(0).uniform(SHORTEST, LONGEST, count).tolist()
    clips = _corpus.write_clips(folder / "clips", seconds)
    paths = [str(folder / "clips" / clip.audio) for clip in clips]
    chunks = [paths[start : start + CHUNK] for start in range(0, count, CHUNK)]
    engine = ExtractionTimer(folder, checkpoint, clips, folder / "clips", jobs)
    pools = {
        "decoding + forward": Pool(jobs, _prepare, str(checkpoint), False),
        "decoding + the engine's forward": Pool(jobs, _prepare, str(checkpoint), True),
    }
    engine.start()
    ours: list[float] = []
    references: dict[str, list[float]] = {name: [] for name in pools}
    for _ in range(1 if small else 3):
        ours.append(1000 * engine.seconds() / count)
        for name, pool in pools.items():
            references[name].append(1000 * pool.seconds(_decode_and_forward, chunks) / count)
    for pool in pools.values():
        pool.close()
    settings = (
        f"{count:,} clips of {SHORTEST} to {LONGEST} s, tiny wav2vec2, {jobs} processes of 1 thread on both sides"
    )
    return [
        compare_repeats("extraction, per utterance", name, ours, seconds, "ms", settings, bar=1.1, at_most=True)
        for name, seconds in references.items()
    ]


def _prepare(checkpoint: str, fast: bool) -> None:
    import transformers as hf

    from featurestore.networks.fast_paths import speed_up

    _bare["model"] = hf.AutoModel.from_pretrained(checkpoint, attn_implementation="sdpa").eval()
    if fast:
        speed_up(_bare["model"], "cpu")


def _decode_and_forward(paths: Sequence[str]) -> None:
    import soundfile
    import torch

    with torch.inference_mode():
        for path in paths:
            _bare["model"](torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None])
