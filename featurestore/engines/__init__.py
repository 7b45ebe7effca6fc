"""Run work in worker processes on this machine, or on a dask or ray cluster."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from featurestore.engines.signals import exit_on_signals
from featurestore.engines.worker_pool import WorkerFailure, WorkerPool
from featurestore.errors import BadValue
from featurestore.known_names import check_known

__all__ = ["ENGINES", "Engine", "WorkerFailure", "WorkerPool"]

ENGINES = ("loky", "dask", "ray")


@dataclass(frozen=True)
class Engine:
    """Where work runs, and with how many workers.

    Args:
        name: `loky`, `dask` or `ray`.
        jobs: worker processes; 0 means one per core (one in all on a GPU). A cluster that runs already has its own.
        scheduler: address of a running dask cluster, `tcp://host:port`; if empty, workers are started here.
        device: `cpu`, `cuda`, …; if empty, each worker takes the GPU that the engine gives it, else the CPU.

    Raises:
        UnknownName: there is no such engine.
        BadValue: a scheduler is given for an engine that takes none.
    """

    name: str = "loky"
    jobs: int = 0
    scheduler: str = ""
    device: str = ""

    def __post_init__(self) -> None:
        check_known(self.name, ENGINES, what=f"engine {self.name!r}")
        if self.scheduler and self.name != "dask":
            raise BadValue(
                f"engine {self.name} takes no --scheduler",
                do="--engine dask --scheduler tcp://host:port" + (", or set RAY_ADDRESS" if self.name == "ray" else ""),
            )

    @property
    def local(self) -> bool:
        """True if the workers are processes of this machine that share its memory with this command."""
        return self.name == "loky"

    @contextmanager
    def open_pool(self) -> Iterator[WorkerPool]:
        """Start or join the engine for the block, and yield its workers.

        Workers that were started for the block end with it, also on an exception, Ctrl-C, SIGTERM and SIGHUP.

        Raises:
            Unavailable: the engine's package is missing, or its cluster does not answer.
        """
        module = importlib.import_module(f"{__name__}.{self.name}")
        with exit_on_signals(), module.open_pool(self) as pool:
            yield pool
