"""Every protocol keeps these, on random manifests that fill every column."""

import dataclasses
import re
import sys
import typing
from itertools import chain

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from featurestore import registry
from featurestore.errors import Mismatch
from featurestore.folds.fold import split
from featurestore.manifest import Utterance
from tests.support.contracts import add_plugin, run_contract
from tests.support.manifests import apply_scheme, manifests

PROTOCOLS = registry.names("protocols")
INDEPENDENT = [name for name in PROTOCOLS if registry.module("protocols", name).SPEAKER_INDEPENDENT]
UNORDERED = [name for name in PROTOCOLS if not getattr(registry.module("protocols", name), "BY_ORDER", False)]
# without shrinking: it takes minutes on whole manifests
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
quick = settings(
    max_examples=20, phases=PHASES, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
REFUSALS = re.compile(
    "tests a class that it never trains on|is empty|cannot be split into|no dev part|needs at least two|neither script"
    "|no session and letter in their name"
)


def adapt(protocol, utterances):
    """Return the manifest with the partitions that the protocol splits by."""
    partitions = getattr(registry.module("protocols", protocol), "PARTITIONS", {})
    return [dataclasses.replace(row, partition=partitions.get(row.partition, row.partition)) for row in utterances]


def split_or_skip(protocol, utterances, classes, seed=0, **options):
    """Return the folds, or skip an example that the protocol rightly refuses."""
    try:
        return split(protocol, adapt(protocol, utterances), classes, seed, **options)
    except Mismatch as refusal:
        assume(not REFUSALS.search(str(refusal)))
        raise


@pytest.mark.parametrize("dev", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@quick
@given(utterances=manifests(), seed=st.integers(0, 3))
def test_folds_are_disjoint_complete_and_reproducible(protocol, dev, utterances, seed):
    classes = apply_scheme(utterances)
    folds = split_or_skip(protocol, utterances, classes, seed, dev=dev)
    partial = getattr(registry.module("protocols", protocol), "PARTIAL", False)
    for fold in folds:
        ids = [*fold.train, *fold.dev, *fold.test, *fold.unused]
        assert len(ids) == len(set(ids))
        assert set(ids) == set(classes) or partial
        assert bool(fold.dev) == dev or partial
    assert len({fold.name for fold in folds}) == len(folds)
    assert folds == split_or_skip(protocol, utterances, classes, seed, dev=dev)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@quick
@given(manifests())
def test_dev_is_split_by_the_same_groups_and_leaves_every_class_in_training(protocol, utterances):
    utterances = [dataclasses.replace(row, partition=row.partition.replace("dev", "train")) for row in utterances]
    classes, group = apply_scheme(utterances), registry.module("protocols", protocol).groups(utterances)
    for plain, fold in zip(
        split_or_skip(protocol, utterances, classes),
        split_or_skip(protocol, utterances, classes, dev=True),
        strict=True,
    ):
        assert set(fold.train) | set(fold.dev) == set(plain.train)
        assert set(chain(*fold.turns)) <= set(fold.train)
        parts = [set(fold.dev), *map(set, fold.turns)]
        assert sum(map(len, parts)) == len(set().union(*parts))
        assert all(parts)
        for part in parts:
            others = set(plain.train) - part
            assert not {group[one] for one in others} & {group[one] for one in part}
            assert {classes[one] for one in others} == {classes[one] for one in plain.train}


@pytest.mark.parametrize("protocol", UNORDERED)
@quick
@given(manifests(), st.randoms(use_true_random=False))
def test_folds_do_not_depend_on_the_order_of_the_manifest(protocol, utterances, random):
    def sets(rows):
        folds = split_or_skip(protocol, rows, apply_scheme(rows))
        return [(fold.name, set(fold.train), set(fold.test)) for fold in folds]

    shuffled = list(utterances)
    random.shuffle(shuffled)
    assert sets(utterances) == sets(shuffled)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@quick
@given(manifests())
def test_ids_stay_in_manifest_order(protocol, utterances):
    place = {row.id: number for number, row in enumerate(utterances)}
    for fold in split_or_skip(protocol, utterances, apply_scheme(utterances)):
        for ids in (fold.train, fold.test):
            assert list(ids) == sorted(ids, key=place.get)


@pytest.mark.parametrize("protocol", INDEPENDENT)
@quick
@given(manifests())
def test_no_speaker_is_in_training_and_test_of_a_speaker_independent_protocol(protocol, utterances):
    if not registry.module("protocols", protocol).SPEAKER_INDEPENDENT:
        return
    speaker = {row.id: row.speaker for row in utterances}
    for fold in split_or_skip(protocol, utterances, apply_scheme(utterances)):
        assert not {speaker[one] for one in fold.train} & {speaker[one] for one in fold.test}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_has_a_summary(protocol):
    assert registry.summary("protocols", protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_exports_three_names(protocol):
    module = registry.module("protocols", protocol)
    assert module.__all__ == ["SPEAKER_INDEPENDENT", "folds", "groups"]
    assert isinstance(module.SPEAKER_INDEPENDENT, bool)


BY_COLUMN = '''"""One fold per value of a column."""

from featurestore.folds.group_folds import group_by, leave_one_out

__all__ = ["SPEAKER_INDEPENDENT", "folds", "groups"]
KIND = "protocols"
SPEAKER_INDEPENDENT = {independent}


def folds(utterances, classes, seed):
    """Build one fold per value of the column."""
    return leave_one_out("{column}", utterances, classes)


def groups(utterances):
    """Group utterances by {group}."""
    return group_by("{group}", utterances)
'''


@pytest.fixture
def by_column(monkeypatch, tmp_path):
    def install(column, group="speaker", independent=False):
        path = tmp_path / f"over_{column}.py"
        path.write_text(BY_COLUMN.format(column=column, group=group, independent=independent))
        return add_plugin(monkeypatch, path)

    return install


@pytest.mark.parametrize(("column", "independent"), [("gender", True), ("dialogue", False)])
def test_a_protocol_over_any_column_passes_in_one_file(by_column, column, independent):
    run = run_contract(sys.modules[__name__], "protocol", by_column(column, independent=independent))
    assert len(run) == 7


def test_a_protocol_that_claims_speaker_independence_by_a_wrong_column_fails(by_column):
    with pytest.raises(Mismatch, match="speakers? that it also trains on"):
        run_contract(sys.modules[__name__], "protocol", by_column("partition", independent=True))


@settings(max_examples=20)
@given(manifests())
def test_generated_manifests_fill_every_column(utterances):
    for column in typing.get_type_hints(Utterance):
        values = {getattr(row, column) for row in utterances} - {"", None}
        assert len(values) > 1, column
