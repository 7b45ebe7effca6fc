"""Workers of a dask cluster: one that runs already, or one of processes that are started here."""

import asyncio
import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from featurestore.engines._workers import Loss, Workers, check_package, counted
from featurestore.errors import Unavailable
from featurestore.networks.device import cores

if TYPE_CHECKING:
    from featurestore.engines import Engine

_ANSWER = 20  # seconds that a scheduler may take to answer
_LOGGERS = ("distributed", "distributed.client")  # dask gives the client's a level of its own


@contextmanager
def running(engine: "Engine") -> Iterator[Workers]:
    """Join a running cluster, or start one here for the block, and yield its workers.

    The workers of a cluster that was started here end with the block. A cluster that ran before goes on; it drops the
    work of a client that leaves.

    Raises:
        Unavailable: dask is not installed, no scheduler answers, or no worker process can be started here.
    """
    check_package("distributed", "dask")
    with _quiet(), _place(engine) as place, _client(place) as client:
        address = client.scheduler.address
        start = f"start some: `dask worker {address} --nthreads 1`"
        absence = Loss(
            f"the dask scheduler at {address} has no worker",
            start if engine.scheduler else "--engine loky needs no cluster",
        )
        with counted(lambda: sum(client.nthreads().values())) as count:
            yield Workers(_DaskTasks(client), count, absence, lambda error: _loss(error, client, address))


class _DaskTasks(Executor):
    """Run each call as a dask task.

    dask's own `Client.get_executor` is not used: a result that is lost on its way here never ends its future.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start a task and return its future, which ends with the task whatever becomes of it."""
        task = self._client.submit(fn, *args, pure=False, **kwargs)
        return asyncio.run_coroutine_threadsafe(_answer(task), self._client.loop.asyncio_loop)


async def _answer(task: Any) -> Any:
    return await task


def _loss(error: BaseException, client: Any, address: str) -> Loss | None:
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        told = " ".join(str(error).split())[:200]
        death = "a worker process died, most likely for want of memory"
        return Loss(death, f"dask gave up after several attempts: {told}")
    if isinstance(error, CancelledError) or client.status != "running":
        return Loss(
            f"the dask scheduler at {address} ended, or was restarted, in the middle of the work",
            "start it and its workers before that",
        )
    return None


@contextmanager
def _place(engine: "Engine") -> Iterator[Any]:
    """Yield the scheduler's address, or a cluster of processes here that ends with the block."""
    if engine.scheduler:
        yield engine.scheduler
        return
    from distributed import LocalCluster

    workers = engine.jobs or cores()
    try:
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        )
    except (OSError, RuntimeError) as error:
        raise Unavailable(
            "dask could not start its worker processes on this machine",
            got=_line(error),
            do="use --engine loky, or start a cluster and name it: --scheduler tcp://host:port",
        ) from None
    with cluster:
        yield cluster


@contextmanager
def _client(place: Any) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(place, set_as_default=False, timeout=_ANSWER)
    except (OSError, ValueError, TypeError) as error:
        raise Unavailable(
            f"no dask scheduler answers at {place}",
            got=_line(error),
            do="start one with `dask scheduler` and workers with `dask worker tcp://host:8786 --nthreads 1`",
        ) from None
    with client:
        yield client


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask's own log and warnings from users for the block: what matters of them is said in our messages."""
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


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
