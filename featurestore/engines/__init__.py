"""Run work in worker processes here, or on a dask or ray cluster; each is an executor of `concurrent.futures`."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from featurestore import registry
from featurestore.engines._signals import ended_by_signals
from featurestore.engines._workers import Loss, Workers
from featurestore.errors import BadValue

__all__ = ["ENGINES", "Engine", "Loss", "Workers"]

ENGINES = ("loky", "dask", "ray")


@dataclass(frozen=True)
class Engine:
    """Name where work is done.

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
    def running(self) -> Iterator[Workers]:
        """Start or join the engine for the block, and yield its workers.

        Whatever ends the block ends the workers that were started for it: an exception, Ctrl-C, SIGTERM, SIGHUP.

        Raises:
            Unavailable: its package is missing, or its cluster does not answer.
        """
        module = importlib.import_module(f"{__name__}.{self.name}")
        with ended_by_signals(), module.running(self) as workers:
            yield workers
