from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.engines import Engine
from featurestore.extraction import partition
from featurestore.extraction.partition import Work, group_batches, split_parts
from featurestore.item import Item
from tests.support.fake_identity import identity


def make_work(costs, keys=None):
    keys = keys or [f"{index:064x}" for index in range(len(costs))]
    return [
        Work(Item(f"u{index}", Path("x"), ""), key, cost)
        for index, (key, cost) in enumerate(zip(keys, costs, strict=True))
    ]


costs = st.lists(st.floats(0, 40), min_size=1, max_size=600)


@given(costs=costs, modality=st.sampled_from(["audio", "text"]), jobs=st.integers(1, 8))
def test_every_key_is_in_one_part_and_parts_are_bounded(costs, modality, jobs):
    work = make_work(costs)
    parts = split_parts(work, modality, jobs)
    assert sorted(item.key for part in parts for item in part.work) == sorted(item.key for item in work)
    for part in parts:
        assert len(part.work) <= partition.PART_UTTERANCES
        assert (
            modality == "text" or len(part.work) == 1 or sum(item.cost for item in part.work) <= partition.PART_SECONDS
        )
    assert len({part.name for part in parts}) == len(parts)


@given(costs=costs, random=st.randoms())
def test_parts_do_not_depend_on_the_order_of_the_work(costs, random):
    work = make_work(costs)
    shuffled = work.copy()
    random.shuffle(shuffled)
    assert [part.name for part in split_parts(work, "audio", 2)] == [
        part.name for part in split_parts(shuffled, "audio", 2)
    ]


def test_the_longest_utterances_come_first():
    parts = split_parts(make_work([float(cost) for cost in range(1, 101)]), "audio", 2)
    assert parts[0].work[0].cost == 100.0
    assert parts[-1].work[-1].cost == 1.0


def test_a_key_that_occurs_several_times_is_encoded_once():
    parts = split_parts(make_work([1.0, 1.0, 1.0], ["a", "b", "a"]), "audio", 1)
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
    work = [Work(Item(f"u{index}", Path("x"), ""), f"{index:064x}", cost) for index, cost in enumerate([3.0, 100, 4.0])]
    beside, alone = partition.plan_phases(work, identity(), Engine(jobs=4, device="cpu"))
    assert ([part.work[0].item.id for part in alone.parts], alone.engine.jobs) == (["u1"], 1)
    assert (beside.engine.jobs, beside.memory, alone.memory) == (4, 1_000_000_000, 4_000_000_000)
    assert sorted(one.item.id for part in beside.parts for one in part.work) == ["u0", "u2"]
