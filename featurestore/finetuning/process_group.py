"""Join the processes that share a training into one group, and let them wait for each other and decide together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits
from torch import distributed


@contextmanager
def join_group(process: int, processes: int, meeting: Path, *, gpu: bool) -> Iterator[None]:
    """Join the group, as accelerate expects it, and leave it after the block.

    A process that fails stays in it, so that the others do not fail on its absence: whoever started them ends all.

    Args:
        process: number of this process, from 0.
        processes: number of all.
        meeting: a file that they find each other by. It must not exist before.
        gpu: whether each has a GPU of its own; else each has one thread.
    """
    ranks = {"RANK": process, "LOCAL_RANK": process, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    os.environ |= {name: str(value) for name, value in ranks.items()}
    if gpu:
        torch.cuda.set_device(process)
    else:
        os.environ["OMP_NUM_THREADS"] = "1"
        torch.set_num_threads(1)
        threadpool_limits(1)
    store = distributed.FileStore(str(meeting), processes)
    backend, device = ("nccl", torch.device("cuda", process)) if gpu else ("gloo", None)
    distributed.init_process_group(backend, store=store, rank=process, world_size=processes, device_id=device)
    yield
    distributed.barrier()
    distributed.destroy_process_group()


def wait_for_others() -> None:
    """Wait until every process of the group is here. One process alone goes on."""
    if _is_shared():
        distributed.barrier()


def decide_together(wish: bool) -> bool:
    """Return what the first process of the group wishes. One process alone gets its wish."""
    if not _is_shared():
        return wish
    wishes = [wish]
    distributed.broadcast_object_list(wishes, src=0)
    return bool(wishes[0])


def _is_shared() -> bool:
    return bool(distributed.is_available() and distributed.is_initialized())
