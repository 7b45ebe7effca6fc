"""The engine's overhead per utterance: a tiny encoder over 10,000 short clips against decoding and forward alone.

Bar: at most 1.1 x. The reference reads each clip and runs the plain network on it, in as many processes of one thread
as the engine has, with nothing else: no digest of the file, no normalization, no pooling, nothing written.
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
    engine, pool = (
        ExtractionTimer(folder, checkpoint, clips, folder / "clips", jobs),
        Pool(jobs, _prepare, str(checkpoint)),
    )
    engine.start()
    ours, reference = [], []
    for _ in range(1 if small else 3):
        ours.append(1000 * engine.seconds() / count)
        reference.append(1000 * pool.seconds(_decode_and_forward, chunks) / count)
    pool.close()
    settings = (
        f"{count:,} clips of {SHORTEST} to {LONGEST} s, tiny wav2vec2, {jobs} processes of 1 thread on both sides"
    )
    return [
        compare_repeats(
            "extraction, per utterance", "decoding + forward", ours, reference, "ms", settings, bar=1.1, at_most=True
        )
    ]


def _prepare(checkpoint: str) -> None:
    import transformers as hf

    _bare["model"] = hf.AutoModel.from_pretrained(checkpoint, attn_implementation="sdpa").eval()


def _decode_and_forward(paths: Sequence[str]) -> None:
    import soundfile
    import torch

    with torch.inference_mode():
        for path in paths:
            _bare["model"](torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None])
