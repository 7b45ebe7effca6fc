"""Trial runs: what they encode, what the next run reuses, and what they estimate."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from featurestore.errors import BadValue
from featurestore.extraction.extract import extract_encoder
from featurestore.extraction.partition import Work
from featurestore.extraction.trial import choose_trial, estimate_whole
from featurestore.extraction.worker import PartResult
from featurestore.item import Item
from featurestore.spec import EncoderSpec
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from tests.support import tiny


def run(store, checkpoint, **options):
    return extract_encoder(Store(store.path), EncoderSpec("", checkpoint), jobs=1, device="cpu", **options)


def make_work(costs):
    return [Work(Item(f"u{cost}", Path("x"), ""), f"{cost:064x}", float(cost), float(cost)) for cost in costs]


def test_the_choice_covers_the_range_of_costs_evenly_and_is_the_same_each_time():
    work = make_work(range(1, 101))
    chosen = [one.cost for one in choose_trial(work, 5)]
    assert chosen == [90.0, 70.0, 50.0, 30.0, 10.0]
    assert [one.cost for one in choose_trial(work[::-1], 5)] == chosen
    assert len(choose_trial(work, 1000)) == 100
    assert choose_trial([], 5) == []


def test_a_trial_keeps_its_parts_and_writes_no_file(store, models, encoded):
    result = run(store, models["audio"], limit=4)
    assert (result.encoded, result.reused, result.failed) == (4, 0, {})
    assert (result.trial.total, result.trial.missing, result.trial.workers) == (9, 5, 1)
    assert not (store.path / "audio.h5").exists()
    assert len(set(encoded)) == 4
    again = run(store, models["audio"], limit=4)
    assert (again.encoded, again.reused, again.trial.missing) == (4, 4, 1)
    assert len(set(encoded)) == 8  # it went on with others
    full = run(store, models["audio"])
    assert (full.encoded, full.reused, full.trial) == (1, 8, None)
    assert sorted(encoded) == sorted(row.id for row in store.utterances)
    assert len(FeatureFile(store.path / "audio.h5").ids) == 9
    assert not (store.path / "audio.parts").exists()


def test_a_trial_that_leaves_nothing_out_writes_the_file(store, models):
    result = run(store, models["text"], limit=100)
    assert (result.encoded, result.trial) == (9, None)
    assert len(FeatureFile(store.path / "text.h5").ids) == 9
    assert run(store, models["text"], limit=1).reused == 9


def test_a_trial_leaves_a_finished_file_as_it_is(store, models):
    small = tiny.store(store.path.with_name("grows"), list(store.utterances[:3]), store.root)
    run(small, models["audio"])
    before = (small.path / "audio.h5").read_bytes()
    grown = tiny.store(small.path, list(store.utterances), store.root)
    result = run(grown, models["audio"], limit=2)
    assert (result.encoded, result.reused, result.trial.missing) == (2, 3, 4)
    assert (small.path / "audio.h5").read_bytes() == before


def test_the_size_of_the_file_is_estimated(store, models):
    options = {"optional": ["frames", "layers"]}
    estimate = run(store, models["audio"], limit=5, **options).trial
    run(store, models["audio"], **options)
    file = FeatureFile(store.path / "audio.h5")
    assert estimate.file_bytes == pytest.approx(sum(file[name].nbytes for name in file.names), rel=0.25)
    assert estimate.worker_bytes > 50e6
    assert estimate.seconds > 0


def test_utterances_that_fail_in_a_trial_are_listed_and_give_no_estimate(store, models):
    result = run(store, models["audio"], limit=2, max_seconds=0.01)
    assert len(result.failed) == 2
    assert (result.encoded, result.trial.seconds) == (0, None)
    assert "missing: 7 of 9 utterances; no estimate, because the trial encoded nothing" in result.summary()


def test_the_time_left_is_that_of_the_cost_left_shared_by_the_workers(tmp_path, store, models):
    run(store, models["text"], limit=3)
    (path, *_) = sorted((store.path / "text.parts").glob("*.h5"))
    done, rest = make_work([10, 20]), make_work([30, 40, 80])
    estimate = estimate_whole(
        [PartResult(path, [], [], 4.0, 100), PartResult(path, [], [], 2.0, 300)], done, rest, 2, 9, 3
    )
    assert estimate.seconds == pytest.approx(150 / (30 / 6.0) / 2)
    assert estimate.worker_bytes == 300


def test_the_command_says_that_the_file_is_not_complete(store, models):
    arguments = ["extract", "--store", str(store.path), "--encoder", models["text"], "--device", "cpu", "--jobs", "1"]
    told = CliRunner().invoke(cli.main, [*arguments, "--limit", "2"])
    assert told.exit_code == 0, told.output
    assert "text.h5: trial run, the file is not complete and was not written; 2 encoded now" in told.stdout
    assert "missing: 7 of 9 utterances, about " in told.stdout
    assert "the same command without --limit encodes the rest" in told.stdout
    (answer,) = json.loads(CliRunner().invoke(cli.main, [*arguments, "--limit", "2", "--json"]).stdout)
    assert (answer["complete"], answer["encoded"], answer["reused"]) == (False, 2, 2)
    assert set(answer["estimate"]) == {"total", "missing", "workers", "seconds", "file_bytes", "worker_bytes"}
    (answer,) = json.loads(CliRunner().invoke(cli.main, [*arguments, "--json"]).stdout)
    assert set(answer) == {"file", "encoded", "reused", "failed"}


def test_a_limit_below_one_is_refused(store, models):
    with pytest.raises(BadValue, match="a trial run needs utterances\n  expected: --limit of at least 1\n  got: 0"):
        run(store, models["text"], limit=0)
