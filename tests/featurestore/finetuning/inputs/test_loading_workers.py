"""Prepare clips in workers: the same weights for any number of them, one message for what fails, and no orphans."""

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

import cli
from featurestore.audio import decode
from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.inputs import loading_workers
from featurestore.finetuning.inputs.loading_workers import UnreadableClip, choose_workers, explain_worker
from featurestore.finetuning.training import training_reporter
from featurestore.finetuning.training.training_reporter import TrainingReporter
from tests.featurestore.finetuning.clips import SETTINGS, make_arguments
from tests.featurestore.finetuning.texts import assert_same_weights
from tests.support import tiny

VARIED = replace(SETTINGS, augment="speed,noise,gain", workers=0)


def train_for_long(folder, start, begun):
    """Train for minutes with two workers, and say when they are at work."""
    original = TrainingReporter.on_step_end

    def on_step_end(self, args, state, control, **rest):
        original(self, args, state, control, **rest)
        begun.set()

    TrainingReporter.on_step_end = on_step_end  # in a process of its own
    finetune(**make_arguments(folder, start, settings=replace(SETTINGS, epochs=100_000, workers=2)))


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Write a network with every kind of randomness in training: dropout, LayerDrop, masks on both axes."""
    folder = tmp_path_factory.mktemp("start") / "start"
    tiny.checkpoint("wav2vec2-group", folder)
    path = folder / "config.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"mask_feature_prob": 0.0', '"mask_feature_prob": 0.3'), "utf-8")
    assert path.read_text("utf-8") != text
    return folder


@pytest.fixture(scope="module")
def alone(start):
    """Train without workers."""
    finetune(**make_arguments(start.parent, start, settings=VARIED))
    return start.parent / "tuned"


@pytest.mark.parametrize(("workers", "cache"), [(1, True), (2, False)])
def test_the_weights_are_the_same_for_any_number_of_workers(alone, start, tmp_path, workers, cache):
    settings = replace(VARIED, workers=workers, cache=cache)
    result = finetune(**make_arguments(tmp_path, start, settings=settings))
    assert_same_weights(tmp_path / "tuned", alone)
    assert result.record["settings"]["augment"] == "speed,noise,gain"
    assert "workers" not in result.record["settings"]


@pytest.mark.parametrize("step", [1, 2])
def test_a_stopped_training_resumes_with_the_same_clips_and_decodes_none_again(
    alone, start, tmp_path, monkeypatch, step
):
    """Stop within the first epoch of two steps, and at its end."""
    monkeypatch.setattr(training_reporter, "SAVE_EVERY", 0.0)
    original = TrainingReporter.on_save

    def stop(self, args, state, control, **rest):
        original(self, args, state, control, **rest)
        if state.global_step == step:
            raise KeyboardInterrupt

    given = make_arguments(tmp_path, start, settings=VARIED)
    monkeypatch.setattr(TrainingReporter, "on_save", stop)
    with pytest.raises(KeyboardInterrupt):
        finetune(**given)
    monkeypatch.setattr(TrainingReporter, "on_save", original)
    monkeypatch.setattr(decode, "decode", None)
    lines = []
    finetune(**given | {"say": lines.append})
    assert f"{tmp_path / 'tuned'}.parts: resuming" in lines
    assert_same_weights(tmp_path / "tuned", alone)


def test_augmentation_changes_what_is_learned(alone, start, tmp_path):
    finetune(**make_arguments(tmp_path, start, settings=replace(VARIED, augment="")))
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "tuned", alone)


def test_a_file_that_vanishes_is_named_by_the_worker_that_misses_it(start, tmp_path):
    given = make_arguments(tmp_path, start, settings=replace(SETTINGS, workers=1, cache=False))

    def say(line):
        if "to train on" in line:
            (tmp_path / "clips" / "c2.wav").unlink()

    with pytest.raises(Unavailable) as problem:
        finetune(**given | {"say": say})
    assert str(problem.value) == (
        "utterance c2 can no longer be read\n"
        f"  got: no such file: {tmp_path / 'clips' / 'c2.wav'}\n"
        "  do: restore its file; the same command resumes from the last saved state"
    )


def test_a_worker_that_is_killed_ends_in_one_message(start, tmp_path, monkeypatch):
    original = loading_workers._start_worker

    def die(number):
        original(number)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(loading_workers, "_start_worker", die)
    with pytest.raises(Unavailable) as problem:
        finetune(**make_arguments(tmp_path, start, settings=replace(SETTINGS, workers=1)))
    lines = str(problem.value).splitlines()
    assert lines[0] == "a worker that prepares clips has ended, most likely out of memory"
    assert lines[1].startswith("  got: RuntimeError: DataLoader worker (pid")
    assert lines[2:] == ["  do: lower --workers; the same command resumes from the last saved state"]


def test_workers_end_with_their_parent(start, tmp_path):
    context = multiprocessing.get_context("fork")  # which need not import torch again
    begun = context.Event()
    parent = context.Process(target=train_for_long, args=(tmp_path, start, begun))
    parent.start()
    try:
        assert begun.wait(60)
        workers = _find_workers(parent.pid)
        parent.kill()
        parent.join()
        _, left = psutil.wait_procs(workers, timeout=15)
        assert not left
    finally:
        parent.kill()
        parent.join()


def _find_workers(parent):
    """Wait until both workers of an epoch are there: they are started anew for each."""
    for _ in range(1000):
        found = psutil.Process(parent).children()
        if len(found) == 2:
            return found
        time.sleep(0.01)
    raise AssertionError("no workers")


def test_fewer_than_no_workers_are_refused(start, tmp_path):
    with pytest.raises(BadValue) as problem:
        finetune(**make_arguments(tmp_path, start, settings=replace(SETTINGS, workers=-1)))
    assert str(problem.value) == "invalid --workers -1\n  expected: 0 or more"


def test_workers_are_chosen_by_device_and_cores(monkeypatch):
    monkeypatch.setattr(loading_workers, "count_cores", lambda: 3)
    assert choose_workers(None, "cpu", "audio") == 0
    assert choose_workers(None, "cuda", "audio") == 2
    assert choose_workers(None, "cuda", "text") == 0
    assert choose_workers(3, "cpu", "text") == 3
    monkeypatch.setattr(loading_workers, "count_cores", lambda: 64)
    assert choose_workers(None, "cuda", "audio") == 4
    monkeypatch.setattr(loading_workers, "count_cores", lambda: 1)
    assert choose_workers(None, "cuda", "audio") == 0


def test_an_error_keeps_its_text_alone_when_torch_raises_it_anew():
    name = f"{UnreadableClip.__module__}.UnreadableClip"
    again = UnreadableClip(
        f"Caught UnreadableClip in worker 0.\nTraceback:\n  raise {name}(\n{name}: u1: gone\n  do: b\n"
    )
    assert str(again) == "u1: gone\n  do: b"
    assert explain_worker(RuntimeError("a DataLoader worker (pid 1)")) is None


@pytest.mark.parametrize("value", ["-1", "many", "1.5"])
def test_workers_are_auto_or_a_number(value):
    options = ["--modality", "audio", "--checkpoint", "start", "--out", "tuned", "--workers", value]
    done = CliRunner().invoke(cli.main, ["finetune", *options])
    assert done.exit_code == 2
    assert "Invalid value for '--workers': " in done.output


def test_the_command_trains_with_workers_and_effects(start, tmp_path):
    tiny.store(tmp_path / "store", tiny.utterances(8, tmp_path / "more"), tmp_path / "more")
    options = ["--modality", "audio", "--checkpoint", str(start), "--out", str(tmp_path / "tuned"), "--epochs", "1"]
    varied = ["--augment", "gain,noise", "--workers", "1", "--no-cache", "--mask-time", "0.2", "--mask-features", "0"]
    done = CliRunner().invoke(cli.main, ["finetune", "--store", str(tmp_path / "store"), *options, *varied])
    assert done.exit_code == 0, done.output
    record = (tmp_path / "tuned" / "finetune.json").read_text("utf-8")
    assert '"augment": "noise,gain"' in record
    assert '"mask_time": 0.2' in record
    assert "training clips are varied, each effect with a probability of 0.5: noise 10 to 30 dB, gain -6 to 6 dB\n" in (
        done.output
    )
    assert "gain changes nothing here: the checkpoint's feature extractor normalizes the loudness" in done.output
    assert Path(tmp_path / "tuned" / "config.json").read_text("utf-8").count('"mask_time_prob": 0.2') == 1
