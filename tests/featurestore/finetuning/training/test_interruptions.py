"""Interrupted, repeated and simultaneous fine-tuning into one folder."""

import shutil
import signal
import time
from contextlib import contextmanager

import psutil
import pytest

from featurestore.errors import Unavailable
from featurestore.finetuning.finetune import finetune
from featurestore.storage import lock
from tests.featurestore.finetuning.texts import arguments, assert_same_weights
from tests.support import fork_server, interrupted_finetune


def start(folder, out, step, number):
    options = arguments(folder, out=out)
    del options["say"]
    return fork_server.start(interrupted_finetune.run, options, step, number)


@pytest.mark.parametrize("moment", [2, 4, 11])
def test_a_killed_run_resumes_and_ends_with_the_same_weights(folder, fine_tuned, tmp_path, moment):
    """4 steps an epoch: killed within the first epoch, at its end, and within the last one."""
    out = tmp_path / "tuned"
    process = start(folder, out, moment, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (out.with_name("tuned.parts") / "trainer" / f"checkpoint-{moment}" / "whole").exists()
    assert not out.exists()
    lines = []
    result = finetune(**arguments(folder, out=out, say=lines.append))
    assert f"{out}.parts: resuming" in lines
    assert_same_weights(out, folder / "tuned")
    assert result.record["history"] == fine_tuned[0].record["history"]


def test_a_second_process_with_the_same_out_is_refused(folder, tmp_path):
    out = tmp_path / "tuned"
    process = start(folder, out, 1, signal.SIGSTOP)  # in the middle of its work, so that it holds the lock for sure
    try:
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
            assert process.is_alive()
            time.sleep(0.02)
        with pytest.raises(Unavailable) as problem:
            finetune(**arguments(folder, out=out))
    finally:
        process.kill()
        process.join()
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
