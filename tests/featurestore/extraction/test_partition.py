from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.engines import Engine
from featurestore.extraction import partition
from featurestore.extraction.partition import Work, group_batches, plan_phases, split_parts
from featurestore.item import Item
from tests.support.fake_identity import identity


def make_work(costs, keys=None):
    keys = keys or [f"{index:064x}" for index in range(len(costs))]
    return [
        Work(Item(f"u{index}", Path("x"), ""), key, cost, cost)
        for index, (key, cost) in enumerate(zip(keys, costs, strict=True))
    ]


def cost_of(part):
    return sum(one.cost for one in part.work)


costs = st.lists(st.floats(0, 40), min_size=1, max_size=600)


@given(costs=costs, jobs=st.integers(1, 8))
def test_every_key_is_in_one_part_and_parts_are_bounded(costs, jobs):
    work = make_work(costs)
    parts = split_parts(work, jobs)
    assert sorted(item.key for part in parts for item in part.work) == sorted(item.key for item in work)
    for part in parts:
        assert len(part.work) <= partition.PART_UTTERANCES
        assert len(part.work) == 1 or cost_of(part) <= partition.PART_COST
    assert len({part.name for part in parts}) == len(parts)


@given(cost=st.floats(0.01, 40), count=st.integers(1, 400), jobs=st.integers(1, 8))
def test_each_worker_gets_four_parts_if_there_is_enough(cost, count, jobs):
    assert len(split_parts(make_work([cost] * count), jobs)) >= min(count, 4 * jobs)


@given(costs=costs, random=st.randoms())
def test_parts_do_not_depend_on_the_order_of_the_work(costs, random):
    work = make_work(costs)
    shuffled = work.copy()
    random.shuffle(shuffled)
    assert [part.name for part in split_parts(work, 2)] == [part.name for part in split_parts(shuffled, 2)]


def test_the_costliest_utterances_come_first():
    parts = split_parts(make_work([float(cost) for cost in range(1, 101)]), 2)
    assert parts[0].work[0].cost == 100.0
    assert parts[-1].work[-1].cost == 1.0


def test_parts_of_a_gpu_are_larger_and_smaller_again_with_frames():
    work = make_work([10.0] * 3000)
    assert {len(part.work) for part in split_parts(work, 1)} == {2}
    assert len(split_parts(work, 1, gpu=True)[0].work) == 100 * 2
    assert len(split_parts(work, 1, gpu=True, frames=True)[0].work) == 8 * 2
    (phase,) = plan_phases(work, identity(), Engine(device="cuda"))
    assert (phase.engine.jobs, len(phase.parts[0].work)) == (1, 200)


def test_a_key_that_occurs_several_times_is_encoded_once():
    parts = split_parts(make_work([1.0, 1.0, 1.0], ["a", "b", "a"]), 1)
    assert [item.item.id for part in parts for item in part.work] == ["u0", "u1"]


@pytest.mark.parametrize("budget", [0, 7, 100, 1000])
@given(sizes=st.lists(st.integers(1, 200), max_size=60))
def test_batches_hold_every_position_once_and_keep_the_budget(budget, sizes):
    batches = group_batches(sizes, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(sizes)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(sizes[position] for position in batch) <= budget


def test_long_clips_are_encoded_alone_after_the_others(monkeypatch):
    monkeypatch.setattr(partition, "measure_free_memory", lambda workers=1: 4_000_000_000 // workers)
    beside, alone = plan_phases(make_work([3.0, 100, 4.0]), identity(), Engine(jobs=4, device="cpu"))
    assert ([part.work[0].item.id for part in alone.parts], alone.engine.jobs) == (["u1"], 1)
    assert (beside.engine.jobs, beside.memory, alone.memory) == (4, 1_000_000_000, 4_000_000_000)
    assert sorted(one.item.id for part in beside.parts for one in part.work) == ["u0", "u2"]
