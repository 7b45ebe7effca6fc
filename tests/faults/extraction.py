"""Run an extraction that loads no network and dies in the middle of a part; a log lists each utterance that it starts.

The process that encodes kills itself, because an outside watcher could come too late.
"""

import os
import signal
from functools import partial
from pathlib import Path
from unittest import mock

from featurestore.encoders.hf_ctc import HFCtc
from featurestore.engines import loky
from featurestore.extraction import partition, worker
from featurestore.extraction.extract import extract_encoder
from featurestore.spec import EncoderSpec, Recognition
from featurestore.store import Store
from tests.faults import letters
from tests.support import inline

_encode_part = worker.encode_part


def run(
    folder: str | Path,
    checkpoint: str | Path,
    jobs: str | int,
    log: str | Path,
    dies_at: str | int = 0,
    transcript: str = "",
) -> None:
    """Extract in parts of two utterances, and die in the middle of a part once `dies_at` (0: never) are finished.

    With the name of a transcript, the checkpoint is a recognizer that writes it.
    """
    loky.open_pool = inline.open_pool  # so that one job dies with the extraction
    partition.PART_UTTERANCES = 2
    worker.encode_part = partial(encode_part, log=Path(log), dies_at=int(dies_at))
    spec = EncoderSpec(transcript, str(checkpoint), recognition=Recognition() if transcript else None)
    extract_encoder(Store(folder), spec, jobs=int(jobs), device="cpu")


def encode_part(task: worker.PartTask, *, log: Path, dies_at: int) -> worker.PartResult:
    """Encode a part by counting letters, or by a recognizer itself, and die at its last utterance if it is time to."""
    recognizes = task.identity.description["class"] == "hf-ctc"
    kind = HFCtc if recognizes else letters.Letters
    original = kind.load

    def load(self, item):
        with log.open("a") as file:
            file.write(f"{item.id}\n")
        if dies_at and item.id == task.part.work[-1].item.id and count_parts(task.path.parent) >= dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, item)

    with mock.patch.object(kind, "load", load):
        return _encode_part(task) if recognizes else letters.encode_part(task)


def count_parts(folder: Path) -> int:
    """Count the finished parts in a folder."""
    return len(list(folder.glob("[!.]*.h5")))
