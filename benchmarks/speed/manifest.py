"""Reading and writing a manifest, at 10,000 to 1,000,000 rows, each size in its own process.

Bars: a manifest of 100,000 rows is read in 0.3 s, one of 1,000,000 in 3 s with 500 MB. The time is that of the
processor, which other programs disturb less. Rows have an id, a clip, a transcript of 3 to 19 words, a label, speaker,
dialogue, times and ratings, about 180 bytes each.
"""

from pathlib import Path

import numpy as np

from benchmarks.speed._growth import SIZES, SMALL, compare_sizes, measure_growth
from benchmarks.speed._row import Measurement, summarize
from benchmarks.speed._time import time_processor
from featurestore import manifest
from featurestore.manifest import Utterance

_COLUMN = "label"


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure each size once."""
    sizes, settings = SMALL if small else SIZES, "one process, processor time"
    written = [(rows, _write(rows, folder)) for rows in sizes]
    read = measure_growth(read_manifest, sizes, str(folder))
    hundred = [cost.seconds for cost in read if cost.rows == 100_000]
    column = [_read_column(folder / f"{sizes[-1]}.csv") for _ in range(3)]
    return [
        *compare_sizes("read a manifest", read, settings, seconds=3, memory=500),
        *(summarize("read a manifest of 100,000 rows", [seconds], "s", settings, bar=0.3) for seconds in hundred),
        summarize(f"list a column of {sizes[-1]:,} rows", column, "s", settings),
        *(summarize(f"format {rows:,} rows as a manifest", [seconds], "s", settings) for rows, seconds in written),
    ]


def read_manifest(rows: int, folder: str) -> float:
    """Return the seconds to read a manifest and to count its utterances."""
    path = Path(folder) / f"{rows}.csv"
    return time_processor(lambda: _read(path, rows))


def _read(path: Path, rows: int) -> None:
    if len(manifest.read(path)) != rows:
        raise RuntimeError("not every row was read: not a measurement")


def _read_column(path: Path) -> float:
    """Return the seconds to list a column of a manifest that has been read."""
    utterances = manifest.read(path)
    return time_processor(lambda: utterances.column(_COLUMN))


def _write(rows: int, folder: Path) -> float:
    """Write a manifest, and return the seconds to format it."""
    utterances = _make_rows(rows)
    (folder / f"{rows}.csv").write_text(manifest.to_csv(utterances), "utf-8")
    return time_processor(lambda: manifest.to_csv(utterances))


def _make_rows(count: int) -> list[Utterance]:
    random = np.random.default_rng(0)
    words = random.integers(3, 20, count)
    ratings = random.uniform(1, 7, (count, 3)).round(2).tolist()
    return [_make_row(number, int(words[number]), ratings[number]) for number in range(count)]


def _make_row(number: int, words: int, ratings: list[float]) -> Utterance:
    dialogue, turn = divmod(number, 50)
    name, start = f"podcast_{dialogue:06d}_{turn:04d}", round(turn * 4.37, 3)
    return Utterance(
        name,
        audio=f"Audios/{name}.wav",
        text=" ".join(f"w{number * 31 % 4000 + word}" for word in range(words)),
        label=("neutral", "happy", "sad", "angry")[number * 7 % 4],
        speaker=f"S{number % 1500:04d}",
        dialogue=f"podcast_{dialogue:06d}",
        start=start,
        end=start + 4.1,
        duration=4.1,
        valence=ratings[0],
        activation=ratings[1],
        dominance=ratings[2],
    )
