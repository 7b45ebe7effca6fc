"""Run an extraction in a separate process that kills itself or is killed; a log lists each utterance that it starts.

The process kills itself in the middle of a part, because an outside watcher could come too late.
"""

import os
import signal
from functools import partial
from pathlib import Path

from featurestore.encoders.hf_text import HFText
from featurestore.engines import loky
from featurestore.extraction import partition, worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.support import inline

_encode_part = worker.encode_part


def run(folder: str, checkpoint: str, jobs: int, log: str, dies_at: int = 0) -> None:
    """Extract in parts of two utterances, and die in the middle of a part once `dies_at` (0: never) are finished."""
    loky.open_pool = inline.open_pool  # so that one job dies with the extraction
    partition.PART_UTTERANCES = 2
    worker.encode_part = partial(encode_part, log=Path(log), dies_at=dies_at)
    extract_encoder(Store(folder), EncoderSpec("", checkpoint), jobs=jobs, device="cpu")


def encode_part(task: worker.PartTask, *, log: Path, dies_at: int) -> worker.PartResult:
    """Encode one part in the extraction's process or in a worker's, and log and kill there."""
    original = HFText.load

    def load(self, item):
        with log.open("a") as file:
            file.write(f"{item.id}\n")
        if dies_at and item.id == task.part.work[-1].item.id and count_parts(task.path.parent) >= dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, item)

    HFText.load = load
    try:
        return _encode_part(task)
    finally:
        HFText.load = original


def count_parts(folder: Path) -> int:
    """Count the finished parts in a folder."""
    return len(list(folder.glob("[!.]*.h5")))
