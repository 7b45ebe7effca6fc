"""Prepare batches in worker processes beside the network, with the same result for any number of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from featurestore.errors import Unavailable, Unencodable, summarize_error
from featurestore.networks.device import count_cores

_MOST = 4  # workers that are started by default: more of them wait for the disk or for the network
_AHEAD = 2  # batches that each worker prepares ahead


class UnreadableClip(Unavailable):
    """An utterance that could be read before training and cannot be read in it.

    Torch's loader raises an error of a worker anew, with the worker's traceback before its text. Only the text is kept.
    """

    def __init__(self, what: str, **rest: str) -> None:
        super().__init__(what.rpartition(f"{__name__}.{type(self).__name__}: ")[2].strip(), **rest)


@contextmanager
def explain_unreadable(utterance_id: str) -> Iterator[None]:
    """Turn any error of preparing an utterance into one message.

    Raises:
        UnreadableClip: instead of any error.
    """
    try:
        yield
    except Unavailable as problem:
        raise UnreadableClip(problem.text) from None
    except Exception as error:
        raise UnreadableClip(
            f"utterance {utterance_id} can no longer be read",
            got=str(error) if isinstance(error, Unencodable) else summarize_error(error),
            do="restore its file; the same command resumes from the last saved state",
        ) from None


def choose_workers(asked: int | None, device: str, modality: str, processes: int = 1) -> int:
    """Choose the number of workers of a process.

    Args:
        asked: by the user; None for no choice.
        device: of the network. On a CPU the network itself keeps the cores busy.
        modality: `audio` or `text`. A text is prepared faster than it is sent to another process.
        processes: that share the cores.
    """
    if asked is not None:
        return asked
    if device == "cpu" or modality == "text":
        return 0
    return max(0, min(_MOST, count_cores() // processes - 1))


def open_loader(part: Any, collate: Any, workers: int, **order: Any) -> Any:
    """Open a loader of batches, which starts its workers anew for every epoch.

    Workers that outlive an epoch would spare some 50 ms, and draw otherwise from torch's global random state than no
    workers at all: the dropout of an epoch would depend on their number.

    Args:
        part: the utterances.
        collate: makes a batch of prepared utterances.
        workers: processes of one thread each; 0 prepares batches in this process.
        order: options of torch's DataLoader: `batch_size`, `sampler`, `batch_sampler`, `pin_memory`.
    """
    apart = {"prefetch_factor": _AHEAD, "worker_init_fn": _start_worker} if workers else {}
    return torch.utils.data.DataLoader(part, collate_fn=collate, num_workers=workers, **apart, **order)


def explain_worker(error: Exception) -> Unavailable | None:
    """Return the message for a worker that ended by itself, or None for another error."""
    if not (isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker (pid")):
        return None
    return Unavailable(
        "a worker that prepares clips has ended, most likely out of memory",
        got=summarize_error(error),
        do="lower --workers; the same command resumes from the last saved state",
    )


def _start_worker(_number: int) -> None:
    threadpool_limits(1)  # torch limits itself; BLAS, which computes spectra, would use every core
