"""Workers of a ray cluster: that of `$RAY_ADDRESS`, or one that is started here."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from featurestore.engines._workers import Loss, Workers, check_package, counted
from featurestore.errors import Unavailable

if TYPE_CHECKING:
    from featurestore.engines import Engine

_ATTEMPTS = 3  # times that a call is started again after the worker that ran it died


@contextmanager
def running(engine: "Engine") -> Iterator[Workers]:
    """Join the cluster of `$RAY_ADDRESS`, or start one here for the block, and yield its workers.

    A call takes one core, and one GPU where the cluster has any and the engine's device does not say `cpu`.

    Raises:
        Unavailable: ray is not installed, or no cluster answers.
    """
    check_package("ray", "ray")
    with _joined(engine.jobs) as place:
        import ray

        resource = "GPU" if _wants_gpu(engine.device) else "CPU"
        executor = _RayTasks({"num_gpus": 1, "max_calls": 0} if resource == "GPU" else {})
        absence = Loss(f"the ray cluster at {place} has no {resource}", "start some: `ray start --address=HEAD:PORT`")
        with counted(lambda: int(ray.cluster_resources().get(resource, 0))) as count, executor:
            yield Workers(executor, count, absence, _loss)


class _RayTasks(Executor):
    """Run each call as a ray task.

    Args:
        options: of `ray.remote`. A GPU task has `max_calls` 0, or ray would end its process after each, and the network
            would be loaded for every part.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        import ray

        self._remote = ray.remote(max_retries=_ATTEMPTS, **options)(_call)
        self._begun: dict[Future[Any], Any] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start a task and return its future."""
        future: Future[Any] = Future()
        self._begun[future] = reference = self._remote.remote(fn, args, kwargs)
        reference.future().add_done_callback(lambda done: self._end(future, done))
        return future

    def _end(self, future: Future[Any], done: Future[Any]) -> None:
        """Pass the answer on; an error as the call raised it, where ray wraps it into a traceback of its own."""
        self._begun.pop(future, None)
        error = done.exception()
        if error is None:
            future.set_result(done.result())
        else:
            future.set_exception(getattr(error, "cause", None) or error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel what has not ended; a running task is killed with its process."""
        import ray

        for reference in list(self._begun.values()):
            ray.cancel(reference, force=True)


def _call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return fn(*args, **kwargs)


def _loss(error: BaseException) -> Loss | None:
    from ray import exceptions

    if not isinstance(error, exceptions.RayError) or isinstance(error, exceptions.RayTaskError):
        return None
    told = f"ray gave up after several attempts: {' '.join(str(error).split())[:200]}"
    return Loss("a worker process died, most likely for want of memory", told)


def _wants_gpu(device: str) -> bool:
    import ray

    return device.startswith("cuda") or (not device and bool(ray.cluster_resources().get("GPU")))


@contextmanager
def _joined(jobs: int) -> Iterator[str]:
    """Connect for the block and yield the address; what was started here ends with it."""
    import ray

    started = not ray.is_initialized()
    # Without an address ray takes $RAY_ADDRESS; without that it starts here.
    here = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": jobs or None, "include_dashboard": False}
    place = os.environ.get("RAY_ADDRESS", "this machine")
    try:
        ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="error", **here)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Unavailable(
            f"no ray cluster answers at {place}",
            got=" ".join(str(error).split())[:200],
            do="start one with `ray start --head`, and set RAY_ADDRESS to host:port",
        ) from None
    try:
        yield place
    finally:
        if started:
            ray.shutdown()
