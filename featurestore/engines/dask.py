"""Use the workers of a running dask cluster, or start a cluster of processes on this machine."""

import asyncio
import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from featurestore.engines.signals import block_hangup
from featurestore.engines.worker_pool import WorkerFailure, WorkerPool, check_package, watch_count
from featurestore.errors import Unavailable, shorten_error
from featurestore.networks.device import count_cores

if TYPE_CHECKING:
    from featurestore.engines import Engine

_ANSWER = 20  # seconds that a scheduler may take to answer
_LOGGERS = ("distributed", "distributed.client")  # the client's logger has its own level


@contextmanager
def open_pool(engine: "Engine") -> Iterator[WorkerPool]:
    """Join a running cluster, or start one here for the block, and yield its workers.

    A cluster that was started here ends with the block. A cluster that ran before keeps running, and drops the
    unfinished work of this client.

    Raises:
        Unavailable: dask is not installed, no scheduler answers, or no worker process can be started here.
    """
    check_package("distributed", "dask")
    with _silence_dask(), _open_cluster(engine) as cluster, _connect(cluster) as client:
        address = client.scheduler.address
        start = f"start some: `dask worker {address} --nthreads 1`"
        no_worker = WorkerFailure(
            f"the dask scheduler at {address} has no worker",
            start if engine.scheduler else "use --engine loky, which needs no cluster",
        )
        with watch_count(lambda: sum(client.nthreads().values())) as count:
            yield WorkerPool(_DaskTasks(client), count, no_worker, lambda error: _explain(error, client, address))


class _DaskTasks(Executor):
    """Run each call as a dask task.

    dask's own `Client.get_executor` is not used: its future never ends if the result is lost on the way here.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start a task and return its future, which ends with the task however the task ends."""
        task = self._client.submit(fn, *args, pure=False, **kwargs)
        return asyncio.run_coroutine_threadsafe(_await_task(task), self._client.loop.asyncio_loop)


async def _await_task(task: Any) -> Any:
    return await task


def _explain(error: BaseException, client: Any, address: str) -> WorkerFailure | None:
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return WorkerFailure(
            "a worker process died, likely out of memory",
            f"dask gave up after several attempts: {shorten_error(error)}",
        )
    if isinstance(error, CancelledError) or client.status != "running":
        return WorkerFailure(
            f"the dask scheduler at {address} stopped or restarted during the work",
            "first start it and its workers again",
        )
    return None


@contextmanager
def _open_cluster(engine: "Engine") -> Iterator[Any]:
    """Yield the scheduler's address, or a cluster of processes here that ends with the block."""
    if engine.scheduler:
        yield engine.scheduler
        return
    from distributed import LocalCluster

    with block_hangup():
        resource_tracker.ensure_running()
    try:
        cluster = LocalCluster(
            n_workers=engine.jobs or count_cores(),
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        )
    except (OSError, RuntimeError) as error:
        raise Unavailable(
            "dask could not start its worker processes on this machine",
            got=shorten_error(error),
            do="use --engine loky, or start a cluster yourself: --scheduler tcp://host:port",
        ) from None
    with cluster:
        yield cluster


@contextmanager
def _connect(cluster: Any) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(cluster, set_as_default=False, timeout=_ANSWER)
    except (OSError, ValueError, TypeError) as error:
        raise Unavailable(
            f"no dask scheduler answers at {cluster}",
            got=shorten_error(error),
            do="start one with `dask scheduler` and workers with `dask worker tcp://host:8786 --nthreads 1`",
        ) from None
    with client:
        yield client


@contextmanager
def _silence_dask() -> Iterator[None]:
    """Hide dask's log and warnings for the block, because our own messages say what matters."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
