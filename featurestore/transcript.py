"""Hold what a recognizer has written down of the utterances of a store: words, with confidences and times."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.storage.feature_file import FeatureFile


class Transcript:
    """Recognized words by utterance id. `Store.transcript(name)` opens it.

    Args:
        files: the finished file of a store, or those of its shards in order.

    Example:
        transcript = Store("features/demo").transcript("asr")
        transcript.texts["d01_neutral_f1"], transcript.confidences["d01_neutral_f1"]
    """

    def __init__(self, files: Sequence[FeatureFile]) -> None:
        self.files = tuple(files)

    @property
    def name(self) -> str:
        """Name of the transcript."""
        return self.files[0].header.name

    @property
    def recognizer(self) -> dict[str, Any]:
        """Description of the checkpoint that made it, with its language, its decoding and how confidence is defined."""
        return self.files[0].header.encoder

    @property
    def fingerprint(self) -> str:
        """The sha256 of everything about the recognizer that shapes words."""
        return self.files[0].header.fingerprint

    @property
    def update_command(self) -> str:
        """The command that updates the transcript."""
        return self.files[0].update_command

    @cached_property
    def texts(self) -> dict[str, str]:
        """Words of each utterance, one space between two; empty where nothing was recognized."""
        return {one: text.tobytes().decode("utf-8") for one, text in self._read("text").items()}

    @cached_property
    def confidences(self) -> dict[str, NDArray[np.float32]]:
        """Confidence of each word, 0 to 1, (W,): the geometric mean of the probabilities of its tokens."""
        return self._read("confidence")

    @cached_property
    def times(self) -> dict[str, NDArray[np.float32]]:
        """Begin and end of each word in seconds from the start of the clip, (W, 2). Empty of a model without times."""
        return self._read("times") if "times" in self.files[0].kinds else {}

    @cached_property
    def failed(self) -> dict[str, str]:
        """Utterances that could not be transcribed: the reason, by id."""
        return {one: reason for file in self.files for one, reason in file.failed.items()}

    def __repr__(self) -> str:
        return f"<Transcript {self.name} of {sum(len(file.ids) for file in self.files)} utterances>"

    def _read(self, kind: str) -> dict[str, np.ndarray]:
        return {one: file.frames(row, kind) for file in self.files for row, one in enumerate(file.ids)}
