"""The loop that hands calls out, with workers that a test can count: threads of this process."""

import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.engines import Loss, Workers, _workers
from featurestore.engines import dispatch as module
from featurestore.engines.dispatch import AHEAD, dispatch
from featurestore.errors import Unavailable

ABSENCE = Loss("the cluster at a:1 has no worker", "start some")


class Threads(ThreadPoolExecutor):
    """Counts the calls that are begun and not ended."""

    def __init__(self, count):
        super().__init__(count)
        self.begun, self.most, self._lock = 0, 0, threading.Lock()

    def submit(self, fn, /, *args, **kwargs):
        with self._lock:
            self.begun += 1
            self.most = max(self.most, self.begun)
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(self._end)
        return future

    def _end(self, future):
        with self._lock:
            self.begun -= 1


class Never(ThreadPoolExecutor):
    """Has no worker that would run a call."""

    def submit(self, fn, /, *args, **kwargs):
        return Future()


def workers(executor, count, loss=lambda error: None):
    return Workers(executor, count, ABSENCE, loss)


@given(tasks=st.lists(st.integers()), count=st.integers(1, 4))
def test_each_call_is_answered_once_and_few_are_begun_ahead(tasks, count):
    with Threads(count) as executor:
        answers = list(dispatch(workers(executor, lambda: count), abs, [(task,) for task in tasks], say=print))
    assert sorted(answers) == [(number, abs(task)) for number, task in enumerate(tasks)]
    assert executor.most <= AHEAD * count


def test_answers_come_as_they_end_and_tasks_are_taken_when_they_are_needed():
    slow, taken = threading.Event(), []

    def tasks():
        for number in range(10):
            taken.append(number)
            yield (number,)

    def call(number):
        assert number or slow.wait(60)
        return number

    with Threads(2) as executor:
        answers = dispatch(workers(executor, lambda: 2), call, tasks(), say=print)
        assert next(answers) == (1, 1)
        assert len(taken) == 2 * AHEAD
        slow.set()
        assert sorted(answers) == [(number, number) for number in range(10) if number != 1]


def test_workers_that_join_are_given_work():
    count, together = [1], threading.Barrier(3, timeout=60)

    def tasks():
        for number in range(9):
            count[0] = 3
            yield (number,)

    with Threads(3) as executor:
        answers = list(
            dispatch(workers(executor, lambda: count[0]), lambda number: together.wait(), tasks(), say=print)
        )
    assert len(answers) == 9


def test_no_worker_is_said_and_ends_in_a_message(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    said = []
    with pytest.raises(
        Unavailable,
        match=r"^the cluster at a:1 has no worker, 0.5 s long; what was finished is kept\n"
        r"  do: run the same command again: it continues; start some$",
    ):
        list(dispatch(workers(Never(), lambda: 0), abs, [(1,)], say=said.append))
    assert said == ["the cluster at a:1 has no worker; waiting up to 0.5 s for one …\n  do: start some"]


def test_an_answer_ends_an_absence(monkeypatch):
    """Two absences, each shorter than the patience, are longer together: the clock goes by counts of workers."""
    clock, counts, futures = [0.0], [0], []
    monkeypatch.setattr(module, "_GLANCE", 0.01)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    class Given(ThreadPoolExecutor):
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

    said = []
    answers = list(dispatch(workers(Given(), count), abs, [(0,), (1,)], say=said.append))
    assert answers == [(0, 0), (1, 1)]
    assert [line.partition(";")[0] for line in said] == 2 * [ABSENCE.what, "a worker is there again"]


def test_a_worker_that_comes_in_time_is_said_and_the_waiting_begins_anew(monkeypatch):
    monkeypatch.setattr(module, "_GLANCE", 0.01)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    future, counts, said = Future(), iter([0, 0, 0, 1, 0, 0, 1]), []

    class Late(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):
            return future

    def count():
        found = next(counts, None)
        if found is None:
            future.done() or future.set_result("late")
        return 1 if found is None else found

    assert list(dispatch(workers(Late(), count), abs, [(1,)], say=said.append)) == [(0, "late")]
    assert [line.partition(";")[0] for line in said] == [ABSENCE.what, "a worker is there again"] * 2


def test_an_error_of_a_call_ends_the_work_at_once():
    never = threading.Event()

    def call(number):
        if number:
            never.wait(60)
        raise ZeroDivisionError("of its own")

    with Threads(2) as executor:
        with pytest.raises(ZeroDivisionError, match="of its own"):
            list(dispatch(workers(executor, lambda: 2), call, [(0,), (1,)], say=print))
        never.set()


@pytest.mark.parametrize("kept", [True, False])
def test_a_loss_is_told_with_what_it_means_for_the_user(kept):
    def call(number):
        raise CancelledError

    found = workers(ThreadPoolExecutor(1), lambda: 1, lambda error: Loss("the worker is gone", "take fewer"))
    with pytest.raises(Unavailable) as told:
        list(dispatch(found, call, [(0,)], say=print, kept=kept))
    assert told.value.text == (
        "the worker is gone; what was finished is kept\n  do: run the same command again: it continues; take fewer"
        if kept
        else "the worker is gone\n  do: run the same command again; take fewer"
    )


def test_a_count_that_does_not_come_counts_as_none(monkeypatch):
    """A scheduler that is stopped or out of reach answers no question; the one who asks must not wait with it."""
    monkeypatch.setattr(_workers, "_EVERY", 0.01)
    monkeypatch.setattr(_workers, "_STALE", 0.1)
    asked, answer = threading.Event(), threading.Event()

    def ask():
        if asked.is_set():
            answer.wait(60)
        return 3

    with _workers.counted(ask) as count:
        assert count() == 3
        asked.set()
        end = time.monotonic() + 60
        while count() and time.monotonic() < end:
            time.sleep(0.01)
        assert count() == 0
        answer.set()


def test_a_count_that_fails_counts_as_none():
    def ask():
        raise OSError("connection refused")

    with _workers.counted(ask) as count:
        assert count() == 0
