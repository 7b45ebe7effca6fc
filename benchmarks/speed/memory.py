"""Peak memory of `cli extract --frames --layers`: a corpus of 20,000 clips against one of 2,000.

Bar: within 10 %. Added up over the command and its workers, each at its own peak as the kernel kept it (resident
memory, mapped files included). The vectors are as wide as wav2vec2-base's (768), the network behind them is small.
"""

from pathlib import Path

from benchmarks.speed import _command, _corpus, _machine
from benchmarks.speed._row import Measurement, compare_repeats

SECONDS = 0.3  # length of a clip
OPTIONS = ("--frames", "--layers")


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure one extraction of each size, with pooled vectors alone and with everything that can be stored."""
    few, many = (20, 40) if small else (2_000, 20_000)
    checkpoint = _corpus.write_audio_encoder(folder / "checkpoint", tiny=True, width=768)
    clips = _corpus.write_clips(folder / "clips", [SECONDS] * many)
    rows = []
    for options in ((), OPTIONS):
        peaks = []
        for count in (few, many):
            store = _corpus.write_store(folder / f"store{count}{len(options)}", clips[:count], folder / "clips")
            peaks.append(_command.extract(store.path, checkpoint, *options).peak)
        name = " ".join([f"peak memory, {many:,} clips", *options])
        settings = f"{_machine.count_cores()} workers of 1 thread, clips of {SECONDS} s, vectors of 768"
        rows.append(
            compare_repeats(name, f"{few:,} clips", peaks[1:], peaks[:1], "MB", settings, bar=1.1, at_most=True),
        )
    return rows
