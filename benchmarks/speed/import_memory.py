"""Growth of the peak anonymous memory of `cli import` from 10,000 to 100,000 rows of 768 float32, `.npy` and Parquet.

Bar: at most half the size of the vectors that are added. Those are read and written a block at a time. What grows is
the manifest, ids and digests, about 1 kB a row. Memory-mapped files are not counted.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.speed import _command, _corpus
from benchmarks.speed._row import Measurement, compare_repeats
from featurestore.manifest import Utterance

WIDTH = 768


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure one import of each size and format, into stores of texts."""
    few, many = (100, 1000) if small else (10_000, 100_000)
    peaks: dict[str, list[float]] = {}
    for count in (few, many):
        rows = [Utterance(f"u{number:06d}", text=f"sentence {number}") for number in range(count)]
        store = _corpus.write_store(folder / f"store{count}", rows, folder)
        for name, options in _write_files(folder / str(count), [row.id for row in rows]).items():
            file = folder / str(count) / name
            found = _command.import_features(store.path, file, "--name", "text", "--modality", "text", *options)
            peaks.setdefault(file.suffix, []).append(found.peak)
    settings = f"rows of {WIDTH} float32, one process, memory sampled every {_command.INTERVAL} s"
    added = (many - few) * WIDTH * 4 / 2**20
    return [
        compare_repeats(
            f"growth of import memory, {few:,} to {many:,} rows, {kind}",
            "their vectors",
            [after - before],
            [added],
            "MB",
            f"{settings}, peaks {before:.0f} and {after:.0f} MB",
            bar=0.5,
            at_most=True,
        )
        for kind, (before, after) in peaks.items()
    ]


def _write_files(folder: Path, ids: list[str]) -> Mapping[str, tuple[str, ...]]:
    """Write the same features in both formats, and return the options that each needs, by name of file."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir()
    matrix = np.random.default_rng(0).standard_normal((len(ids), WIDTH), dtype=np.float32)
    np.save(folder / "features.npy", matrix)
    (folder / "ids.txt").write_text("\n".join(ids) + "\n", "utf-8")
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), WIDTH)
    table = pa.table({"id": pa.array(ids), "mean": vectors})
    parquet.write_table(table, folder / "features.parquet", row_group_size=1024)
    return {"features.npy": ("--ids", str(folder / "ids.txt")), "features.parquet": ()}
