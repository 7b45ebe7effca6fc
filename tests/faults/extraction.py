"""Run an extraction that loads no network and dies in the middle of a part; a log lists each utterance that it starts.

The process that encodes kills itself, because an outside watcher could come too late.
"""

import os
import signal
from functools import partial
from pathlib import Path

from featurestore.engines import loky
from featurestore.extraction import partition, worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.faults import letters
from tests.support import inline


def run(folder: str | Path, checkpoint: str | Path, jobs: str | int, log: str | Path, dies_at: str | int) -> None:
    """Extract in parts of two utterances, and die in the middle of a part once `dies_at` (0: never) are finished."""
    loky.open_pool = inline.open_pool  # so that one job dies with the extraction
    partition.PART_UTTERANCES = 2
    worker.encode_part = partial(encode_part, log=Path(log), dies_at=int(dies_at))
    extract_encoder(Store(folder), EncoderSpec("", str(checkpoint)), jobs=int(jobs), device="cpu")


def encode_part(task: worker.PartTask, *, log: Path, dies_at: int) -> worker.PartResult:
    """Encode a part by counting letters, and die at its last utterance if it is time to."""

    class Deadly(letters.Letters):
        def load(self, item):
            with log.open("a") as file:
                file.write(f"{item.id}\n")
            if dies_at and item.id == task.part.work[-1].item.id and count_parts(task.path.parent) >= dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().load(item)

    return letters.encode_part(task, Deadly)


def count_parts(folder: Path) -> int:
    """Count the finished parts in a folder."""
    return len(list(folder.glob("[!.]*.h5")))
