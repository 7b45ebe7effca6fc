"""Load ahead of the encoder, within bounds."""

import threading
import time
from pathlib import Path

import pytest

from featurestore.extraction.load_ahead import Ahead, choose_ahead, load_ahead, load_in_order, load_on_demand
from featurestore.extraction.partition import Work
from featurestore.item import Item

FEW = Ahead(1, 8, float("inf"))


def list_work(lengths):
    return [Work(Item(str(index), Path("x"), ""), str(index), length, length) for index, length in enumerate(lengths)]


def test_loading_runs_ahead_of_the_encoder_within_bounds():
    begun = []
    work = list_work([10.0] * 50)
    for position, future in enumerate(load_ahead(lambda one: begun.append(one.key) or one.key, work, FEW)):
        assert future.result() == str(position)
        assert len(begun) <= position + FEW.utterances
    assert begun == [one.key for one in work]


def test_long_clips_are_loaded_a_few_at_a_time():
    begun = []
    work = list_work([500.0, 40.0, 40.0, 40.0, 40.0, 1.0])
    futures = load_ahead(lambda one: begun.append(one.key), work, Ahead(1, 8, 100.0))
    next(futures).result()
    assert begun == ["0"]
    next(futures).result()
    time.sleep(0.05)
    assert begun == ["0", "1", "2"]
    assert len(list(futures)) == 4


def test_a_caller_that_stops_ends_the_loading():
    begun = []
    futures = load_ahead(lambda one: time.sleep(0.01) or begun.append(one.key), list_work([1.0] * 50), FEW)
    next(futures).result()
    futures.close()
    assert len(begun) <= FEW.utterances
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]


@pytest.mark.parametrize(("device", "modality"), [("cpu", "audio"), ("cuda", "text")])
def test_one_thread_loads_where_more_would_not_help(device, modality):
    assert choose_ahead(device, modality).threads == 1


def test_several_threads_decode_beside_a_gpu():
    assert 1 <= choose_ahead("cuda:1", "audio").threads <= 8


def test_a_cpu_loads_on_demand_in_its_own_thread():
    begun = []
    work = list_work([10.0] * 20)
    takes = load_in_order(lambda one: begun.append(one.key) or threading.current_thread(), work, "cpu", "audio")
    for position, take in enumerate(takes):
        assert len(begun) == position
        assert take() is threading.current_thread()
    assert begun == [one.key for one in work]


def test_a_gpu_is_loaded_ahead_for():
    takes = load_in_order(lambda _: threading.current_thread(), list_work([10.0] * 3), "cuda", "text")
    assert threading.current_thread() not in [take() for take in takes]


def test_a_cpu_is_loaded_ahead_for_once_loading_waits():
    def load(one):
        if one.key == "5":
            time.sleep(0.05)
        return one.key, threading.current_thread() is threading.main_thread()

    loads = [take() for take in load_on_demand(load, list_work([1.0] * 20), FEW)]
    assert [key for key, _ in loads] == [str(index) for index in range(20)]
    assert [here for _, here in loads] == [True] * 6 + [False] * 14


def test_computing_is_no_waiting():
    def load(_):
        end = time.perf_counter() + 0.01  # whether or not other programs take the core meanwhile
        while time.perf_counter() < end:
            pass
        return threading.current_thread() is threading.main_thread()

    loads = load_on_demand(load, list_work([1.0] * 10), FEW)
    assert [take() for take in loads] == [True] * 10


def test_an_utterance_that_cannot_be_loaded_is_raised_where_it_is_taken():
    def load(one):
        if one.key == "1":
            raise ValueError("no")
        return one.key

    taken = []
    for take in load_on_demand(load, list_work([1.0] * 3), FEW):
        try:
            taken.append(take())
        except ValueError as error:
            taken.append(str(error))
    assert taken == ["0", "no", "2"]
