import json
import random
import shlex
import signal
from dataclasses import replace
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from benchmarks import compare
from benchmarks.evaluation.feature_sets import parse_feature_sets
from benchmarks.grid import machine, results, run_records
from benchmarks.grid.config import BenchmarkConfig
from benchmarks.grid.runner import benchmark
from benchmarks.paper.paper_plan import read_published_figures
from featurestore import registry
from featurestore.errors import BadValue, Leakage, Mismatch, UnknownName
from featurestore.folds import fold as folding
from heads.logistic import LogisticHead
from tests.faults import benchmark as faults
from tests.support import fork_server
from tests.support.fake_store import FakeStore, corpus
from tests.support.processes import find_session, wait_until

FIRST = {"speaker-kfold": "speaker-1", "holdout": "holdout"}
SESSIONS = "leave-one-session-out"
OWN = "audio.mean+text.mean"


def ran(out, store=None, **options):
    benchmark(
        store or FakeStore(),
        BenchmarkConfig.parse(**{"heads": ("prior", "logistic"), "protocol": SESSIONS, **options}),
        out,
    )
    return results.read(out)


def written(out):
    return {path.name: path.read_bytes() for path in (out / "runs").iterdir()}


def test_every_run_is_on_disk_with_its_predictions(tmp_path):
    found = ran(tmp_path, heads=("prior", "svm"), seeds=(0, 1))
    assert [system.name.partition(" ")[0] for system in found.systems] == ["prior", "svm"]
    assert [system.seeds for system in found.systems] == [[0], [0, 1]]  # the prior draws nothing
    assert len(found.systems[1].runs) == 2 * 3
    run = found.systems[1].runs[0]
    assert run.record.fold == "1"
    assert run.ids == tuple(sorted(found.folds[0].test))
    assert set(run.record.seconds) == {"tune", "fit", "predict"}
    assert run.record.peak_mb > 10
    assert run.answers.probabilities.shape == (24, 3)
    first = (tmp_path / "runs" / f"{run.record.digest}.csv").read_text("utf-8").splitlines()[:2]
    assert first[0] == "id,truth,prediction,ang,hap,sad"
    assert first[1].startswith("Ses01F_000,ang,")
    assert found.ids == sorted(row.id for row in corpus() if row.label)


def test_a_run_records_the_size_of_its_head_and_its_training_curves(tmp_path):
    config = {"heads": ("logistic", "mlp"), "protocol": "holdout", "params": ("mlp.epochs=3", "mlp.device=cpu")}
    found = ran(tmp_path, **config)
    logistic, mlp = (system.runs[0].record for system in found.systems)
    fold, store = found.folds[0], FakeStore()
    X, _, ids = store.matrix(store.default_features(), sorted(fold.train))
    for card in (logistic, mlp):
        head = registry.load("heads", card.head)(**card.params).fit(X, [found.about["classes"][name] for name in ids])
        (tmp_path / card.head).mkdir()
        head.save_weights(tmp_path / card.head)
        assert card.bundle_bytes == sum(path.stat().st_size for path in (tmp_path / card.head).iterdir())
        assert (card.train_size, card.permuted, card.is_control) == (1.0, "", False)
    assert logistic.history == {}
    assert mlp.history == {name: [line[name] for line in head.history_] for name in ("loss", "accuracy")}
    assert len(mlp.history["loss"]) == 3


def test_a_damaged_description_is_rewritten_and_no_run_is_lost(tmp_path):
    before = ran(tmp_path, heads=("prior",))
    runs = written(tmp_path)
    (tmp_path / "benchmark.json").write_text('{"format"', "utf-8")
    again = ran(tmp_path, heads=("prior",))
    assert again.about == before.about
    assert written(tmp_path) == runs


def test_the_longest_runs_start_first_in_any_order_of_heads(tmp_path):
    lines: list[str] = []
    config = BenchmarkConfig.parse(heads=("prior", "svm", "xgb"), protocol="holdout", params=("xgb.n_estimators=2",))
    benchmark(FakeStore(), config, tmp_path, say=lines.append)
    assert [line.split()[1] for line in lines if "to fit" in line] == ["xgb", "svm", "prior"]
    assert [system.record.head for system in results.read(tmp_path).systems] == ["prior", "svm", "xgb"]


def test_a_benchmark_records_its_data_machine_and_command(tmp_path, monkeypatch):
    found = ran(tmp_path, heads=("prior",))
    about = found.about
    assert about["manifest_sha256"] == "0" * 64
    assert about["folds_sha256"] == folding.digest(found.folds)
    assert about["machine"].keys() == {"cpu", "cores", "memory_gb", "system", "python"}
    assert about["command"] == (
        f"cli benchmark --store nowhere --heads prior --protocol leave-one-session-out --out {tmp_path}"
    )
    assert about["published"] == []
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(machine, "describe", lambda: {"cpu": "another"})
        assert (
            ran(tmp_path, heads=("prior",)).about["machine"] == about["machine"]
        )  # its seconds are still of the first
        assert ran(tmp_path, heads=("logistic",)).about["machine"] == {"cpu": "another"}


def test_published_figures_are_of_the_same_classes(tmp_path):
    named = {"ang": "ang", "hap": "hap", "sad": "sad"}
    store = FakeStore(tuple(replace(row, label=named.get(row.label, "")) for row in corpus()), corpus="iemocap")
    (tmp_path / "three.json").write_text(json.dumps(named))
    assert ran(tmp_path, store, heads=("prior",), labels=str(tmp_path / "three.json")).about["published"] == []
    six, four = (ran(tmp_path, store, heads=("prior",), labels=f"iemocap-{n}").about["published"] for n in (6, 4))
    assert {one["labels"] for one in four} == {"iemocap-4"}
    blocks = read_published_figures()["stages"]["fusion"]["blocks"]
    assert [round(100 * one["value"], 3) for one in six] == [block["accuracy"] for block in blocks]
    assert {one["metric"] for one in six} == {"accuracy"}
    assert all(one["source"] and one["note"] for one in six)


def test_the_command_of_a_benchmark_is_parsed_to_the_same_benchmark(monkeypatch):
    config = BenchmarkConfig(
        ("svm", "mlp"),
        parse_feature_sets("text,audio.mean+text.mean"),
        "my labels.json",
        "cross-corpus",
        "3",
        1,
        (0, 2),
        ("none", "speaker"),
        ("in-sample",),
        {"svm": {"C": 2}, "mlp": {"hidden": [8, 4], "activation": "relu"}},
        5,
        2,
        True,
        (0.1, 0.25),
        True,
    )
    caught = []
    monkeypatch.setattr(compare, "compare", lambda **given: caught.append(given) or ({}, ""))
    line = shlex.split(config.command(Path("a store"), Path("r"), Path("other"), "theirs"))
    assert line[:2] == ["cli", "benchmark"]
    result = CliRunner().invoke(cli.main, line[1:])
    assert result.exit_code == 0, result.output
    (given,) = caught
    assert given["config"] == config
    paths = ("store", "out", "test_store", "test_labels")
    assert tuple(given[name] for name in paths) == (Path("a store"), Path("r"), Path("other"), "theirs")


def test_runs_of_an_earlier_format_are_repeated_and_refused_when_read(tmp_path):
    digest = ran(tmp_path, heads=("prior",), protocol="holdout").systems[0].record.digest
    run, about = tmp_path / "runs" / f"{digest}.json", tmp_path / "benchmark.json"
    for path in (run, about):
        path.write_text(path.read_text("utf-8").replace('"format": 2', '"format": 1'), "utf-8")
    with pytest.raises(Mismatch, match="benchmark.json is of another version"):
        results.read(tmp_path)
    with pytest.raises(Mismatch, match=f"{digest}.json is of another version\\n  do: run the same cli benchmark again"):
        run_records.read(tmp_path / "runs", digest)
    lines = []
    benchmark(FakeStore(), BenchmarkConfig.parse(("prior",), protocol="holdout"), tmp_path, say=lines.append)
    assert "1 runs, 0 of them done already" in lines
    assert results.read(tmp_path).systems[0].record.digest == digest


@pytest.mark.parametrize(("file", "content"), [("benchmark.json", "no corpus"), ("folds.json", {"folds": [1]})])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, file, content):
    ran(tmp_path, heads=("prior",), protocol="holdout")
    if content == "no corpus":
        content = json.loads((tmp_path / file).read_text("utf-8"))
        del content["corpus"]
    (tmp_path / file).write_text(json.dumps(content), "utf-8")
    with pytest.raises(Mismatch, match=rf"{file} is damaged\n(.*\n)?  do: run the same cli benchmark again") as caught:
        results.read(tmp_path)
    assert ("expected: the keys corpus" in str(caught.value)) == (file == "benchmark.json")


def test_a_second_start_runs_only_the_missing_runs(tmp_path):
    found = ran(tmp_path)
    before, lines = written(tmp_path), []
    gone = found.systems[0].runs[1].record.digest
    (tmp_path / "runs" / f"{gone}.json").unlink()
    benchmark(FakeStore(), BenchmarkConfig.parse(("prior", "logistic"), protocol=SESSIONS), tmp_path, say=lines.append)
    assert lines[1] == "6 runs, 5 of them done already"
    assert lines[2].startswith("1/1 prior on ")
    changed = [name for name, content in written(tmp_path).items() if before[name] != content]
    assert changed in ([], [f"{gone}.json"])  # its seconds may differ, its predictions not


def test_whatever_shapes_a_run_changes_its_digest(tmp_path):
    def digests(store=None, **options):
        config = BenchmarkConfig.parse(**{"heads": ("svm",), "protocol": "holdout", **options})
        return set(benchmark(store or FakeStore(), config, tmp_path))

    first = digests()
    assert digests() == first
    others = [
        digests(seeds=(1,)),
        digests(normalize=("global",)),
        digests(params=("svm.C=2",)),
        digests(split_seed=1),
        digests(features="audio.mean"),
        digests(search=1),
        digests(FakeStore(spread=0.4)),  # other bytes in the feature file
        digests(FakeStore(tuned={"audio": frozenset(["Ses01F_000"])}), allow_leakage=True),  # the card says what leaks
    ]
    assert all(not first & other for other in others)


def test_a_killed_benchmark_continues_where_it_stopped(tmp_path):
    killed = fork_server.start_program(faults.run, tmp_path / "killed", 2, output=tmp_path)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL, (tmp_path / "stderr").read_text("utf-8")
    wait_until(lambda: not find_session(killed.pid), 20)  # nothing is written any more
    runs = tmp_path / "killed" / "runs"
    done, lines = len(list(runs.glob("*.json"))), []
    assert 2 <= done < 15
    benchmark(FakeStore(), faults.CONFIG, tmp_path / "killed", say=lines.append)
    assert f"15 runs, {done} of them done already" in lines
    assert sum(line.startswith(f"{15 - done}/") or f"/{15 - done} " in line for line in lines) == 15 - done
    benchmark(FakeStore(), faults.CONFIG, tmp_path / "whole")
    whole = {name: content for name, content in written(tmp_path / "whole").items() if name.endswith(".csv")}
    assert len(whole) == 15
    assert all((runs / name).read_bytes() == content for name, content in whole.items())


@pytest.mark.parametrize("protocol", ["speaker-kfold", "holdout"])
def test_shuffling_the_manifest_changes_no_prediction(tmp_path, protocol):
    rows = list(corpus())
    random.Random(0).shuffle(rows)
    config = {
        "heads": ("logistic", "svm", "xgb", "mlp"),
        "protocol": protocol,
        "fold": FIRST[protocol],
        "search": 1,
        "normalize": ("speaker",),
    }
    config |= {"params": ("xgb.n_estimators=5", "mlp.epochs=2", "mlp.device=cpu", "mlp.hidden=[8]")}
    first, second = ran(tmp_path / "a", **config), ran(tmp_path / "b", FakeStore(tuple(rows)), **config)
    for one, other in zip(first.systems, second.systems, strict=True):
        np.testing.assert_allclose(one.pooled[0].probabilities, other.pooled[0].probabilities, atol=1e-6)
        assert list(one.pooled[0].prediction) == list(other.pooled[0].prediction)


@pytest.mark.parametrize(
    ("features", "expected"), [("audio.mean,text.mean", [["Ses01F_000", "Ses02M_001"]]), ("text.mean", None)]
)
def test_clips_that_are_the_same_under_several_ids_are_listed(tmp_path, features, expected):
    store = FakeStore(same=frozenset(["Ses01F_000", "Ses02M_001"]))
    assert ran(tmp_path, store, features=features).about["same_clips"] == expected


def test_a_leak_is_refused_with_count_and_remedy_and_marked_with_the_flag(tmp_path):
    store = FakeStore(tuned={"audio": frozenset(row.id for row in corpus())})
    with pytest.raises(Leakage) as caught:
        ran(tmp_path, store)
    assert "encoder audio was fine-tuned on 24 of the 24 test utterances of fold 1" in str(caught.value)
    assert "2 more such cases" in str(caught.value)
    assert "cli finetune --all-folds" in str(caught.value)
    assert not (tmp_path / "runs").exists()
    benchmark(
        store, BenchmarkConfig.parse(("svm",), "audio.mean,text.mean", protocol=SESSIONS, allow_leakage=True), tmp_path
    )
    summary, text = compare.read_summary(tmp_path)
    marked = {row["feature_set"]: row["metrics"]["accuracy"].get("leaked", False) for row in summary["leaderboard"]}
    assert marked == {"audio.mean": True, "text.mean": False}
    (line,) = [line for line in text.splitlines() if "| svm on audio.mean " in line and "[" in line and "|" in line][:1]
    assert line.count("! [") == 4
    assert "! leaked: svm on audio.mean: encoder audio was fine-tuned on 24 of the 24" in text


def test_utterances_that_lack_a_feature_are_in_no_run_of_any_feature_set(tmp_path):
    found = ran(tmp_path, FakeStore(failed={"Ses01F_000": "audio: gone"}), features="audio.mean,text.mean")
    assert "Ses01F_000" not in found.ids
    assert found.about["dropped"] == {"Ses01F_000": "audio: gone"}
    truths = [list(one.pooled[0].truth) for one in found.systems]
    assert all(truth == truths[0] for truth in truths)


def test_settings_are_chosen_on_dev_and_reported(tmp_path):
    found = ran(tmp_path, heads=("svm",), search=3)
    card = found.systems[0].record
    assert (card.search, card.dev, card.train) == (3, 24, 24)
    summary, text = compare.read_summary(tmp_path)
    assert (
        "Note: settings: the best of the defaults and 3 drawn settings by unweighted average recall on 2 inner folds "
        "of training (their mean), cut by the protocol's own grouping, then fitted on" in text
    )
    outcome = {finding["check"]: finding["outcome"] for finding in summary["checks"]}
    assert outcome["selection-on-test"] == "passed"
    with pytest.raises(Mismatch, match="no dev part can be split"):
        ran(tmp_path, FakeStore(corpus(sessions=2)), search=1)


def test_inner_folds_limit_the_parts_that_take_turns_as_dev(tmp_path):
    found = ran(tmp_path / "both", heads=("svm",), search=1)
    assert [(fold.dev != (), len(fold.turns)) for fold in found.folds] == [(True, 1)] * 3
    alone = ran(tmp_path / "alone", heads=("svm",), search=1, inner_folds=1)
    assert [(fold.dev, fold.turns) for fold in alone.folds] == [(fold.dev, ()) for fold in found.folds]
    assert "recall on a dev part cut from training" in compare.read_summary(tmp_path / "alone")[1]
    assert "--search 1 --inner-folds 1" in alone.about["command"]
    assert not set(found.about["runs"]) & set(alone.about["runs"])


def test_normalization_per_speaker_is_named_in_every_table(tmp_path):
    ran(tmp_path, heads=("logistic",), normalize=("none", "speaker"))
    summary, text = compare.read_summary(tmp_path)
    assert {row["system"].partition(", normalised")[2] for row in summary["leaderboard"]} == {"", " per speaker"}
    assert "legitimate only where the speaker is known" in text
    rows = tuple(replace(row, speaker="") for row in corpus())
    with pytest.raises(Mismatch, match="72 of 72 utterances have no speaker to normalize by"):
        ran(tmp_path / "b", FakeStore(rows), heads=("logistic",), normalize=("speaker",))


def test_the_summary_is_a_pure_function_of_the_files(tmp_path):
    ran(tmp_path, heads=("prior", "svm"), seeds=(0, 1))
    first = compare.read_summary(tmp_path)
    assert compare.read_summary(tmp_path) == first
    summary, text = first
    row = summary["leaderboard"][0]
    assert row["metrics"]["accuracy"].keys() == {
        *("value", "low", "high", "n", "mean_of_folds", "sd_of_folds", "sd_of_seeds"),
    }
    assert {"log_loss", "brier_score", "expected_calibration_error"} < row["metrics"].keys()
    assert row["per_class"]["sad"]["n"] == 24
    assert summary["leaderboard"][1]["metrics"]["accuracy"]["sd_of_seeds"] is None
    assert summary["over"] == "speakers"
    assert len(summary["pairs"]) == 1
    assert text.startswith("# 2 systems on fake, 3 classes, protocol leave-one-session-out, n = 72: svm on ")


def test_the_same_features_by_two_names_are_two_systems(tmp_path):
    ran(tmp_path, heads=("logistic",), features="embeddings,audio.mean+text.mean")
    first, second = compare.read_summary(tmp_path)[0]["leaderboard"]
    assert {first["feature_set"], second["feature_set"]} == {"embeddings", "audio.mean+text.mean"}
    assert first["metrics"] == second["metrics"]


def test_changed_predictions_are_refused(tmp_path):
    digest = ran(tmp_path).systems[0].record.digest
    path = tmp_path / "runs" / f"{digest}.csv"
    path.write_text(path.read_text("utf-8").replace("sad", "ang", 1), "utf-8")
    with pytest.raises(Mismatch, match=f"{digest}.csv is damaged or missing\n  expected: sha256"):
        results.read(tmp_path)
    (tmp_path / "runs" / f"{digest}.json").unlink()
    with pytest.raises(Exception, match=f"there is no .*{digest}.json"):
        run_records.read(tmp_path / "runs", digest)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"heads": ("svn",)}, UnknownName, "unknown head 'svn'"),
        (
            {"normalize": ("speakers",)},
            BadValue,
            "unknown normalization 'speakers'\n  expected: none, global, speaker",
        ),
        (
            {"logits": ("honest",)},
            BadValue,
            "unknown logits 'honest'\n  expected: cross-fitted, cross",
        ),
        (
            {"params": ("svm.C=1",)},
            BadValue,
            "'svm.C=1' is not a setting of a head in this benchmark\n  expected: HEAD",
        ),
        ({"params": ("logistic.c=1",)}, UnknownName, "head 'logistic' has no parameter 'c'"),
        ({"features": "x=text.mean,x=audio.mean"}, BadValue, "two feature sets have the name 'x'"),
        ({"features": "text=audio.mean,text"}, BadValue, "two feature sets have the name 'text'"),
        (
            {"heads": ("svm",), "params": ("svm.random_state=3",)},
            BadValue,
            "svm.random_state is given, but --seeds sets",
        ),
        ({"features": "layers"}, UnknownName, "the store has no feature for the set 'layers'"),
        (
            {"features": "vidio"},
            UnknownName,
            "unknown feature 'vidio'\n  expected: ENCODER.KIND, one of audio.mean, ",
        ),
    ],
)
def test_bad_usage_is_refused_before_anything_runs(tmp_path, options, error, message):
    with pytest.raises(error) as caught:
        ran(tmp_path, **options)
    assert message in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_a_damaged_record_is_refused_by_the_report_and_run_again(tmp_path):
    digest = ran(tmp_path, heads=("prior",)).about["runs"][0]
    path = tmp_path / "runs" / f"{digest}.json"
    whole = path.read_text()
    path.write_text(whole[:50])
    with pytest.raises(Mismatch, match=f"{digest}.json is damaged(.|\n)*do: run the same cli benchmark again"):
        results.read(tmp_path)
    assert not run_records.is_done(tmp_path / "runs", digest)
    ran(tmp_path, heads=("prior",))
    assert json.loads(path.read_text())["csv_sha256"] == json.loads(whole)["csv_sha256"]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("id\n"), None])
def test_a_run_with_missing_or_damaged_files_is_run_again(tmp_path, spoil):
    digest = ran(tmp_path, heads=("prior",)).about["runs"][0]
    table, card = (tmp_path / "runs" / f"{digest}.{kind}" for kind in ("csv", "json"))
    whole = table.read_bytes()
    spoil(table) if spoil else card.write_text('{"format": 2}')
    with pytest.raises(Mismatch, match="damaged(.|\n)*do: run the same cli benchmark again"):
        results.read(tmp_path)
    ran(tmp_path, heads=("prior",))
    assert table.read_bytes() == whole


def test_a_description_that_is_not_an_object_is_refused(tmp_path):
    ran(tmp_path, heads=("prior",))
    (tmp_path / "benchmark.json").write_text("[]")
    with pytest.raises(Mismatch, match="benchmark.json is damaged\n  expected: a JSON object\n  got: list"):
        results.read(tmp_path)


def test_other_defaults_and_another_search_space_change_the_digest(tmp_path, monkeypatch):
    def digests(**options):
        return set(ran(tmp_path, heads=("logistic",), **options).about["runs"])

    as_they_are, tuned = digests(), digests(search=1)
    assert digests(params=("logistic.C=0.1",)) == as_they_are  # the default, given
    monkeypatch.setattr(LogisticHead, "SPACE", {"C": (1.0, 3.0)})
    assert digests() == as_they_are
    assert not digests(search=1) & tuned
    monkeypatch.setattr(LogisticHead, "__init__", partialmethod(LogisticHead.__init__, max_iter=7))
    assert not digests() & as_they_are


def test_a_rewritten_head_is_run_again(tmp_path, monkeypatch):
    before = ran(tmp_path, heads=("prior",)).about["runs"]
    monkeypatch.setattr(registry, "hash_source", lambda kind, name: f"{name} was rewritten")
    assert not set(before) & set(ran(tmp_path, heads=("prior",)).about["runs"])


def test_one_fold_and_then_all_are_systems_of_all_folds(tmp_path):
    """Name a system by all folds: whether some train on utterances that an encoder was fine-tuned on."""
    store = FakeStore(tuned={"text": frozenset(row.id for row in corpus() if row.session == "1")})
    config = {"heads": ("prior",), "features": "text.logits", "allow_leakage": True}
    (one,) = ran(tmp_path, store, fold="1", **config).systems
    (system,) = ran(tmp_path, store, **config).systems
    assert (one.name, len(one.runs)) == ("prior on text.logits", 1)
    assert (system.name, len(system.runs)) == ("prior on text.logits, in-sample logits", 3)


def test_a_command_without_options_has_the_defaults_of_the_config(monkeypatch):
    caught = []
    monkeypatch.setattr(compare, "compare", lambda **given: caught.append(given) or ({}, ""))
    line = shlex.split(BenchmarkConfig.parse(("svm",)).command(Path("s"), Path("r")))
    assert CliRunner().invoke(cli.main, line[1:]).exit_code == 0
    assert caught[0]["config"] == BenchmarkConfig.parse(("svm",))


def test_the_seconds_of_a_search_are_printed_only_with_a_search(tmp_path):
    for tune in (0, 1):
        lines = []
        config = BenchmarkConfig.parse(("logistic",), protocol=SESSIONS, search=tune)
        benchmark(FakeStore(), config, tmp_path / str(tune), say=lines.append)
        assert ["s to choose settings, " in line for line in lines if "s to fit" in line] == [bool(tune)] * 3


def test_test_labels_without_a_test_store_are_refused(tmp_path):
    result = CliRunner().invoke(
        cli.main, ["benchmark", "--store", str(tmp_path), "--heads", "prior", "--test-labels", "x", "--out", "r"]
    )
    assert "--test-labels needs --test-store\n  do: --test-store FOLDER" in result.output


def test_a_dev_part_without_features_is_refused_only_for_a_search(tmp_path):
    sides = {"1": "train", "2": "dev", "3": "test"}
    rows = tuple(replace(row, partition=sides[row.session]) for row in corpus())
    store = FakeStore(rows, failed={row.id: "gone" for row in rows if row.partition == "dev"})
    with pytest.raises(
        Mismatch, match="fold test: no dev utterance has features\n  do: extract the missing features, or"
    ):
        ran(tmp_path, store, heads=("svm",), protocol="official", search=1)
    assert ran(tmp_path, store, heads=("svm",), protocol="official").ids


def test_ready_sets(tmp_path):
    found = ran(tmp_path, heads=("prior",), features=f"text,audio,both,embeddings,logits,{OWN},mine={OWN}")
    assert found.about["feature_sets"] == {
        "text": ["text.mean", "text.logits"],
        "audio": ["audio.mean"],
        "both": ["audio.mean", "text.mean", "text.logits"],
        "embeddings": ["audio.mean", "text.mean"],
        "logits": ["text.logits"],
        OWN: ["audio.mean", "text.mean"],
        "mine": ["audio.mean", "text.mean"],
    }
