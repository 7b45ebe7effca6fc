"""Run an extraction by two workers that load no network, one of which dies in the middle of a part."""

import os
import signal
from functools import partial

from featurestore.extraction import partition, worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec
from featurestore.store import Store
from tests.faults import letters


def run(folder: str, checkpoint: str, parts: str) -> None:
    """Extract in parts of two utterances by two workers, which die in the middle of a part once some are finished."""
    partition.PART_UTTERANCES = 2
    worker.encode_part = partial(encode_part, dies_at=int(parts))
    extract_encoder(Store(folder), EncoderSpec("", checkpoint), jobs=2, device="cpu")


def encode_part(task: worker.PartTask, *, dies_at: int) -> worker.PartResult:
    """Encode a part by counting letters, and die at its last utterance once `dies_at` parts are on disk."""

    class Deadly(letters.Letters):
        def load(self, item):
            finished = len(list(task.path.parent.glob("[!.]*.h5")))
            if item.id == task.part.work[-1].item.id and finished >= dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().load(item)

    return letters.encode_part(task, Deadly)
