import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluation.pair import Pair
from benchmarks.evaluation.task import open_task
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from benchmarks.grid.runner import benchmark
from featurestore import registry
from featurestore.errors import Leakage, Mismatch
from tests.support.fake_store import FakeStore, conversations, corpus


def other(**options):
    """Make a second corpus that calls happy `joy` and has a label of its own."""
    names = {"hap": "joy"}
    rows = [replace(row, label=names.get(row.label, row.label)) for row in corpus(sessions=2)]
    odd = replace(rows[0], id="odd", label="bored")
    return FakeStore((*rows, odd), corpus="other", **options)


@pytest.fixture
def mapped(tmp_path):
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"ang": "ang", "joy": "hap", "sad": "sad", "bored": "bored"}))
    return str(path)


def test_training_and_testing_on_two_corpora(tmp_path, mapped):
    lines = []
    pair = Pair(FakeStore(), other(), None, mapped, lines.append)
    assert lines == ["1 utterances are left out because only other has their class: bored"]
    assert pair.corpus == "fake->other"
    benchmark(pair, BenchmarkConfig.parse(("logistic",), protocol="cross-corpus"), tmp_path / "r")
    found = results.read(tmp_path / "r")
    (fold,) = found.folds
    assert (len(fold.train), len(fold.test)) == (72, 48)
    assert all(name.startswith("tested:") for name in fold.test)
    assert set(found.systems[0].pooled[0].truth) == {"ang", "hap", "sad"}
    assert found.systems[0].pooled[0].values()["accuracy"] > 0.6
    assert found.about["left_out"] == {"": 10, "tested: bored": 1}
    assert found.about["label_maps"] == {"trained": None, "tested": json.loads(Path(mapped).read_text())}


def test_the_line_about_what_is_left_out_names_the_schemes_of_both_stores(mapped):
    def line(pair):
        return next(open_task(pair, labels=None, protocol="cross-corpus").describe_missing({}))

    kept = "on the classes of both corpora, keeps 120 utterances and leaves out no label 10, tested: bored 1"
    assert line(Pair(FakeStore(), other(), None, mapped)) == f"label scheme all with {mapped}, {kept}"
    first, second = (
        replace(store, utterances=tuple(replace(row, label=words.get(row.label, "")) for row in store.utterances))
        for store, words in [
            (FakeStore(), {"ang": "anger", "sad": "sadness", "hap": "fear"}),
            (other(), {"ang": "Angry", "sad": "sad", "joy": "happy"}),
        ]
    )
    assert line(Pair(first, second, "big-4")).startswith("label scheme big-4, on the classes of both corpora, keeps")


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("stores/ravdess", "stores/crema"), ("table (ravdess)", "table (crema)")),
        (("ravdess/store", "crema/store"), ("table (ravdess/store)", "table (crema/store)")),
        (("all/store", "store"), ("table (all/store)", "table (HERE/store)")),
    ],
)
def test_two_corpora_of_the_same_name_are_told_apart_by_their_folders(mapped, paths, names):
    lines: list[str] = []
    first, second = (
        replace(store, corpus="table", path=Path(path))
        for store, path in zip((FakeStore(), other()), paths, strict=True)
    )
    first_name, second_name = (name.replace("HERE", Path.cwd().name) for name in names)
    pair = Pair(first, second, None, mapped, lines.append)
    assert pair.corpus == f"{first_name}->{second_name}"
    assert lines == [f"1 utterances are left out because only {second_name} has their class: bored"]
    with pytest.raises(Mismatch) as caught:
        Pair(first, replace(second, utterances=second.utterances[-1:]), None, mapped)
    assert str(caught.value) == (
        "the two stores share fewer than two classes\n"
        f"  expected: ang, hap, sad, as in {first_name}\n  got: bored in {second_name}\n"
        "  do: use a scheme for both, such as --labels big-4 (see: cli list labels), or map the labels: --labels and "
        "--test-labels take JSON files of code to class, null for a code that is left out"
    )
    second.default_features = lambda: ["video.mean"]
    with pytest.raises(
        Mismatch,
        match=re.escape(
            "share no feature\n  expected: audio.mean, text.mean, text.logits, as in "
            f"{first_name}\n  got: video.mean in {second_name}"
        ),
    ):
        Pair(first, second, None, mapped).default_features()


def test_a_clip_of_both_corpora_under_different_names_is_found(tmp_path, mapped):
    first, second = FakeStore(same=frozenset(["Ses01F_000"])), other(same=frozenset(["Ses02M_001"]))
    benchmark(Pair(first, second, None, mapped), BenchmarkConfig.parse(("prior",), protocol="cross-corpus"), tmp_path)
    found = results.read(tmp_path)
    assert found.about["same_clips"] == [["trained:Ses01F_000", "tested:Ses02M_001"]]
    assert registry.module("checks", "clip-shared").check(found).outcome == "failed"


def test_rows_come_from_their_store_in_the_order_asked_for(mapped):
    first, second = FakeStore(), other(spread=0.1)
    ids = ["tested:Ses01F_001", "trained:Ses01F_001", "tested:Ses01F_000"]
    X, widths, rows = Pair(first, second, None, mapped).matrix(["text.mean"], ids)
    assert (widths, rows) == ({"text.mean": 4}, ids)
    expected = [
        store.matrix(["text.mean"], [name.partition(":")[2]])[0][0]
        for store, name in zip((second, first, second), ids, strict=True)
    ]
    assert np.array_equal(X, expected)


def test_each_store_says_what_the_start_of_its_own_turns_counts_from():
    rows = [replace(row, audio=f"{row.id}.wav", start=float(n), end=n + 1.0) for n, row in enumerate(conversations())]
    whole, cut = FakeStore(tuple(rows)), FakeStore(tuple(rows), corpus="other")
    places = Pair(FakeStore(conversations()), whole).place_turns()
    assert {one.partition(":")[0] for one in places} == {"trained", "tested"}
    assert places["tested:Ses01F_000"] == ("tested:1_0", 0, "tested:Ses01F")
    cut.segments = True  # so that `start` does not order the turns of several recordings
    pair = Pair(FakeStore(conversations()), cut)
    with pytest.raises(Mismatch, match="segments of several recordings"):
        plan(pair, BenchmarkConfig(("bc-lstm",), protocol="cross-corpus"), lambda line: None)


def test_an_encoder_fine_tuned_on_the_test_store_leaks(tmp_path, mapped):
    second = other(tuned={"text": frozenset(["Ses01F_000"])})
    with pytest.raises(Leakage, match="encoder text was fine-tuned on 1 of the 48 test utterances of fold cross"):
        benchmark(
            Pair(FakeStore(), second, None, mapped),
            BenchmarkConfig.parse(("prior",), protocol="cross-corpus"),
            tmp_path,
        )


def test_utterances_of_both_stores_are_refused():
    rows = tuple(replace(row, text=f"Turn {row.id}.") for row in corpus(sessions=2))
    again = tuple(replace(row, label="joy") for row in rows[:10])
    with pytest.raises(
        Mismatch, match="10 of the 10 utterances of the test store are also in the training store, Ses01F_000"
    ):
        Pair(FakeStore(rows), FakeStore(again, corpus="copy"))


def test_clips_that_share_only_their_names_are_different_clips(mapped):
    def named(store, seconds):
        rows = (replace(row, speaker="", audio=f"clip{place}.wav") for place, row in enumerate(store.utterances))
        return replace(store, utterances=tuple(replace(row, id=row.audio, duration=seconds) for row in rows))

    Pair(named(FakeStore(), 1.5), named(other(), 2.5), None, mapped)
    for seconds in (1.5, None):  # the same, or not known
        with pytest.raises(Mismatch, match="also in the training store"):
            Pair(named(FakeStore(), 1.5), named(other(), seconds), None, mapped)


def test_stores_without_shared_classes_features_or_encoders_are_refused(mapped):
    with pytest.raises(Mismatch, match="share fewer than two classes\n  expected: ang, hap, sad, as in fake\n"):
        Pair(FakeStore(), FakeStore((replace(corpus()[0], label="bored"),), corpus="other"))
    second = other()
    second.describe = lambda encoder: {"class": "fake", "checkpoint": "elsewhere"}
    Pair(FakeStore(), second, None, mapped).matrix(["text.mean"], ["tested:Ses01F_001"])  # where it lies is no matter
    second.describe = lambda encoder: {"class": "another", "checkpoint": encoder}
    with pytest.raises(Mismatch) as caught:
        Pair(FakeStore(), second, None, mapped).matrix(["text.mean"], ["tested:Ses01F_001"])
    assert str(caught.value) == (
        "encoder text is not the same in the two stores\n  expected: class fake\n  got: class another\n"
        "  do: extract both with the same --encoder"
    )
