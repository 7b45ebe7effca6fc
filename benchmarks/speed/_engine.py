"""Time an extraction on a prepared store, with workers that have already started."""

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed import _corpus
from featurestore.extraction.extract import Extraction, extract_encoder
from featurestore.manifest import Utterance
from featurestore.spec import EncoderSpec


class ExtractionTimer:
    """An encoder and a corpus; every extraction writes to a new store."""

    def __init__(
        self, folder: Path, checkpoint: Path, rows: Sequence[Utterance], root: Path, jobs: int, device: str = "cpu"
    ) -> None:
        self.folder, self.rows, self.root, self.jobs, self.device = folder, rows, root, jobs, device
        self.spec = EncoderSpec("", str(checkpoint))
        self.runs = 0

    def start(self) -> float:
        """Start new workers, load the network in each on a few utterances, and return the seconds.

        As in every extraction the workers are new and the first tasks are the longest: loky replaces a worker that
        grows by much after its first task, as a leaking one.
        """
        from loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)
        by_length = sorted(self.rows, key=lambda row: (row.duration or 0.0, len(row.text)))
        return self.seconds(list(dict.fromkeys([*by_length[: 8 * self.jobs], *by_length[-self.jobs :]])))

    def seconds(self, rows: Sequence[Utterance] = ()) -> float:
        """Return the seconds of one extraction: hashing, planning, decoding, encoding, writing, joining."""
        rows = rows or self.rows
        self.runs += 1
        store = _corpus.write_store(self.folder / f"store{self.runs}", rows, self.root)
        started = time.perf_counter()
        done: Extraction = extract_encoder(store, self.spec, jobs=self.jobs, device=self.device, say=_silent)
        taken = time.perf_counter() - started
        if done.encoded != len(rows) or done.failed:
            raise RuntimeError(f"{done.encoded} of {len(rows)} encoded, {len(done.failed)} failed: not a measurement")
        return taken


def _silent(line: str) -> None:
    """Drop the engine's progress lines."""
