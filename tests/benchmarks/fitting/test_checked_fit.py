"""A fit is checked as a benchmark is: the same checks, in the table, the JSON answer and the bundle."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

import cli
from benchmarks import checks
from benchmarks.fitting.fit import fit_and_save, fit_head
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.runner import benchmark
from featurestore import registry
from featurestore.errors import Mismatch
from featurestore.inspection.describe import describe, render
from featurestore.prediction import bundle as bundles
from featurestore.prediction.save_bundle import check_target
from tests.support.fake_store import LABELS, FakeStore, corpus

ALL = frozenset(row.id for row in corpus())


def of_one_class(share: float) -> FakeStore:
    """Every speaker has one class, but for a share of speakers with all three."""
    rows, names = corpus(sessions=5), [row.speaker for row in corpus(sessions=5)]
    several = sorted(set(names))[: round(share * len(set(names)))]
    label = {name: LABELS[number % 3] for number, name in enumerate(sorted(set(names)))}
    kept = [row if row.speaker in several or not row.label else replace(row, label=label[row.speaker]) for row in rows]
    return FakeStore(tuple(kept))


STORES = {
    "plain": {},
    "same words": {"utterances": tuple(replace(row, text="I am here today.") for row in corpus())},
    "same clip": {"same": frozenset(["Ses01F_000", "Ses03M_003", "Ses02F_001"])},
    "failed": {"failed": {"Ses01F_000": "audio: too short"}},
    "no speakers": {"utterances": tuple(replace(row, speaker="") for row in corpus())},
    "tuned on test": {"tuned": {"text": ALL}},
    "few of a speaker": {"utterances": corpus(per_speaker=3)},
}


@pytest.mark.parametrize("normalize", ["none", "speaker"])
@pytest.mark.parametrize("protocol", ["holdout", "leave-one-session-out"])
@pytest.mark.parametrize("name", STORES)
def test_a_fit_and_a_benchmark_of_the_same_give_the_same_check_results(tmp_path, name, protocol, normalize):
    if name == "no speakers" and normalize == "speaker":
        pytest.skip("nothing to normalise by")
    store, leak = FakeStore(**STORES[name]), {"protocol": protocol, "allow_leakage": True}
    fitted = fit_head(store, head="logistic", normalize=normalize, **leak)
    benchmark(store, BenchmarkConfig.parse(("logistic",), normalize=(normalize,), **leak), tmp_path)
    read = results.read(tmp_path)
    (system,) = read.systems
    of_fit = "logistic on audio.mean, text.mean, text.logits"
    expected = [replace(one, message=one.message.replace(system.name, of_fit)) for one in checks.run_checks(read)]
    assert list(fitted.checks) == expected
    assert [one.check for one in fitted.checks] == registry.names("checks")


def test_failed_checks_are_in_the_table_the_json_the_bundle_and_inspect(tmp_path):
    fitted = fit_and_save(FakeStore(), head="prior", params=(), features=None, out=tmp_path / "b")
    failed = {one.check: one.message for one in fitted.checks if one.outcome == "failed"}
    assert failed.keys() == {"speaker-overlap", "too-few-speakers", "too-few-test"}
    lines = [line for line in fitted.table().splitlines() if line.startswith("! check ")]
    assert lines == [f"! check {name} failed: {message}" for name, message in failed.items()]
    answer = json.loads(json.dumps(fitted.to_json()))["checks"]
    assert {one["check"]: one["message"] for one in answer if one["outcome"] == "failed"} == failed
    assert [one["check"] for one in answer] == registry.names("checks")
    assert bundles.load(tmp_path / "b").failed_checks == failed
    assert f"failed_checks:\n  speaker-overlap: {failed['speaker-overlap']}\n" in render(describe(tmp_path / "b"))


def test_passed_checks_are_not_printed(tmp_path):
    table = fit_head(FakeStore(corpus(per_speaker=66)), head="logistic", protocol="leave-one-speaker-out").table()
    assert "! " not in table


def test_bundles_from_before_the_checks_are_read(tmp_path):
    fit_and_save(FakeStore(), head="prior", params=(), features=None, out=tmp_path / "b")
    path = tmp_path / "b" / "head.json"
    content = json.loads(path.read_text("utf-8"))
    del content["failed_checks"]
    path.write_text(json.dumps(content), "utf-8")
    assert bundles.load(tmp_path / "b").failed_checks == {}
    check_target(tmp_path / "b")


def test_the_table_counts_the_classes_of_a_fold_that_lacks_some():
    rows = [row for row in corpus() if row.session != "2" or row.label != "sad"]
    fitted = fit_head(FakeStore(tuple(rows)), head="svm", protocol="leave-one-session-out")
    table = fitted.table().splitlines()
    (head,) = [row for row, line in enumerate(table) if line.startswith("fold    train  test  classes  accuracy %")]
    assert [line.split()[:4] for line in table[head + 1 : head + 4]] == [
        ["1", "40", "24", "3"],
        ["2", "48", "16", "2"],
        ["3", "40", "24", "3"],
    ]
    assert [fold["classes"] for fold in fitted.to_json()["folds"]] == [3, 2, 3]
    assert any(
        line.startswith("! check class-missing failed: missing classes (sad in test of fold 2") for line in table
    )
    assert "  classes  " not in fit_head(FakeStore(), head="prior").table()


@pytest.mark.parametrize(
    ("speakers", "over", "few", "note", "failed"),
    [
        (
            1,
            {"over": "utterances", "clusters": 40},
            "",
            "all test utterances are of one speaker: the intervals do not cover differences between speakers",
            "all test utterances are of one speaker: no test can show that figures hold for other speakers",
        ),
        (
            2,
            {"over": "speakers", "clusters": 2},
            "only 2 speakers in test, too few to show a difference",
            "",
            "only 2 speakers in test, too few to show a difference",
        ),
    ],
)
def test_two_test_speakers_show_nothing_about_others(speakers, over, few, note, failed):
    rows = [row for row in corpus(per_speaker=40) if row.session != "3" or row.gender == "F" or speakers == 2]
    fitted = fit_head(FakeStore(tuple(rows)), head="svm", protocol="leave-one-session-out", fold="3")
    assert f"\n! check too-few-speakers failed: {failed}" in fitted.table()
    assert (f"\n! {note}\n" in fitted.table()) == bool(note)
    assert fitted.to_json()["interval_over"] == over | {"few": few, "note": note}
    above = {one.check: one for one in fitted.checks}["worse-than-prior"]
    assert above.outcome == ("not applicable" if few else "passed")


def test_the_same_note_of_several_folds_is_printed_once():
    lines = fit_head(FakeStore(), head="prior", protocol="leave-one-speaker-out").table().splitlines()
    said = "all test utterances are of one speaker: the intervals do not cover differences between speakers"
    assert [line for line in lines if said in line] == [f"in 6 of 6 folds: {said}"]


@pytest.mark.parametrize("protocol", ["holdout", "speaker-kfold"])
@pytest.mark.parametrize(("share", "refused"), [(0.0, True), (0.4, True), (0.8, False), (1.0, False)])
def test_normalization_per_speaker_that_removes_the_class_is_refused(tmp_path, share, refused, protocol):
    store = of_one_class(share)

    def fitted(**options):
        return fit_head(store, head="logistic", normalize="speaker", protocol=protocol, **options)

    def compared(**options):
        asked = BenchmarkConfig.parse(("logistic",), normalize=("none", "speaker"), protocol=protocol, **options)
        benchmark(store, asked, tmp_path)
        return {one.check: one for one in checks.run_checks(results.read(tmp_path))}

    if refused:
        for run in (fitted, compared):
            with pytest.raises(
                Mismatch, match="normalization per speaker removes the class of most utterances"
            ) as caught:
                run()
            assert "at least 90 % of their utterances in one class" in str(caught.value)
            assert "--allow-degenerate runs it" in str(caught.value)
    found = {one.check: one for one in fitted(allow_degenerate=refused).checks}["speaker-classes"]
    assert found == compared(allow_degenerate=refused)["speaker-classes"]
    assert found.outcome == ("passed" if share == 1 else "failed")


def test_a_speaker_with_nearly_one_class_counts_as_one_class():
    store = of_one_class(0.0)
    firsts = {row.speaker: row.id for row in reversed(store.utterances) if row.label}
    turned = {"ang": "sad", "sad": "hap", "hap": "ang"}
    rows = [replace(row, label=turned[row.label]) if row.id in firsts.values() else row for row in store.utterances]
    with pytest.raises(Mismatch, match="removes the class"):
        fit_head(FakeStore(tuple(rows)), head="prior", normalize="speaker")
    assert "each column" in fit_head(FakeStore(tuple(rows)), head="prior", normalize="global").table()


def test_both_commands_have_allow_degenerate_and_checks_are_listed():
    for command in ("fit-head", "benchmark"):
        assert "--allow-degenerate" in CliRunner().invoke(cli.main, [command, "--help"]).output
    found = CliRunner().invoke(cli.main, ["list", "checks", "--json"])
    assert json.loads(found.output) == {name: registry.summary("checks", name) for name in registry.names("checks")}
