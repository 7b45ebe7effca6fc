"""Protocol flaws as controls: their runs and figures equal plain computation, and nothing else changes."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import recall_score

from benchmarks import compare
from benchmarks.evaluation.flaws import BEST_EPOCH, PROTOCOLS, EpochChooser, learns_in_epochs, run_all_epochs
from benchmarks.evaluation.head_settings import default_params
from benchmarks.evaluation.run import execute
from benchmarks.grid import results
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.plan import plan
from benchmarks.grid.run_records import RunRecord
from benchmarks.grid.runner import benchmark
from benchmarks.report.analysis.flaw_rows import measure_flaws
from benchmarks.statistics.intervals import estimate_intervals
from featurestore import registry
from featurestore.errors import BadValue, Unavailable
from featurestore.folds import fold as folding
from tests.support.fake_store import FakeStore, conversations, corpus

SESSIONS = "leave-one-session-out"
FEATURES = "audio.mean"
QUICK = ("mlp.epochs=4", "mlp.device=cpu", "mlp.hidden=[8]")
EARLY = ("patience=1", "validation_fraction=0.3", "learning_rate=0.1")
LABELLED = [row.id for row in corpus() if row.label]


def letters():
    """Make the corpus with dialogues named as in IEMOCAP, two letters a session."""
    names = {"0": "F", "1": "M"}
    return tuple(
        replace(row, dialogue=f"Ses{int(row.session):02}{names[row.dialogue[-1]]}_impro01") for row in conversations()
    )


def ran(out, store=None, **options):
    lines: list[str] = []
    given = {"heads": ("logistic",), "features": FEATURES, "protocol": SESSIONS, "flaws": True, **options}
    benchmark(store or FakeStore(letters()), BenchmarkConfig.parse(**given), out, say=lines.append)
    return results.read(out), [line for line in lines if line.startswith("--flaws") or "runs, " in line]


def written(out):
    return {path.name: path.read_bytes() for path in (out / "runs").iterdir()}


def by_name(systems):
    return {system.name: system for system in systems}


def mean_accuracy(system):
    return np.mean([np.array(run.answers.prediction) == np.array(run.answers.truth) for run in system.runs])


def recall_on(system, ids, classes):
    """Compute the unweighted average recall on some utterances, or on all that are tested, the mean over seeds."""
    by_seed = []
    for seed in system.seeds:
        pairs = [
            (classes[one], prediction)
            for run in system.runs
            if run.record.seed == seed
            for one, prediction in zip(run.ids, run.answers.prediction, strict=True)
            if ids is None or one in ids
        ]
        by_seed.append(recall_score(*zip(*pairs, strict=True), average="macro"))
    return np.mean(by_seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("flaws")
    store = FakeStore(letters(), spread=1.2)
    options = {"heads": ("logistic", "mlp"), "seeds": (0, 1), "params": QUICK}
    return out, *ran(out, store, **options), store


def test_every_system_is_run_by_every_flawed_protocol_and_in_no_table_of_systems(folder):
    out, found, _, _ = folder
    heads = ("logistic", "mlp")
    assert [system.name for system in found.systems] == [f"{head} on {FEATURES}" for head in heads]
    assert found.controls == ()
    names = [f"{head} on {FEATURES}, protocol {flaw}" for flaw in PROTOCOLS for head in heads]
    names += [f"{head} on {FEATURES}, {BEST_EPOCH}" for head in heads[1:]]
    assert {system.name for system in found.flaws} == set(names)
    folds = {"random-utterance": 5, "dialogue-letter": 6, "paper-tail": 1, BEST_EPOCH: 3}
    for control in found.flaws:
        seeds = 1 if control.record.head == "logistic" else 2
        assert len(control.runs) == folds[control.record.flaw] * seeds
        assert control.record.is_control
    summary, text = compare.read_summary(out)
    assert (len(summary["leaderboard"]), len(summary["pairs"])) == (2, 1)
    assert summary["controls"] == []
    assert summary["n"] == len(found.ids) == len(LABELLED)
    assert text.count("flaw: random-utterance") == 2


@pytest.mark.parametrize("flaw", PROTOCOLS)
def test_a_run_by_a_flawed_protocol_is_the_head_fitted_on_its_folds(folder, flaw):
    _, found, _, store = folder
    classes = found.about["classes"]
    folds = folding.split(flaw, store.utterances, classes)
    assert found.flaw_folds[flaw] == tuple(folds)
    control = by_name(found.flaws)[f"logistic on {FEATURES}, protocol {flaw}"]
    for fold, run in zip(folds, control.runs, strict=True):
        train, test = sorted(fold.train), sorted(fold.test)
        X, Z = (store.matrix([FEATURES], ids)[0] for ids in (train, test))
        head = registry.load("heads", "logistic")(**run.record.params).fit(X, [classes[one] for one in train])
        assert run.ids == tuple(test)
        assert (run.record.protocol, run.record.flaw, run.record.fold) == (flaw, flaw, fold.name)
        np.testing.assert_allclose(run.answers.probabilities, head.predict_proba(Z), atol=1e-8)


def test_the_figures_of_a_flaw_are_those_of_its_own_test_utterances(folder):
    _, found, _, store = folder
    classes, speaker = found.about["classes"], {row.id: row.speaker for row in store.utterances}
    order = [system.name for system in found.systems]
    for row in measure_flaws(found, order)["rows"]:
        control, system = by_name(found.flaws)[row["control"]], by_name(found.systems)[row["system"]]
        recalls = [recall_on(one, None, classes) for one in (control, system)]
        common = sorted(set(found.ids) & {one for run in control.runs for one in run.ids})
        recalls_of_both = [recall_on(one, common, classes) for one in (control, system)]
        difference = row["difference"]
        assert difference["value"] == pytest.approx(recalls_of_both[0] - recalls_of_both[1])
        assert difference["low"] <= difference["value"] <= difference["high"]
        assert difference["n"] == len(common)
        metric = row["metrics"]["unweighted_average_recall"]
        assert metric["value"] == pytest.approx(recalls[0])
        assert metric["minus_system"] == pytest.approx(recalls[0] - recalls[1])
        assert metric["n"] == row["n"] == len({one for run in control.runs for one in run.ids})
        if len(control.seeds) == 1:
            ids = sorted(one for run in control.runs for one in run.ids)
            (pooled,) = control.pooled
            plain = estimate_intervals(
                [classes[one] for one in ids], pooled.prediction, clusters=[speaker[one] for one in ids]
            )
            for name in ("accuracy", "unweighted_average_recall"):
                ends = (row["metrics"][name]["low"], row["metrics"][name]["high"])
                assert ends == (pytest.approx(plain[name].low), pytest.approx(plain[name].high))


def test_shared_speakers_and_dialogues_are_counted(folder):
    _, found, _, store = folder
    content = measure_flaws(found, [system.name for system in found.systems])
    rows = {row["flaw"]: row for row in content["rows"]}
    for column in ("speaker", "dialogue"):
        name = {row.id: getattr(row, column) for row in store.utterances}
        for flaw, folds in {**found.flaw_folds, BEST_EPOCH: found.folds}.items():
            shared = {name[one] for fold in folds for one in fold.test for two in fold.train if name[one] == name[two]}
            tested = {name[one] for fold in folds for one in fold.test}
            assert rows[flaw][f"{column}s"] == {"shared": len(shared), "tested": len(tested)}
    assert content["honest"] == {
        "protocol": SESSIONS,
        "speakers": {"shared": 0, "tested": 6},
        "dialogues": {"shared": 0, "tested": 6},
    }
    assert rows["dialogue-letter"]["speakers"]["shared"] == 6
    assert rows["paper-tail"]["n"] == rows["paper-tail"]["metrics"]["accuracy"]["n"] == 15
    assert {row["difference"]["n"] for row in content["rows"]} == {72, 15}
    assert (
        rows["paper-tail"]["few"]
        == rows["paper-tail"]["difference"]["few"]
        == "only 2 speakers in test, too few to show a difference"
    )


def test_the_best_epoch_is_the_one_with_most_right_answers_on_test(folder):
    _, found, _, store = folder
    classes = found.about["classes"]
    control = by_name(found.flaws)[f"mlp on {FEATURES}, {BEST_EPOCH}"]
    for run in control.runs:
        (fold,) = [fold for fold in found.folds if fold.name == run.record.fold]
        train, test = sorted(fold.train), sorted(fold.test)
        X, Z = (store.matrix([FEATURES], ids)[0] for ids in (train, test))
        after = []
        head = registry.load("heads", "mlp")(**run.record.params)
        head.fit(
            X, [classes[one] for one in train], after_epoch=lambda one, Z=Z, to=after: to.append(one.predict_proba(Z))
        )
        truth = np.array([classes[one] for one in test])
        right = [(head.classes_[one.argmax(1)] == truth).mean() for one in after]
        assert len(right) == 4
        assert run.record.epoch == int(np.argmax(right)) + 1
        np.testing.assert_allclose(run.answers.probabilities, after[run.record.epoch - 1], atol=1e-6)
        assert (run.record.protocol, run.record.flaw, run.ids) == (SESSIONS, BEST_EPOCH, tuple(test))
    own = by_name(found.systems)[control.record.system]
    assert {run.record.epoch for run in own.runs} == {0}
    assert mean_accuracy(control) >= mean_accuracy(own)  # its last epoch is one of those to choose from


def test_a_head_that_stops_early_runs_all_its_epochs_for_the_best_one():
    store = FakeStore(letters(), spread=1.2)
    config = BenchmarkConfig.parse(
        ("conv1d",),
        FEATURES,
        params=tuple(f"conv1d.{one}" for one in ("epochs=9", *EARLY, "device=cpu")),
        protocol=SESSIONS,
        flaws=True,
    )
    specs = [spec for spec in plan(store, config, str).specs if spec.fold.name == "1"]
    (honest,), (control,) = ([one for one in specs if one.flaw == flaw] for flaw in ("", BEST_EPOCH))
    assert control == replace(honest, flaw=BEST_EPOCH)
    own, found = execute(store, honest), execute(store, control)
    length = len(own.head.history_)
    assert length < len(found.head.history_) == 9
    np.testing.assert_allclose(  # the same training, epoch by epoch, with the same part kept aside
        [[line[name] for name in ("loss", "validation_loss")] for line in found.head.history_[:length]],
        [[line[name] for name in ("loss", "validation_loss")] for line in own.head.history_],
        rtol=1e-5,
    )
    assert found.params == {**own.params, "patience": 9}
    truth = np.array([control.classes[one] for one in found.utterance_ids])
    right, right_own = ((np.array(one.answers[0].prediction) == truth).sum() for one in (found, own))
    assert right >= right_own
    record = RunRecord.from_run(control, found, "digest", 0)
    assert (record.epoch, record.flaw, record.is_control) == (found.epoch, BEST_EPOCH, True)
    assert RunRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert 1 <= found.epoch <= 9
    assert own.epoch == 0


def test_the_first_of_equal_epochs_is_kept():
    given = iter(([[0.9, 0.1]] * 2, [[0.4, 0.6], [0.6, 0.4]], [[0.6, 0.4], [0.2, 0.8]], [[0.7, 0.3], [0.1, 0.9]]))

    class Known:
        classes_ = np.array(["a", "b"])

    chooser = EpochChooser("mine", lambda one: np.array(next(given)), ["a", "b"])
    with pytest.raises(Unavailable, match="head mine has a setting epochs, and never called after_epoch"):
        chooser.check()
    for _ in range(4):
        chooser(Known())
    assert chooser.epoch == 3
    np.testing.assert_array_equal(chooser.probabilities, [[0.6, 0.4], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        *(("mlp", True), ("bc-lstm", True), ("attention", True), ("logistic", False), ("xgb", False)),
        ("sklearn.neural_network.MLPClassifier", False),
    ],
)
def test_heads_that_learn_in_epochs_are_told_from_the_others(head, expected):
    assert learns_in_epochs(head) == expected


def test_only_the_patience_of_a_head_changes_for_the_best_epoch():
    assert run_all_epochs({"epochs": 7}, default_params("bc-lstm")) == {"epochs": 7, "patience": 7}
    assert run_all_epochs({}, default_params("bc-lstm")) == {"patience": default_params("bc-lstm")["epochs"]}
    assert run_all_epochs({"epochs": 7}, default_params("mlp")) == {"epochs": 7}


def test_other_runs_and_sections_are_the_same_with_and_without_flaws(tmp_path):
    plain, _ = ran(tmp_path, flaws=False)
    about, before = (tmp_path / "benchmark.json").read_bytes(), written(tmp_path)
    content = compare.read_summary(tmp_path)[0]
    assert "flaws" not in content
    assert not (tmp_path / "flaws.json").exists()
    assert all(b'"flaw"' not in raw and b'"epoch"' not in raw for raw in before.values())
    flawed, lines = ran(tmp_path)
    assert lines[-1] == "15 runs, 3 of them done already"
    assert before.items() <= written(tmp_path).items()
    assert flawed.about["runs"][:3] == plain.about["runs"]
    assert (flawed.folds, flawed.ids) == (plain.folds, plain.ids)
    whole = compare.read_summary(tmp_path)[0]
    for one in (content, whole):
        del one["provenance"]["command"], one["provenance"]["machine"]
    assert whole.pop("flaws")["rows"]
    assert whole == content
    ran(tmp_path, flaws=False)
    assert not (tmp_path / "flaws.json").exists()
    now = json.loads((tmp_path / "benchmark.json").read_text("utf-8"))
    assert now == json.loads(about) | {"machine": now["machine"]}


def test_a_stopped_benchmark_with_flaws_continues(tmp_path):
    found, _ = ran(tmp_path)
    before = written(tmp_path)
    gone = [found.flaws[0].runs[1].record.digest, found.systems[0].runs[0].record.digest]
    for digest in gone:
        (tmp_path / "runs" / f"{digest}.json").unlink()
    again, lines = ran(tmp_path)
    assert lines[-1] == "15 runs, 13 of them done already"
    assert {name for name, raw in written(tmp_path).items() if before[name] != raw} <= {f"{one}.json" for one in gone}
    assert [control.name for control in again.flaws] == [control.name for control in found.flaws]


def test_flaws_that_cannot_be_run_are_named_once(tmp_path):
    store = FakeStore(conversations())
    found, lines = ran(tmp_path, store, heads=("prior", "logistic"), protocol="paper-tail")
    assert lines[:-1] == [
        "--flaws: dialogue-letter is left out: 6 of 6 dialogues have no session and letter in their name",
        "--flaws: paper-tail is left out: it is the protocol of the benchmark itself",
        "--flaws: best epoch on test is left out for prior, logistic: no learning in epochs",
    ]
    assert {control.record.flaw for control in found.flaws} == {"random-utterance"}
    text = compare.read_summary(tmp_path)[1]
    assert "Note: paper-tail is left out: it is the protocol of the benchmark itself." in text


def test_a_flaw_with_a_leaked_encoder_is_left_out_with_the_reason(tmp_path):
    store = FakeStore(letters())
    (fold,) = folding.split("holdout", store.utterances, {row.id: row.label for row in corpus() if row.label})
    store.tuned["text"] = frozenset(fold.train)
    options = {"protocol": "holdout", "features": "audio.mean,text.mean"}
    found, lines = ran(tmp_path / "strict", store, **options)
    tail = folding.split("paper-tail", store.utterances, found.about["classes"])[0].test
    seen = len(set(tail) & set(fold.train))
    assert (
        f"--flaws: paper-tail is left out for features text.mean: encoder text was fine-tuned on {seen} of the 15 test "
        "utterances of fold tail"
    ) in lines
    assert sum("is left out for features text.mean: encoder text was" in line for line in lines) == 3
    assert Counter(control.record.feature_set for control in found.flaws) == {"audio.mean": 3}
    found, lines = ran(tmp_path / "allowed", store, **options, allow_leakage=True)
    assert not [line for line in lines if "fine-tuned" in line]
    leaks = {control.name: bool(control.leak) for control in found.flaws}
    assert leaks == {name: "text.mean" in name for name in leaks}
    assert len(leaks) == 6
    text = compare.read_summary(tmp_path / "allowed")[1]
    (line,) = [one for one in text.splitlines() if one.startswith("| logistic on text.mean") and "paper-tail" in one]
    assert line.count("! [") == 3
    assert "Note: ! leaked: logistic on text.mean, protocol paper-tail: encoder text was fine-tuned on " in text


def test_encoders_of_the_benchmarks_own_folds_are_left_out(tmp_path):
    tuned = {f"text@{one}": frozenset(LABELLED) - {other for other in LABELLED if other[4] == one} for one in "123"}
    store = FakeStore(letters(), tuned=tuned, extra=tuple(tuned))
    found, lines = ran(tmp_path, store, features="audio.mean,text.mean")
    why = f"is left out for features text.mean: text@1 is fine-tuned on a fold of {SESSIONS}"
    assert [line for line in lines if "text@1" in line] == [f"--flaws: {flaw} {why}" for flaw in PROTOCOLS]
    assert {control.record.feature_set for control in found.flaws} == {"audio.mean"}


def test_flaws_are_measured_on_the_utterances_of_the_benchmarks_folds(tmp_path):
    found, _ = ran(tmp_path, FakeStore(letters(), failed={"Ses01F_000": "gone"}))
    used = {one for fold in found.folds for one in (*fold.train, *fold.test)}
    assert used == set(LABELLED) - {"Ses01F_000"}
    for folds in found.flaw_folds.values():
        assert {one for fold in folds for one in (*fold.train, *fold.dev, *fold.test)} == used
    for control in found.flaws:
        whole = used if control.record.flaw != "paper-tail" else found.flaw_folds["paper-tail"][0].test
        assert sorted(one for run in control.runs for one in run.ids) == sorted(whole)


def test_flaws_and_a_search_choose_settings_on_dev_of_the_flawed_folds(tmp_path):
    found, _ = ran(tmp_path, search=1)
    for control in found.flaws:
        folds = found.flaw_folds[control.record.flaw]
        assert all(fold.dev and not {*fold.dev} & {*fold.train, *fold.test} for fold in folds)
        assert [run.record.dev for run in control.runs] == [len(fold.dev) for fold in folds]


def test_flaws_and_a_single_fold_are_refused_and_the_command_names_them(tmp_path):
    with pytest.raises(
        BadValue, match="--flaws compares all folds .*\n  got: --fold 1\n  do: leave one of the two out"
    ):
        BenchmarkConfig.parse(("svm",), fold="1", flaws=True)
    command = BenchmarkConfig.parse(("svm",), flaws=True).command(tmp_path, tmp_path)
    assert " --flaws " in command
