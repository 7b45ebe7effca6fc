import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.evaluation.soft_labels import LABELS, VOTES
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from benchmarks.grid.runner import benchmark
from benchmarks.report.analysis.report_content import build_content
from benchmarks.report.render.exports import format_markdown
from benchmarks.report.render.html_page import render_page
from benchmarks.statistics.rater_votes import RaterVotes
from benchmarks.statistics.vote_metrics import LOWER_IS_BETTER
from featurestore.engines import Engine
from featurestore.errors import BadValue, Mismatch, UnknownName
from tests.support.fake_store import FakeStore
from tests.support.raters import CLASSES, make_voted_store

BOTH = (LABELS, VOTES)
HEADS = ("prior", "logistic", "mlp", "svm")
OPTIONS = {"protocol": "leave-one-session-out", "features": "audio.mean+text.mean"}
PARAMS = ("mlp.epochs=15", "mlp.learning_rate=0.01", "mlp.hidden=(16,)", "mlp.device=cpu")


def run(out, store, heads=("logistic",), train_on=(LABELS,), **options):
    lines = []
    config = BenchmarkConfig.parse(heads, **OPTIONS, train_on=train_on, **options)
    digests = benchmark(store, config, out, engine=Engine("loky", 1), say=lines.append)
    return digests, lines


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Return the lines and the content of a benchmark on labels and on votes."""
    out = tmp_path_factory.mktemp("votes")
    _, lines = run(out, make_voted_store(40, raters=5), HEADS, BOTH, params=PARAMS)
    return lines, build_content(results.read(out)), results.read(out)


def test_training_on_votes_beats_training_on_the_majority(content):
    """In log loss against the votes, with the whole paired interval on one side of 0."""
    _, found, _ = content
    pairs = {pair["second"]: pair["metrics"]["soft_log_loss"] for pair in found["votes"]["differences"]}
    learned = {name: one for name, one in pairs.items() if not name.startswith("prior")}
    assert {name.partition(" ")[0] for name in learned} == {"logistic", "mlp"}
    for difference in learned.values():
        assert difference["low"] < difference["value"] < difference["high"] < -0.02
        assert difference["p"] < 0.01


def test_every_figure_is_that_of_the_predictions_on_disk(content):
    _, found, read = content
    ids = read.ids
    votes = RaterVotes.from_choices([read.choices[one] for one in ids], CLASSES)
    systems = {row["system"]: row["metrics"] for row in found["votes"]["systems"]}
    assert [*systems] == [row["system"] for row in found["leaderboard"]]
    for system in read.systems:
        (answers,) = system.pooled
        assert tuple(answers.classes) == CLASSES
        expected = votes.score(np.asarray(answers.probabilities)).values()
        assert {name: one["value"] for name, one in systems[system.name].items()} == pytest.approx(expected, rel=1e-5)
    best = found["votes"]["themselves"]
    for name, one in ((name, one) for row in systems.values() for name, one in row.items()):
        assert one["value"] >= best[name]["value"] if name in LOWER_IS_BETTER else one["value"] <= best[name]["value"]


def test_systems_of_votes_have_names_of_their_own_and_their_labels(content):
    lines, found, read = content
    names = [row["system"] for row in found["leaderboard"]]
    assert sorted(name for name in names if name.endswith(", trained on votes")) == sorted(
        f"{head} on audio.mean+text.mean, trained on votes" for head in HEADS if head != "svm"
    )
    assert {row["system"] for row in found["leaderboard"] if "train_on" in row} == {
        name for name in names if name.endswith("votes")
    }
    assert "trained on labels only, since they cannot learn from votes: svm" in lines
    truths = [list(system.pooled[0].truth) for system in read.systems]
    assert all(one == truths[0] for one in truths)
    assert read.about["classes"] == {row.id: row.label for row in read.utterances}


def test_the_report_shows_votes_and_classes(content):
    _, found, _ = content
    names = ["leaderboard", "reliability", "selective", *(f"confusion-{place}" for place in range(1, 9))]
    page, text = render_page(found, dict.fromkeys(names, "<svg></svg>")), format_markdown(found, {})
    for table in ("table-votes", "table-vote-differences", "table-classes"):
        assert f'id="{table}"' in page
    assert page.count('<th scope="row">the votes themselves</th>') == 1
    assert '<a href="#votes">' in page
    assert "## Votes of the raters" in text
    assert "| the votes themselves " in text
    assert "### Each class" in text


def test_runs_on_labels_are_the_same_runs(tmp_path):
    """A benchmark that adds votes, or whose corpus has none, keeps the digests of the runs on labels."""
    store = make_voted_store(15)
    alone, _ = run(tmp_path / "labels", store)
    both, _ = run(tmp_path / "both", store, train_on=BOTH)
    bare, _ = run(tmp_path / "bare", replace_votes(store, ""))
    assert both[: len(alone)] == alone == bare
    changed, _ = run(tmp_path / "changed", replace_votes(store, '["sad"]'), train_on=BOTH)
    assert changed[: len(alone)] == alone
    assert not set(changed[len(alone) :]) & set(both[len(alone) :])
    assert "train_on" not in json.loads((tmp_path / "labels/runs" / f"{alone[0]}.json").read_text("utf-8"))


def test_votes_are_compared_with_labels_under_the_same_policy_for_missing_modalities(tmp_path):
    run(tmp_path, make_voted_store(15), train_on=BOTH, missing=("mask", "both-trained"))
    pairs = build_content(results.read(tmp_path))["votes"]["differences"]
    assert len(pairs) == 2
    assert {pair["first"] for pair in pairs} == {f"{pair['second']}, trained on votes" for pair in pairs}


def replace_votes(store, votes):
    return replace(store, utterances=tuple(replace(row, votes=votes) for row in store.utterances))


def test_votes_on_disk_are_those_of_this_benchmark(tmp_path):
    store = make_voted_store(15)
    run(tmp_path, store)
    assert results.read(tmp_path).choices.keys() == {row.id for row in store.utterances}
    assert "votes" in build_content(results.read(tmp_path))
    run(tmp_path, replace_votes(store, ""))
    assert not (tmp_path / results.VOTES).exists()
    assert "votes" not in build_content(results.read(tmp_path))


@pytest.mark.parametrize("text", ["[]", '{"a": 3}'])
def test_damaged_votes_are_refused(tmp_path, text):
    run(tmp_path, make_voted_store(15))
    (tmp_path / results.VOTES).write_text(text)
    with pytest.raises(Mismatch, match=r"votes\.json"):
        results.read(tmp_path)


def test_the_filter_is_in_the_notes_and_moves_no_fold(tmp_path):
    store = make_voted_store(15)
    run(tmp_path / "all", store)
    run(tmp_path / "agreed", store, agreement=0.5, train_on=BOTH)
    every, agreed = (results.read(tmp_path / name) for name in ("all", "agreed"))
    kept = agreed.about["agreement"]["kept"]
    assert 0 < kept == len(agreed.utterances) < len(every.utterances)
    for one, other in zip(every.folds, agreed.folds, strict=True):
        assert set(other.test) < set(one.test)
        assert set(other.train) < set(one.train)
    (note,) = [one for one in build_content(agreed)["notes"] if one.startswith("only utterances whose")]
    assert note.startswith(
        "only utterances whose most voted class has more than 50.0 % of the raters are used, in trai"
    )
    assert f"{kept} are kept" in note


def test_the_command_repeats_it():
    config = BenchmarkConfig.parse(("logistic",), train_on=BOTH, agreement=0.5)
    assert " --train-on labels,votes --agreement 0.5 " in config.command("s", "r")


@pytest.mark.parametrize(
    ("heads", "train_on", "error", "message"),
    [
        (("svm", "mlp"), (VOTES,), BadValue, "head svm cannot train on votes: it learns from one class for each utter"),
        (("mlp",), ("vote",), UnknownName, "unknown 'vote' to train on\n  expected: one of labels, votes"),
        (("sklearn.naive_bayes.GaussianNB",), (VOTES,), BadValue, "head sklearn.naive_bayes.GaussianNB cannot train o"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(heads, train_on, error, message):
    with pytest.raises(error) as caught:
        BenchmarkConfig.parse(heads, train_on=train_on)
    assert str(caught.value).startswith(message)


def test_a_store_without_votes_is_refused_before_any_run():
    config = BenchmarkConfig.parse(("logistic",), train_on=BOTH)
    with pytest.raises(Mismatch, match="--train-on votes needs votes"):
        plan(FakeStore(), config, lambda line: None)


def test_flaws_and_train_sizes_train_on_votes_too(tmp_path):
    config = BenchmarkConfig.parse(
        ("logistic",), **OPTIONS, train_on=BOTH, flaws=True, train_sizes=(0.5,), agreement=0.4
    )
    planned = plan(make_voted_store(15), config, lambda line: None)
    kept = set(planned.task.classes)
    for kind in (lambda spec: spec.flaw == "random-utterance", lambda spec: spec.train_size < 1):
        systems = {spec.system: spec for spec in planned.specs if kind(spec)}
        assert len(systems) == 2
        for name, spec in systems.items():
            assert (spec.distributions is not None) is name.endswith("trained on votes")
            assert kept >= {*spec.fold.train, *spec.fold.test}
            assert spec.distributions is None or set(spec.distributions) == set(spec.fold.train)
