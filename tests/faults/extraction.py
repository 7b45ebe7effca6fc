"""An extraction in a process of its own, to be killed; every utterance that is begun goes into a log."""

import sys
from pathlib import Path

# The process that others are forked from loads all of this once.
from transformers import AutoTokenizer, DebertaV2Model  # noqa: F401

from featurestore import plan
from featurestore.encoders.hf_text import HFText
from featurestore.extract import extract
from featurestore.spec import EncoderSpec
from featurestore.store import Store


def run(folder: str, checkpoint: str, jobs: int, log: str) -> None:
    """Extracts in parts of two utterances."""
    plan.PART_UTTERANCES = 2
    original = HFText.load

    def logged(self, item):
        with Path(log).open("a") as file:
            file.write(f"{item.id}\n")
        return original(self, item)

    HFText.load = logged
    extract(Store(folder), EncoderSpec("", checkpoint), jobs=jobs, device="cpu")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
