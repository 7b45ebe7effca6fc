"""Encode in batches: memory that runs out, one batch in flight, bad utterances, and threads beside a device."""

import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from featurestore.errors import Unencodable
from featurestore.extraction import batch_encoder
from featurestore.extraction.batch_encoder import BatchEncoder
from featurestore.extraction.load_ahead import Ahead, load_ahead
from featurestore.extraction.part_file import RETRY
from featurestore.extraction.partition import Work
from featurestore.item import Item
from featurestore.networks.memory import means_out_of_memory
from featurestore.networks.turns import pass_turn, take_turn

KINDS = frozenset(["mean"])


class Device:
    """Encoder of lengths whose memory holds `memory` padded units; it records what it encodes."""

    def __init__(self, budget=100, memory=10**9, error=torch.OutOfMemoryError):
        self.budget, self.memory, self.error = budget, memory, error
        self.passes = []

    def size(self, loaded):
        return loaded

    def encode(self, batch, kinds):
        padded = len(batch) * max(batch)
        if padded > self.memory:
            raise self.error("out of memory: tried to allocate")
        self.passes.append(list(batch))
        return [{"mean": np.full(2, length, np.float32)} for length in batch]


def run(encoder, sizes, device="cpu"):
    work = [Work(Item(f"u{index}", Path("x"), ""), f"{index:064x}", size) for index, size in enumerate(sizes)]
    batches = BatchEncoder(encoder, KINDS, device, work)
    batches.run(enumerate(sizes))
    return batches


def check(batches, sizes):
    assert {position: encoded["mean"][0] for position, encoded in batches.vectors.items()} == dict(enumerate(sizes))


@pytest.fixture(autouse=True)
def released(monkeypatch):
    """Record each time that memory is given back; there may be no such device here."""
    devices = []
    monkeypatch.setattr(batch_encoder, "release_memory", devices.append)
    return devices


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_a_batch_that_does_not_fit_is_encoded_in_pieces_and_the_budget_stays_lower(device, error, released):
    sizes = [10, 7, 10, 9, 8, 10, 10, 6, 10, 10, 10, 10] * 4
    encoder = Device(budget=100, memory=30, error=error)
    batches = run(encoder, sizes, device)
    check(batches, sizes)
    assert batches.failures == []
    assert 15 <= encoder.budget <= 30
    assert set(released) == {device}
    tries = len(released)
    check(run(encoder, sizes, device), sizes)  # the next part of the same worker
    assert len(released) == tries


def test_what_a_failed_batch_held_is_free_before_it_is_tried_again(monkeypatch):
    held = []

    class Holding(Device):
        def encode(self, batch, kinds):
            activations = np.zeros(3)
            held.append(weakref.ref(activations))
            return super().encode(batch, kinds)

    monkeypatch.setattr(batch_encoder, "release_memory", lambda device: freed.append([one() for one in held]))
    freed = []
    check(run(Holding(budget=4, memory=2), [1] * 4, "cuda"), [1] * 4)
    assert freed == [[None]]


def test_a_smaller_budget_holds_for_the_batches_that_were_planned_before():
    encoder = Device(budget=64, memory=32)
    check(run(encoder, [4] * 256), [4] * 256)
    assert [len(batch) for batch in encoder.passes] == [8] * 32


def test_only_an_utterance_that_does_not_fit_alone_fails_for_memory():
    sizes = [10, 40, 10, 20]
    batches = run(Device(budget=100, memory=30), sizes, "cuda:1")
    assert sorted(batches.vectors) == [0, 2, 3]
    (failure,) = batches.failures
    assert (failure.id, failure.key) == ("u1", RETRY)
    assert failure.reason.startswith("alone too long for the free memory of cuda:1; use --device cpu")


def test_an_encoder_without_batches_goes_one_by_one():
    encoder = Device(budget=0, memory=30)
    batches = run(encoder, [10, 40, 20])
    assert encoder.passes == [[10], [20]]
    assert [failure.id for failure in batches.failures] == ["u1"]
    assert encoder.budget == 0


def test_a_bad_utterance_does_not_fail_its_batch():
    class Picky(Device):
        def encode(self, batch, kinds):
            if 13 in batch:
                raise Unencodable("13 is unlucky")
            return super().encode(batch, kinds)

    batches = run(Picky(), [10, 13, 11])
    assert sorted(batches.vectors) == [0, 2]
    assert [(failure.id, failure.key, failure.reason) for failure in batches.failures] == [
        ("u1", f"{1:064x}", "13 is unlucky")
    ]


def test_a_device_computes_while_the_next_batch_is_prepared():
    """A batch takes 20 ms to prepare and 20 ms to compute, so two threads need half of the time of one."""
    device, inside = threading.Lock(), []

    class Slow(Device):
        def encode(self, batch, kinds):
            inside.append(len(inside))
            time.sleep(0.02)  # prepared and launched
            assert len(inside) == 1
            inside.pop()
            with pass_turn(), device:
                time.sleep(0.02)
            return super().encode(batch, kinds)

    started = time.perf_counter()
    check(run(Slow(budget=10), [10] * 20, "cuda"), [10] * 20)
    assert time.perf_counter() - started < 0.8 * 20 * 0.04


def test_values_that_are_not_finite_fail_one_utterance():
    class Overflowing(Device):
        def encode(self, batch, kinds):
            rows = super().encode(batch, kinds)
            for length, row in zip(batch, rows, strict=True):
                row["mean"][0] = np.inf if length == 5 else length
            return rows

    batches = run(Overflowing(), [4, 5, 6])
    assert sorted(batches.vectors) == [0, 2]
    assert "NaN or infinite values in mean" in batches.failures[0].reason


def test_groups_of_a_gpu_are_limited_by_the_size_of_their_batches():
    encoder = Device(budget=100)
    loaded = []
    work = [Work(Item(str(index), Path("x"), ""), str(index), 50) for index in range(40)]
    batches = BatchEncoder(encoder, KINDS, "cuda", work)
    batches.run((position, loaded.append(position) or 50) for position in range(40))
    assert len(batches.vectors) == 40
    group = batches._take_group(iter([(0, 50)] * 40))
    assert len(group) == batch_encoder.GPU_GROUP_BATCHES * 2


def test_decoding_threads_keep_a_device_busy():
    """Decoding takes five times as long as the device needs, which one thread could not hide."""
    decode, compute, count = 0.02, 0.004, 60

    class Sleeping(Device):
        def encode(self, batch, kinds):
            time.sleep(compute * len(batch))
            return super().encode(batch, kinds)

    work = [Work(Item(str(index), Path("x"), ""), str(index), 1, 1.0) for index in range(count)]
    batches = BatchEncoder(Sleeping(budget=6), KINDS, "cuda", work)
    loads = load_ahead(lambda one: time.sleep(decode) or 1, work, Ahead(8, 2048, 1200.0))
    started = time.perf_counter()
    batches.run((position, future.result()) for position, future in enumerate(loads))
    assert len(batches.vectors) == count
    assert time.perf_counter() - started < 0.6 * count * decode  # at least compute * count = 0.24 s, and alone 1.44 s


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (MemoryError(), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_that_mean_a_lack_of_memory_are_told_from_others(error, expected):
    assert means_out_of_memory(error) is expected


def test_a_thread_has_the_turn_until_it_passes_it_on():
    entered = []

    def enter():
        with take_turn():
            entered.append(True)

    other = threading.Thread(target=enter)
    with pass_turn(), take_turn():  # without the turn, nothing is passed on
        other.start()
        other.join(0.05)
        assert entered == []
        with pass_turn():
            other.join()
        assert entered == [True]


def test_a_turn_ends_with_an_error():
    with pytest.raises(ValueError, match="stop"), take_turn(), pass_turn():
        raise ValueError("stop")
    with take_turn():
        pass
