"""An extraction in a process of its own, to be killed or to kill itself; every utterance that is begun goes into a log.

Only the process itself knows when it is in the middle of a part: one that watches it may look too late.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path

# The process that others are forked from loads all of this once.
from transformers import AutoTokenizer, DebertaV2Model  # noqa: F401

from featurestore.encoders.hf_text import HFText
from featurestore.engines import loky
from featurestore.extraction import plan, worker
from featurestore.extraction.extract import extract
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.support import inline

_encode_part = worker.encode_part


def run(folder: str, checkpoint: str, jobs: int, log: str, dies_at: int = 0) -> None:
    """Extracts in parts of two utterances; dies in the middle of one where `dies_at` (0: never) are finished."""
    loky.open_pool = inline.open_pool  # one job is killed with the extraction
    plan.PART_UTTERANCES = 2
    worker.encode_part = partial(encode_part, log=Path(log), dies_at=dies_at)
    extract(Store(folder), EncoderSpec("", checkpoint), jobs=jobs, device="cpu")


def encode_part(task: worker.Task, *, log: Path, dies_at: int) -> worker.Done:
    """Encodes one part, in the extraction's own process or in a worker's, which then is the one that dies."""
    original = HFText.load

    def logged(self, item):
        with log.open("a") as file:
            file.write(f"{item.id}\n")
        if dies_at and item.id == task.part.work[-1].item.id and finished(task.path.parent) >= dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, item)

    HFText.load = logged
    try:
        return _encode_part(task)
    finally:
        HFText.load = original


def finished(folder: Path) -> int:
    """How many parts are finished."""
    return len(list(folder.glob("[!.]*.h5")))


if __name__ == "__main__":
    from tests.faults import extraction  # workers find what they are handed under this name only

    extraction.run(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
