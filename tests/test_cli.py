"""Every command as a user types it, on a small table of one's own."""

import csv
import json
import os
import shlex
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import cli
from featurestore.commands import extract as extract_command
from featurestore.errors import BadValue
from featurestore.networks import device
from featurestore.networks.identity import Identity
from featurestore.preparation.open_store import open_store
from featurestore.storage.lock import lock_folder
from featurestore.store import Store
from tests.support import tiny


def run(*arguments, code=0):
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Write a table of clips and two checkpoints, and extract a store from them by the command line."""
    folder = tmp_path_factory.mktemp("cli")
    rows = tiny.utterances(36, folder / "clips")
    with (folder / "mine.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "audio", "text", "label", "speaker", "session"])
        writer.writerows([row.id, f"clips/{row.audio}", row.text, row.label, row.speaker, row.session] for row in rows)
    tiny.checkpoint("wav2vec2-group", folder / "audio")
    tiny.checkpoint("deberta-v2", folder / "text", ("a", "b"))
    run("extract", *store(folder), *table(folder / "mine.csv"), *encoders(folder), "--jobs", 1)
    return folder


def test_commands_that_are_suggested_can_be_copied_into_a_shell(home, tmp_path):
    spaced = tmp_path / "my store"
    shutil.copytree(home / "store", spaced)
    asked = "fit-head", "--store", spaced, "--head", "svm", "--features", "text.mean", *out(tmp_path)
    (spaced / "utterances.csv").write_text((spaced / "utterances.csv").read_text().replace("ang", "hap", 1))
    command = suggested(run(*asked, code=1))
    assert command[:4] == ["cli", "extract", "--store", str(spaced)]
    run(*command[1:], "--jobs", 1)
    run(*asked)
    (spaced / "text.h5").unlink()
    assert suggested(run(*asked, code=1)) == ["see:", "cli", "inspect", str(spaced)]
    (spaced / "audio.h5").unlink()
    assert suggested(run(*asked, code=1)) == ["cli", "extract", "--store", str(spaced)]


def suggested(result):
    return shlex.split(result.output.rpartition("do: ")[2])


def store(folder):
    return "--store", folder / "store"


def encoders(folder):
    return "--encoder", folder / "audio", "--encoder", f"text={folder / 'text'}"


def table(path):
    return "--corpus", "table", "--root", path


def out(folder):
    return "--out", folder / "b"


@pytest.fixture
def copy(home, tmp_path):
    """Copy the store, so that a test can spoil it."""
    shutil.copytree(home / "store", tmp_path / "store")
    return tmp_path


def test_extract_prepares_and_encodes(home):
    assert Store(home / "store").encoders() == ["audio", "text"]


def test_extract_again_says_that_nothing_was_done(home):
    result = run("extract", *store(home), *encoders(home))
    assert "audio.h5: 36 utterances, 0 encoded now, 36 reused, 0 failed" in result.output


def test_extract_lists_failures_and_ends_with_3(home, tmp_path):
    (tmp_path / "t.csv").write_text(f"audio,label\nnowhere.wav,ang\n{home / 'clips' / 'clip000.wav'},sad\n")
    options = ["--store", tmp_path / "s", *table(tmp_path / "t.csv"), "--encoder", home / "audio"]
    result = run("extract", *options, "--jobs", 1, code=3)
    assert "2 utterances, 1 encoded now, 0 reused, 1 failed\n  nowhere: no such file:" in result.output
    answer = json.loads(run("extract", *options, "--json", code=3).stdout)
    assert list(answer[0]["failed"]) == ["nowhere"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--corpus", "emodb"], "holds another corpus\n  expected: emodb\n  got: table"),
        (["--root", "elsewhere"], "was prepared from another root"),
        (["--encoder", "=x"], "'=x' is not an encoder\n  expected: [NAME=]CHECKPOINT"),
        (["--encoder", "./nowhere"], "there is no checkpoint folder ./nowhere"),
    ],
)
def test_extract_says_what_does_not_fit(home, options, message):
    assert message in run("extract", *store(home), *options, code=1).output


@pytest.mark.parametrize("root", ["link.csv", "sub/../t.csv", "~/t.csv"])
def test_a_root_is_the_same_however_it_is_written(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "sub").mkdir()
    (tmp_path / "t.csv").write_text("text,label\nHi.,glad\n")
    (tmp_path / "link.csv").symlink_to("t.csv")
    for _ in range(2):
        assert open_store(tmp_path / "s", "table", Path(root), print).corpus == "table"
    assert open_store(tmp_path / "s", "table", tmp_path / "t.csv", print).corpus == "table"


def test_a_preparation_that_was_killed_is_done_again_where_the_corpus_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\nHi.,glad\n")
    open_store(tmp_path / "s", "table", tmp_path / "t.csv", print)
    (tmp_path / "s" / "utterances.csv").unlink()  # written last
    again = open_store(tmp_path / "s", "table", tmp_path / "t.csv", print)
    assert [row.text for row in again.utterances] == ["Hi."]


def test_a_missing_store_names_the_two_ways_to_one(tmp_path):
    result = run("extract", "--store", tmp_path / "no", code=1)
    assert f"there is no feature store at {tmp_path / 'no'}\n  do: cli prepare CORPUS ROOT --store" in result.output
    assert "--corpus CORPUS --root ROOT" in result.output
    assert "there is no feature store" in run("fit-head", "--head", "svm", "--store", tmp_path / "no", code=1).output


def test_a_home_folder_in_the_name_of_a_store_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "own.csv").write_text("text,label\nHi.,glad\nOh.,sad\n")
    run("prepare", "table", "~/own.csv", "--store=~/features")
    assert (tmp_path / "features/utterances.csv").is_file()


def test_the_store_of_the_environment_is_taken(copy, monkeypatch):
    monkeypatch.setenv("FEATURESTORE", str(copy / "store"))
    run("fit-head", "--head", "prior", "--features", "text.mean")
    assert (copy / "store" / "bundles" / "prior" / "head.json").is_file()


@pytest.mark.parametrize(
    ("second", "options", "message"),
    [
        (
            "compare",
            [],
            "2 encoders are named x; each would overwrite the one before\n  got: egemaps, compare\n  do: ",
        ),
        ("./nowhere", [], "there is no checkpoint folder ./nowhere"),
        ("egemaps", ["--layers"], "encoder x has no layers"),
    ],
)
def test_all_encoders_are_checked_before_the_first_is_run(home, monkeypatch, second, options, message):
    first = f"audio={home / 'audio'}" if options else "x=egemaps"
    target = "featurestore.extraction.extract.extract_encoder"
    monkeypatch.setattr(target, lambda *arguments, **options: pytest.fail("ran"))
    asked = ["--encoder", first, "--encoder", f"x={second}"]
    assert message in run("extract", *store(home), *asked, *options, code=1).output


def test_encoders_given_as_a_text_are_rejected(home):
    with pytest.raises(BadValue, match=r"encoders is a text\n(.|\n)*  do: give a list: encoders=\['egemaps'\]"):
        extract_command.extract(home / "store", encoders="egemaps")


def test_the_default_encoders_are_the_papers(monkeypatch, tmp_path):
    asked = []

    def identify(spec):
        asked.append(spec)
        return Identity(spec.name, spec.name, {}, ("mean",))

    monkeypatch.setattr("featurestore.encoders.identify", identify)
    monkeypatch.setattr("featurestore.extraction.extract.extract_encoder", lambda *arguments, **options: None)
    tiny.store(tmp_path / "s", [], tmp_path)
    extract_command.extract(tmp_path / "s")
    assert [(spec.name, spec.checkpoint) for spec in asked] == [
        ("text", "microsoft/deberta-v3-small"),
        ("audio", "facebook/wav2vec2-base-960h"),
    ]


def test_prepare_tells_counts_and_what_is_odd(home, tmp_path):
    result = run("prepare", "table", home / "mine.csv", "--store", tmp_path / "s")
    assert "36 utterances" in result.output
    answer = json.loads(run("prepare", "table", home / "mine.csv", "--store", tmp_path / "t", "--json").stdout)
    assert answer["corpus"] == "table"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table", "nowhere.csv"], "no such file or folder: nowhere.csv\n  do: check the path: ls "),
        (["iemocab", "x"], "unknown corpus 'iemocab'\n  expected: one of "),
        (["emodb"], "ROOT"),
    ],
)
def test_prepare_says_what_is_wrong(tmp_path, arguments, message):
    assert message in run("prepare", *arguments, "--store", tmp_path / "s", code=1).output


@pytest.mark.parametrize("kind", ["corpora", "encoders", "heads", "regressors", "protocols", "labels"])
def test_list(kind):
    # below the heads, after an empty line, are the regressors
    lines = run("list", kind).output.split("\n\n")[0].splitlines()
    answer = json.loads(run("list", kind, "--json").stdout)
    assert len(lines) == len(answer) >= 3
    assert all(value for value in answer.values())


def test_fit_head_prints_metrics_with_intervals_and_writes_a_bundle(home, tmp_path):
    options = ["fit-head", "--head", "svm", *store(home), "--features", "audio.mean,text.mean", *out(tmp_path)]
    result = run(*options)
    assert "protocol holdout, seed 0, n = 6" in result.output
    assert (tmp_path / "b" / "head.json").is_file()
    answer = json.loads(run(*options, "--json").stdout)
    assert set(answer["metrics"]) == {"accuracy", "unweighted_average_recall", "macro_f1", "weighted_f1"}
    assert all({"value", "low", "high", "n"} <= set(metric) for metric in answer["metrics"].values())


def test_fit_head_by_speaker_reports_each_fold_and_pooled(home, tmp_path):
    result = run("fit-head", "--head", "prior", *store(home), "--protocol", "leave-one-speaker-out", *out(tmp_path))
    lines = [line.split() for line in result.output.splitlines()]
    assert [line[0] for line in lines if line and line[0] in ("S0", "S1", "S2", "S3", "pooled")] == [
        *("S0", "S1", "S2", "S3"),
        "pooled",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--head", "svn"], "do: did you mean svm?"),
        (
            ["--head", "svm", "--features", "video.mean"],
            "unknown feature 'video.mean'\n  expected: ENCODER.KIND, one of audio.mean",
        ),
        (
            ["--head", "svm", "--features", "audio.logits"],
            "unknown feature 'audio.logits'\n  expected: ENCODER.KIND, one of audio.mean",
        ),
        (["--head", "svm", "--labels", "iemocap-7"], "unknown label scheme 'iemocap-7'"),
        (
            ["--head", "svm", "--labels", "emodb-7"],
            "label scheme 'emodb-7' does not know the labels 'ang'",
        ),
        (["--head", "svm", "--protocol", "kfold"], "unknown protocol 'kfold'"),
        (["--head", "svm", "--fold", "9"], "unknown fold '9'"),
        (["--head", "svm", "--param", "c=3"], "head 'svm' has no parameter 'c'"),
        (["--head", "svm", "--param", "C"], "parameter 'C' has no value"),
        (["--head", "svm", "--param", "C=-1"], "head svm: "),
    ],
)
def test_fit_head_says_what_is_wrong(home, tmp_path, options, message):
    assert message in run("fit-head", *store(home), *options, *out(tmp_path), code=1).output


def test_an_evaluation_on_what_an_encoder_was_tuned_on_is_refused_or_marked(home, tmp_path):
    tuned = shutil.copytree(home / "text", tmp_path / "tuned")
    ids = [utterance.id for utterance in Store(home / "store").utterances]
    (tuned / "finetune.json").write_text(json.dumps({"corpus": "table", "trained_on": ids}))
    shutil.copytree(home / "store", tmp_path / "store")
    run("extract", *store(tmp_path), "--encoder", f"tuned={tuned}", "--jobs", 1)
    options = ["fit-head", "--head", "prior", *store(tmp_path), "--features", "tuned.mean", *out(tmp_path)]
    refused = run(*options, code=1).output
    assert "encoder tuned was fine-tuned on 6 of the 6 test utterances of fold holdout" in refused
    assert "or evaluate anyway and mark every figure: --allow-leakage" in refused
    answer = json.loads(run(*options, "--allow-leakage", "--json").stdout)
    assert answer["leaked"] is True
    assert all(metric["leaked"] for metric in answer["metrics"].values())


def test_predict(home, tmp_path):
    run("fit-head", "--head", "svm", *store(home), "--features", "audio.mean,text.mean", *out(tmp_path))
    clip = home / "clips" / "clip000.wav"
    answer = json.loads(run("predict", tmp_path / "b", "--audio", clip, "--text", "the dog", "--json").stdout)
    assert answer[0]["emotion"] in answer[0]["probabilities"]
    assert sum(answer[0]["probabilities"].values()) == pytest.approx(1)
    (tmp_path / "t.csv").write_text(f"audio,text\n{clip},the dog\nnowhere.wav,the dog\n")
    table = run("predict", tmp_path / "b", "--table", tmp_path / "t.csv", code=3)
    assert "nowhere  failed: audio: no such file" in table.output
    assert "this bundle needs a transcript" in run("predict", tmp_path / "b", "--audio", clip, code=1).output
    assert "there is no bundle" in run("predict", tmp_path / "no", "--audio", clip, code=1).output


def test_inspect(home):
    assert "text.logits" in run("inspect", home / "store").output
    assert json.loads(run("inspect", home / "store" / "audio.h5", "--json").stdout)["utterances"] == 36


def test_finetune_tunes_on_the_training_part_alone(home, tmp_path):
    options = ["--checkpoint", home / "text", "--out", tmp_path / "tuned", "--epochs", 1, "--batch-size", 8]
    result = run("finetune", *store(home), "--modality", "text", *options)
    assert "protocol holdout, fold holdout" in result.output
    record = json.loads((tmp_path / "tuned" / "finetune.json").read_text())
    assert len(record["trained_on"]) == 30
    assert "up to date" in run("finetune", *store(home), "--modality", "text", *options).output
    by_session = [*options[:2], "--out", tmp_path / "x", "--protocol", "leave-one-session-out"]
    refused = run("finetune", *store(home), "--modality", "text", *by_session, code=1)
    assert "has 2 folds; name the one to fine-tune on\n  expected: --fold, one of 0, 1" in refused.output


def test_one_fold_and_all_folds_contradict_each_other(home, tmp_path):
    options = ["--modality", "text", "--checkpoint", home / "text", "--all-folds", "--fold", "0", "--out", tmp_path]
    result = run("finetune", *store(home), *options, "--protocol", "leave-one-session-out", code=1)
    assert "--all-folds and --fold contradict each other\n  do: leave one of them out" in result.output


def test_a_scheduler_without_dask_is_refused_even_where_nothing_is_missing(home):
    result = run("extract", *store(home), *encoders(home), "--scheduler", "tcp://a:1", code=1)
    assert "engine loky takes no --scheduler\n  do: --engine dask --scheduler tcp://host:port" in result.output


def list_single_options():
    """List one option of every command that takes a value and cannot be repeated."""
    context = click.Context(cli.main)
    for name in cli.main.list_commands(context):
        single = [
            option
            for option in cli.main.get_command(context, name).params
            if isinstance(option, click.Option) and not (option.multiple or option.is_flag or option.is_eager)
        ]
        if single:
            yield name, single[0].opts[0]


@pytest.mark.parametrize(("command", "option"), list(list_single_options()))
def test_an_option_with_one_value_is_never_given_twice(command, option):
    result = run(command, option, "a", option, "b", code=2)
    assert f"{option} is given 2 times, and has one value." in result.output


def test_an_option_with_several_values_may_be_repeated(home, tmp_path):
    run("extract", "--store", home / "store", "--encoder", home / "audio", "--encoder", home / "text")


def test_wrong_usage_ends_with_2(home):
    run("fit-head", *store(home), code=2)
    run("list", "colours", code=2)
    run("extract", "--jobs", "0", code=2)


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
@pytest.mark.parametrize(
    "command",
    [
        ["fit-head", "--head", "svm", "--seed"],
        ["folds", "--seed"],
        ["finetune", "--modality", "text", "--checkpoint", "c", "--out", "o", "--seed"],
        ["benchmark", "--heads", "svm", "--out", "o", "--split-seed"],
        ["benchmark", "--heads", "svm", "--out", "o", "--seeds"],
        ["verify", "s", "--seed"],
    ],
)
def test_a_seed_that_no_generator_takes_is_wrong_usage(command, seed):
    assert f"{seed} is not in the range 0<=x<=4294967295" in run(*command, seed, code=2).output


def test_a_device_that_is_not_there_is_said_before_any_work(home, tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    run("fit-head", "--head", "prior", *store(home), "--features", "text.mean", *out(tmp_path))
    predict = ["predict", tmp_path / "b", "--text", "hello", "--device"]
    absent = "there is no device 'cuda' that torch can use on this machine\n  expected: cpu\n  do: --device cpu"
    for command in (predict, ["extract", "--store", tmp_path / "s", *table(home / "mine.csv"), "--device"]):
        assert absent in run(*command, "cuda", code=1).output
        assert "'foo' is not a device\n  expected: cpu, cuda, cuda:NUMBER or mps" in run(*command, "foo", code=1).output
    assert not (tmp_path / "s").exists()


def test_a_device_by_its_number(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("cpu", "cuda", "cuda:1"):
        device.check_device(name)
    with pytest.raises(
        BadValue, match="no device 'cuda:2' that torch can use on this machine\n  expected: cpu, cuda, cu"
    ):
        device.check_device("cuda:2")
    device.check_device("cuda:2", here=False)  # of a cluster's worker


def test_a_full_disk_ends_in_a_message(home, copy, monkeypatch):
    import errno

    from featurestore.extraction import join

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device", "features/x.h5")

    monkeypatch.setattr(join, "join", full)
    (copy / "store" / "audio.h5").unlink()
    result = run("extract", *store(copy), "--encoder", home / "audio", "--jobs", 1, code=1)
    assert "No space left on device: features/x.h5\n  do: make room" in result.output


def test_a_place_that_is_no_folder_ends_in_a_message(home, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("text,label\nHi.,glad\n")
    do = "\n  do: choose another folder, then run the same command again"
    for command in (
        ["prepare", "table", file, "--store", file / "sub"],
        ["folds", *store(home), "--out", file / "x.json"],
        ["prepare", "table", file, "--store", tmp_path / ("s" * 300)],
    ):
        assert do in run(*command, code=1).output


def test_two_benchmarks_at_once_into_one_folder_are_refused(home, tmp_path):
    command = ["benchmark", *store(home), "--heads", "prior", "--features", "text.mean", "--out", tmp_path / "r"]
    (tmp_path / "r").mkdir()
    with lock_folder(tmp_path / "r"):
        result = run(*command, code=1)
    assert f"another benchmark is writing into {tmp_path / 'r'} (process {os.getpid()})" in result.output
    assert not (tmp_path / "r" / "benchmark.json").exists()
    (tmp_path / "r" / "runs").mkdir()
    (tmp_path / "r" / "runs" / ".left.csv.123.tmp").touch()  # by one that was killed
    run(*command)
    assert not list((tmp_path / "r" / "runs").glob(".*"))


def test_a_damaged_feature_file_ends_in_a_message(home, copy):
    (copy / "store" / "text.h5").write_bytes(b"nonsense")
    result = run("fit-head", "--head", "prior", *store(copy), "--features", "text.mean", code=1)
    assert "text.h5 is damaged or not a feature file" in result.output
