"""Use the workers of the ray cluster at `$RAY_ADDRESS`, or start a cluster on this machine."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from featurestore.engines.signals import keep_handlers
from featurestore.engines.worker_pool import WorkerFailure, WorkerPool, check_package, watch_count
from featurestore.errors import Unavailable, shorten_error

if TYPE_CHECKING:
    from featurestore.engines import Engine

_RETRIES = 3  # times that a call is started again after its worker died


@contextmanager
def open_pool(engine: "Engine") -> Iterator[WorkerPool]:
    """Join the cluster at `$RAY_ADDRESS`, or start one here for the block, and yield its workers.

    A call takes one core, and one GPU if the cluster has any and the engine's device is not `cpu`.

    Raises:
        Unavailable: ray is not installed, or no cluster answers.
    """
    check_package("ray", "ray")
    with _connect(engine.jobs) as address:
        import ray

        resource = "GPU" if _wants_gpu(engine.device) else "CPU"
        executor = _RayTasks({"num_gpus": 1, "max_calls": 0} if resource == "GPU" else {})
        no_worker = WorkerFailure(
            f"the ray cluster at {address} has no {resource}", "start some: `ray start --address=HEAD:PORT`"
        )
        with watch_count(lambda: int(ray.cluster_resources().get(resource, 0))) as count, executor:
            yield WorkerPool(executor, count, no_worker, _explain)


class _RayTasks(Executor):
    """Run each call as a ray task.

    Args:
        options: options of `ray.remote`. A GPU task has `max_calls` 0: by default ray ends the process after each GPU
            task, and every part would load the network again.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        import ray

        self._remote = ray.remote(max_retries=_RETRIES, **options)(_call)
        self._running: dict[Future[Any], Any] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start a task and return its future."""
        future: Future[Any] = Future()
        self._running[future] = reference = self._remote.remote(fn, args, kwargs)
        reference.future().add_done_callback(lambda done: self._end(future, done))
        return future

    def _end(self, future: Future[Any], done: Future[Any]) -> None:
        """Pass the answer on, or the error as the call raised it, without the traceback that ray wraps around it."""
        self._running.pop(future, None)
        error = done.exception()
        if error is None:
            future.set_result(done.result())
        else:
            future.set_exception(getattr(error, "cause", None) or error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel all unfinished tasks, and kill the processes of those that run."""
        import ray

        for reference in list(self._running.values()):
            ray.cancel(reference, force=True)


def _call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return fn(*args, **kwargs)


def _explain(error: BaseException) -> WorkerFailure | None:
    from ray import exceptions

    if not isinstance(error, exceptions.RayError) or isinstance(error, exceptions.RayTaskError):
        return None
    return WorkerFailure(
        "a worker process died, likely out of memory", f"ray gave up after several attempts: {shorten_error(error)}"
    )


def _wants_gpu(device: str) -> bool:
    import ray

    return device.startswith("cuda") or (not device and bool(ray.cluster_resources().get("GPU")))


@contextmanager
def _connect(jobs: int) -> Iterator[str]:
    """Connect to the cluster for the block and yield its address.

    A cluster that was started here ends with the block.
    """
    import ray

    is_ours = not ray.is_initialized()
    # ray takes $RAY_ADDRESS by itself; these options apply to a cluster that is started here.
    options = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": jobs or None, "include_dashboard": False}
    address = os.environ.get("RAY_ADDRESS", "this machine")
    try:
        with keep_handlers():  # ray sets one for SIGTERM
            ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="error", **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Unavailable(
            f"no ray cluster answers at {address}",
            got=shorten_error(error),
            do="start one with `ray start --head`, and set RAY_ADDRESS to host:port",
        ) from None
    try:
        yield address
    finally:
        if is_ours:
            ray.shutdown()
