"""Interrupted, repeated and simultaneous fine-tuning into one folder."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from featurestore.errors import Unavailable
from featurestore.finetuning.finetune import finetune
from featurestore.storage import lock
from tests.featurestore.finetuning.texts import arguments, assert_same_weights

# Sends itself a signal once the checkpoint of a step is whole. That moment is too short to be caught from outside.
CHILD = """
import os, signal, sys
from pathlib import Path
from featurestore.finetuning.training import training_reporter
from featurestore.finetuning.finetune import finetune
from tests.featurestore.finetuning.texts import arguments

folder, out, step, name = sys.argv[1:]
reporter = training_reporter.TrainingReporter
original = reporter.on_save

def on_save(self, args, state, control, **rest):
    original(self, args, state, control, **rest)
    if state.global_step == int(step):
        os.kill(os.getpid(), signal.Signals[name])

reporter.on_save = on_save
training_reporter.SAVE_EVERY = 0.0
finetune(**arguments(Path(folder), out=Path(out)))
"""


def child(folder, out, step, name):
    command = [sys.executable, "-c", CHILD, str(folder), str(out), str(step), name]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("moment", [2, 4, 11])
def test_a_killed_run_resumes_and_ends_with_the_same_weights(folder, fine_tuned, tmp_path, moment):
    """4 steps an epoch: killed within the first epoch, at its end, and within the last one."""
    out = tmp_path / "tuned"
    assert child(folder, out, moment, "SIGKILL").wait() == -signal.SIGKILL
    assert (out.with_name("tuned.parts") / "trainer" / f"checkpoint-{moment}" / "whole").exists()
    assert not out.exists()
    lines = []
    result = finetune(**arguments(folder, out=out, say=lines.append))
    assert f"{out}.parts: resuming" in lines
    assert_same_weights(out, folder / "tuned")
    assert result.record["history"] == fine_tuned[0].record["history"]


def test_a_second_process_with_the_same_out_is_refused(folder, tmp_path):
    out = tmp_path / "tuned"
    process = child(folder, out, 1, "SIGSTOP")  # stopped in the middle of its work, so that it holds the lock for sure
    try:
        state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert state.si_status == signal.SIGSTOP
        with pytest.raises(Unavailable) as problem:
            finetune(**arguments(folder, out=out))
    finally:
        process.kill()
        process.wait()
    assert str(problem.value) == (
        f"another fine-tuning is writing into {out}.parts (process {process.pid})\n"
        "  do: wait until it ends, or stop it (the lock ends with the process)"
    )


def test_a_checkpoint_that_another_process_finished_meanwhile_is_kept(folder, fine_tuned, tmp_path, monkeypatch):
    @contextmanager
    def late(*_, **__):
        shutil.copytree(folder / "tuned", tmp_path / "tuned")
        yield

    monkeypatch.setattr(lock, "lock_folder", late)
    assert not finetune(**arguments(folder, out=tmp_path / "tuned")).fresh
    assert not (tmp_path / "tuned.parts").exists()


def test_a_run_with_other_inputs_restarts(folder, fine_tuned, tmp_path):
    parts = tmp_path / "tuned.parts"
    (parts / "trainer").mkdir(parents=True)
    (parts / "request.json").write_text('{"settings": {"epochs": 1}}')
    (parts / "trainer" / "stray").touch()
    lines = []
    finetune(**arguments(folder, out=tmp_path / "tuned", say=lines.append))
    assert lines[0] == f"{parts}: inputs changed; restarting"
    assert_same_weights(tmp_path / "tuned", folder / "tuned")
