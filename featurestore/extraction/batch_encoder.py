"""Encode loaded utterances in batches that fit into memory, so that a GPU always has the next batch."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from featurestore import encoders
from featurestore.encoders import Encoded, Encoder
from featurestore.errors import Unencodable, UnencodableNow, summarize_error
from featurestore.extraction.part_file import RETRY, Failure
from featurestore.extraction.partition import Work, group_batches
from featurestore.networks.memory import means_out_of_memory, release_memory
from featurestore.networks.turns import take_turn

# Utterances that are sorted by length and batched together: the more, the less padding their batches need. A group of a
# GPU is limited by the size of its batches too, because the clips of the next one are loaded at the same time.
GROUP_SIZE, GPU_GROUP_SIZE = 128, 2048
GPU_GROUP_BATCHES = 4

IN_FLIGHT = 2  # batches of a GPU: one that it computes, and the next

Loaded = tuple[int, Any]  # an utterance's position in the part, and what the encoder has loaded of it


class Attempt(NamedTuple):
    """Outcome of encoding a batch: its vectors, or None if it failed, for lack of memory or not."""

    encoded: list[Encoded] | None
    no_memory: bool


class BatchEncoder:
    """Encode the utterances of one part.

    The encoder's budget is an estimate. If memory runs out, it becomes half of what did not fit, for the rest of the
    worker's life, and the batch is encoded in pieces. An utterance fails for memory only if it does not fit alone.

    Args:
        encoder: a loaded encoder.
        kinds: what every vector has.
        device: where the encoder is.
        work: the part's utterances.

    Attributes:
        vectors: by position in the part.
        failures: of the others.
    """

    def __init__(self, encoder: Encoder, kinds: frozenset[str], device: str, work: Sequence[Work]) -> None:
        self.encoder, self.kinds, self.device, self.work = encoder, kinds, device, work
        self.vectors: dict[int, Encoded] = {}
        self.failures: list[Failure] = []

    def run(self, loads: Iterable[Loaded]) -> None:
        """Encode all loaded utterances. While a GPU computes one batch, another thread prepares the next."""
        if self.device == "cpu":
            for batch in self._batch(iter(loads)):
                self._keep(batch, self._attempt(batch))
            return
        running: deque[tuple[list[Loaded], Future[Attempt]]] = deque()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            for batch in self._batch(iter(loads)):
                running.append((batch, pool.submit(self._attempt, batch)))
                if len(running) == IN_FLIGHT:
                    self._keep_first(running)
            while running:
                self._keep_first(running)

    @contextmanager
    def record_failure(self, position: int) -> Iterator[None]:
        """Record an error of the block as the failure of one utterance."""
        one = self.work[position]
        try:
            yield
        except UnencodableNow as reason:
            self.failures.append(Failure(one.item.id, RETRY, reason.what))
        except Unencodable as reason:
            self.failures.append(Failure(one.item.id, one.key, reason.what))
        except Exception as error:
            # A third-party network may raise anything on one clip of ten thousand; the clip is listed as failed.
            self.failures.append(Failure(one.item.id, RETRY, summarize_error(error)))

    def _batch(self, loads: Iterator[Loaded]) -> Iterator[list[Loaded]]:
        """Yield batches, the longest of each group first, so that a lack of memory shows early."""
        while group := self._take_group(loads):
            yield from self._split_again(group)

    def _take_group(self, loads: Iterator[Loaded]) -> list[Loaded]:
        """Take the utterances of the next few batches."""
        if not self.encoder.budget:
            return list(islice(loads, 1))
        if self.device == "cpu":
            return list(islice(loads, GROUP_SIZE))
        group: list[Loaded] = []
        left = GPU_GROUP_BATCHES * self.encoder.budget
        while left > 0 and len(group) < GPU_GROUP_SIZE and (one := next(loads, None)):
            group.append(one)
            left -= self.encoder.size(one[1])
        return group

    def _split_again(self, group: Sequence[Loaded]) -> Iterator[list[Loaded]]:
        """Yield batches, the longest first, each within the budget at the time when it is taken."""
        for batch in reversed(self._split(group)):
            yield from reversed(self._split(batch))

    def _split(self, group: Sequence[Loaded]) -> list[list[Loaded]]:
        batches = group_batches([self.encoder.size(loaded) for _, loaded in group], self.encoder.budget)
        return [[group[index] for index in batch] for batch in batches]

    def _encode(self, batch: Sequence[Loaded]) -> list[Encoded]:
        with take_turn():
            return encoders.encode(self.encoder, [loaded for _, loaded in batch], self.kinds)

    def _attempt(self, batch: Sequence[Loaded]) -> Attempt:
        """Encode a batch, and return no error, because its traceback would keep in memory what the batch took."""
        try:
            return Attempt(self._encode(batch), no_memory=False)
        except Exception as error:
            return Attempt(None, no_memory=means_out_of_memory(error))

    def _keep_first(self, running: "deque[tuple[list[Loaded], Future[Attempt]]]") -> None:
        batch, future = running.popleft()
        self._keep(batch, future.result())

    def _keep(self, batch: Sequence[Loaded], attempt: Attempt) -> None:
        """Keep the vectors of a batch, or encode it again in smaller pieces if it failed."""
        if attempt.encoded is not None:
            self.vectors |= zip((position for position, _ in batch), attempt.encoded, strict=True)
            return
        if attempt.no_memory:
            self._shrink(batch)
        if attempt.no_memory and len(batch) > 1:
            for piece in self._split_again(batch):
                self._keep(piece, self._attempt(piece))
        else:
            self._encode_each(batch)

    def _shrink(self, batch: Sequence[Loaded]) -> None:
        """Lower the budget to half of what did not fit, and give cached memory back."""
        padded = len(batch) * max(self.encoder.size(loaded) for _, loaded in batch)
        self.encoder.budget = min(self.encoder.budget, max(1, padded // 2))
        release_memory(self.device)

    def _encode_each(self, batch: Sequence[Loaded]) -> None:
        """Encode each utterance alone, so that one bad utterance does not fail its batch."""
        for position, loaded in batch:
            with self.record_failure(position):
                self.vectors[position] = self._encode_alone(loaded)

    def _encode_alone(self, loaded: Any) -> Encoded:
        try:
            return self._encode([(0, loaded)])[0]
        except Exception as error:
            if not means_out_of_memory(error):
                raise
            reason = summarize_error(error)
        release_memory(self.device)
        where = "this machine; use --jobs 1" if self.device == "cpu" else f"{self.device}; use --device cpu"
        raise UnencodableNow(
            f"alone too long for the free memory of {where}, cut it, or take a machine with more memory ({reason})"
        )
