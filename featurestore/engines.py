"""Where parts are encoded: worker processes here, or a dask or ray cluster; each a backend of joblib, none our own."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from featurestore import registry
from featurestore.device import cores
from featurestore.errors import BadValue, Unavailable


@dataclass(frozen=True)
class Engine:
    """Where the work goes.

    Args:
        name: `loky`, `dask` or `ray`.
        jobs: worker processes; 0 means one per core (one in all on a GPU). A cluster that runs already has its own.
        scheduler: of a running dask cluster, `tcp://host:port`; without one, workers are started here.
        device: `cpu`, `cuda`, …; empty means that each worker takes the GPU that the engine gives it, else the CPU.

    Raises:
        UnknownName: no such engine.
        BadValue: a scheduler for an engine that has none.
    """

    name: str = "loky"
    jobs: int = 0
    scheduler: str = ""
    device: str = ""

    def __post_init__(self) -> None:
        registry.check(self.name, ENGINES, what=f"engine {self.name!r}")
        if self.scheduler and self.name != "dask":
            raise BadValue(
                f"engine {self.name} takes no --scheduler",
                do="--engine dask --scheduler tcp://host:port" + (", or set RAY_ADDRESS" if self.name == "ray" else ""),
            )

    @property
    def local(self) -> bool:
        """Whether its workers are processes of this machine that share this command's memory."""
        return self.name == "loky"

    @contextmanager
    def running(self) -> Iterator[int]:
        """Starts or joins the engine for the block; gives the number of its workers.

        Raises:
            Unavailable: its package is missing, or its cluster does not answer.
        """
        with warnings.catch_warnings():
            for message in _NOT_FOR_USERS:
                warnings.filterwarnings("ignore", message, UserWarning)
            with ENGINES[self.name](self) as workers:
                yield workers


# Of joblib: a worker whose first part was a small one is taken for a leaking one and replaced; a run that ends early
# leaves tasks over. Nothing is lost by either, and why a run ended early is told.
_NOT_FOR_USERS = (
    "A worker stopped while some jobs were given",
    r"\d+ tasks (have been successfully executed|which were still being processed)",
)


@contextmanager
def _loky(engine: Engine) -> Iterator[int]:
    from joblib import parallel_config

    jobs = engine.jobs or cores()
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        yield jobs


_START = 60  # seconds that the first dask worker may take: one that was lost is started again, on a busy machine


@contextmanager
def _dask(engine: Engine) -> Iterator[int]:
    _check_package("distributed", "dask")
    from distributed import Client
    from joblib import parallel_config, register_parallel_backend

    register_parallel_backend("dask-parts", _dask_backend())
    place = engine.scheduler or _local_cluster(engine.jobs)
    try:
        client = Client(place, set_as_default=False, timeout=20)
    except (OSError, ValueError, TypeError) as error:
        raise Unavailable(
            f"no dask scheduler answers at {engine.scheduler}",
            got=" ".join(str(error).split())[:200],
            do="start one with `dask scheduler` and workers with `dask worker tcp://host:8786 --nthreads 1`",
        ) from None
    with client, parallel_config("dask-parts", client=client, n_jobs=-1, wait_for_workers_timeout=_START):
        try:
            yield _workers(place)
        finally:
            if not engine.scheduler:
                client.cluster.close()


def _workers(place: Any) -> int:
    """How many there are, once the first one is there."""
    from joblib import effective_n_jobs

    try:
        return int(effective_n_jobs(-1))
    except TimeoutError:
        raise Unavailable(
            f"the dask scheduler at {place} has no workers, {_START} s long",
            do="start some: `dask worker SCHEDULER --nthreads 1`",
        ) from None


@contextmanager
def _ray(engine: Engine) -> Iterator[int]:
    _check_package("ray", "ray")
    import ray
    from joblib import effective_n_jobs, parallel_config
    from ray.util.joblib import register_ray

    register_ray()
    started = not ray.is_initialized()
    try:
        # Without an address ray takes $RAY_ADDRESS; without that it starts here.
        here = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": engine.jobs or None, "include_dashboard": False}
        ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="error", **here)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Unavailable(
            f"no ray cluster answers at {os.environ.get('RAY_ADDRESS', 'this machine')}",
            got=" ".join(str(error).split())[:200],
            do="start one with `ray start --head`, and set RAY_ADDRESS to host:port",
        ) from None
    # A worker sees only the GPUs that it asks for.
    wanted = {"num_gpus": 1} if engine.device.startswith("cuda") or ray.cluster_resources().get("GPU") else {}
    try:
        with parallel_config("ray", n_jobs=-1, ray_remote_args=wanted or None):
            yield int(effective_n_jobs(-1))
    finally:
        if started:
            ray.shutdown()


ENGINES: dict[str, Callable[[Engine], AbstractContextManager[int]]] = {"loky": _loky, "dask": _dask, "ray": _ray}


def _local_cluster(jobs: int) -> Any:
    from distributed import LocalCluster

    workers = jobs or cores()
    return LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0")


def _dask_backend() -> Any:
    """joblib's dask backend, with one repair: a task that fails must wake the caller, who otherwise waits for ever."""
    import asyncio

    from joblib._dask import DaskDistributedBackend

    class Waking(DaskDistributedBackend):
        async def _collect(self) -> None:
            while self._continue:
                async for future, result in self.waiting_futures:
                    answer, callback = self._results.pop(future), self._callbacks.pop(future)
                    if future.status == "error":
                        result = _Raised(result[1])
                    answer.set_result(result)
                    callback(result)
                await asyncio.sleep(0.01)

        def retrieve_result_callback(self, out: Any) -> Any:
            if isinstance(out, _Raised):
                raise out.error
            return super().retrieve_result_callback(out)

    return Waking


@dataclass(frozen=True)
class _Raised:
    error: BaseException


def _check_package(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise Unavailable(f"engine {extra} needs the package {package}", do=f"pip install 'emofuse[{extra}]'")
