"""Test dispatch with threads of this process as workers, which a test can count."""

import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.engines import WorkerFailure, WorkerPool, worker_pool
from featurestore.engines import dispatch as module
from featurestore.engines.dispatch import AHEAD, dispatch
from featurestore.errors import Unavailable

NO_WORKER = WorkerFailure("the cluster at a:1 has no worker", "start some")


class Threads(ThreadPoolExecutor):
    """Count the calls that have started and not ended."""

    def __init__(self, count):
        super().__init__(count)
        self.running, self.most, self._lock = 0, 0, threading.Lock()

    def submit(self, fn, /, *args, **kwargs):
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(self._end)
        return future

    def _end(self, future):
        with self._lock:
            self.running -= 1


class NoWorkers(ThreadPoolExecutor):
    """Accept calls and run none."""

    def submit(self, fn, /, *args, **kwargs):
        return Future()


def make_pool(executor, count, explain=lambda error: None):
    return WorkerPool(executor, count, NO_WORKER, explain)


@given(tasks=st.lists(st.integers()), count=st.integers(1, 4))
def test_each_call_is_answered_once_and_few_calls_run_ahead(tasks, count):
    with Threads(count) as executor:
        answers = list(dispatch(make_pool(executor, lambda: count), abs, [(task,) for task in tasks], say=print))
    assert sorted(answers) == [(number, abs(task)) for number, task in enumerate(tasks)]
    assert executor.most <= AHEAD * count


def test_answers_arrive_as_calls_end_and_tasks_are_consumed_on_demand():
    slow, consumed = threading.Event(), []

    def tasks():
        for number in range(10):
            consumed.append(number)
            yield (number,)

    def call(number):
        assert number or slow.wait(60)
        return number

    with Threads(2) as executor:
        answers = dispatch(make_pool(executor, lambda: 2), call, tasks(), say=print)
        assert next(answers) == (1, 1)
        assert len(consumed) == 2 * AHEAD
        slow.set()
        assert sorted(answers) == [(number, number) for number in range(10) if number != 1]


def test_workers_that_join_later_get_work():
    count, together = [1], threading.Barrier(3, timeout=60)

    def tasks():
        for number in range(9):
            count[0] = 3
            yield (number,)

    with Threads(3) as executor:
        answers = list(
            dispatch(make_pool(executor, lambda: count[0]), lambda number: together.wait(), tasks(), say=print)
        )
    assert len(answers) == 9


def test_missing_workers_are_reported_and_end_the_work_with_a_message(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    lines = []
    with pytest.raises(
        Unavailable,
        match=r"^the cluster at a:1 has no worker \(waited 0.5 s\); finished work is kept\n"
        r"  do: run the same command again: it continues; start some$",
    ):
        list(dispatch(make_pool(NoWorkers(), lambda: 0), abs, [(1,)], say=lines.append))
    assert lines == ["the cluster at a:1 has no worker; waiting up to 0.5 s for one …\n  do: start some"]


def test_an_answer_restarts_the_wait_for_workers(monkeypatch):
    """Wait twice, each time for less than the limit, but for longer than the limit in total."""
    clock, counts, futures = [0.0], [0], []
    monkeypatch.setattr(module, "_GLANCE", 0.01)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    class Manual(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):
            futures.append(Future())
            return futures[-1]

    def count():
        clock[0] += 10
        counts[0] += 1
        for number, moment in enumerate((6, 11)):
            if counts[0] == moment:
                futures[number].set_result(number)
        return 0

    lines = []
    answers = list(dispatch(make_pool(Manual(), count), abs, [(0,), (1,)], say=lines.append))
    assert answers == [(0, 0), (1, 1)]
    assert [line.partition(";")[0] for line in lines] == 2 * [NO_WORKER.what, "a worker is back"]


def test_a_worker_that_comes_in_time_is_reported_and_restarts_the_wait(monkeypatch):
    monkeypatch.setattr(module, "_GLANCE", 0.01)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    future, counts, lines = Future(), iter([0, 0, 0, 1, 0, 0, 1]), []

    class Late(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):
            return future

    def count():
        found = next(counts, None)
        if found is None:
            future.done() or future.set_result("late")
        return 1 if found is None else found

    assert list(dispatch(make_pool(Late(), count), abs, [(1,)], say=lines.append)) == [(0, "late")]
    assert [line.partition(";")[0] for line in lines] == [NO_WORKER.what, "a worker is back"] * 2


def test_an_error_in_a_call_ends_the_work_at_once():
    never = threading.Event()

    def call(number):
        if number:
            never.wait(60)
        raise ZeroDivisionError("from the call")

    with Threads(2) as executor:
        with pytest.raises(ZeroDivisionError, match="from the call"):
            list(dispatch(make_pool(executor, lambda: 2), call, [(0,), (1,)], say=print))
        never.set()


@pytest.mark.parametrize("resumable", [True, False])
def test_a_worker_failure_ends_in_a_message_with_advice(resumable):
    def call(number):
        raise CancelledError

    pool = make_pool(ThreadPoolExecutor(1), lambda: 1, lambda error: WorkerFailure("the worker is gone", "take fewer"))
    with pytest.raises(Unavailable) as caught:
        list(dispatch(pool, call, [(0,)], say=print, resumable=resumable))
    assert caught.value.text == (
        "the worker is gone; finished work is kept\n  do: run the same command again: it continues; take fewer"
        if resumable
        else "the worker is gone\n  do: run the same command again; take fewer"
    )


def test_a_cluster_that_does_not_answer_has_no_workers(monkeypatch):
    """Check that a stopped or unreachable scheduler, which answers nothing, does not block the caller."""
    monkeypatch.setattr(worker_pool, "_EVERY", 0.01)
    monkeypatch.setattr(worker_pool, "_STALE", 0.1)
    counted, answer = threading.Event(), threading.Event()

    def ask():
        if counted.is_set():
            answer.wait(60)
        return 3

    with worker_pool.watch_count(ask) as count:
        assert count() == 3
        counted.set()
        end = time.monotonic() + 60
        while count() and time.monotonic() < end:
            time.sleep(0.01)
        assert count() == 0
        answer.set()


def test_a_cluster_that_fails_to_answer_has_no_workers():
    def ask():
        raise OSError("connection refused")

    with worker_pool.watch_count(ask) as count:
        assert count() == 0
