"""`cli extract` on a finished store of 10,000 utterances: under 3 s from start to end, nothing encoded.

Python's start, the imports and the digests of all 10,000 clips are part of it.
"""

from pathlib import Path

from benchmarks.speed import _command, _corpus, _machine
from benchmarks.speed._engine import ExtractionTimer
from benchmarks.speed._row import Measurement, summarize

SECONDS = 0.5  # length of a clip


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Time the command several times on a store that one extraction has finished."""
    count = 20 if small else 10_000
    checkpoint = _corpus.write_audio_encoder(folder / "checkpoint", tiny=True)
    clips = _corpus.write_clips(folder / "clips", [SECONDS] * count)
    ExtractionTimer(folder, checkpoint, clips, folder / "clips", _machine.count_cores()).seconds()
    runs = [_command.extract(folder / "store1", checkpoint) for _ in range(1 if small else 5)]
    encoded = [float(run.answer[0]["encoded"]) for run in runs]
    settings = f"{count:,} clips of {SECONDS} s, files in the page cache"
    return [
        summarize("cli extract on a finished store", [run.seconds for run in runs], "s", settings, bar=3),
        summarize("utterances encoded by it", encoded, "", settings, bar=0),
    ]
