"""Test that a signal ends a command and its processes in one line, and that the same command then continues."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from click.testing import CliRunner

import cli
from featurestore.engines import loky
from tests.support import inline, tiny

ROOT = Path(__file__).parents[2]
TERM, KILL, INT, HUP = signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP
KEPT = "; finished work is kept; run the same command again to continue"
PATIENCE = 10  # seconds in which everything has to end
COUNT = 16  # utterances: eight parts of two, so that some are finished and some are left


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Write a corpus, its store with features, checkpoints, and a bundle."""
    home = tmp_path_factory.mktemp("home")
    rows = [replace(row, label=("ang", "sad")[n % 2]) for n, row in enumerate(tiny.utterances(COUNT, home / "clips"))]
    tiny.checkpoint("deberta-v2", home / "text")
    tiny.checkpoint("wav2vec2-group", home / "audio")
    tiny.store(home / "store", rows, home / "clips", corpus="iemocap")
    tiny.store(home / "empty", rows, home / "clips", corpus="iemocap")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loky, "open_pool", inline.open_pool)
        for words in (
            ["extract", "--store", home / "store", "--encoder", f"text={home / 'text'}", "--jobs", 1],
            ["fit-head", "--store", home / "store", "--head", "svm", "--out", home / "bundle"],
        ):
            done = CliRunner().invoke(cli.main, list(map(str, words)))
            assert done.exit_code == 0, done.output
    (home / "long.csv").write_text("text\n" + "we never saw my dog again\n" * 4000)
    return home


class StoppableCommand(NamedTuple):
    """A command, the sign that its work is under way, and whether it continues."""

    words: list[Any]
    sign: Callable[[], bool]
    resumes: bool


def make_command(name, home, folder):
    """Return a command that works for some seconds, or for ever in its workers, and writes into the folder."""
    store, out, model = ["--store", home / "store"], ["--out", folder / "out"], home / "text"
    if name == "extract":
        words = ["--store", folder / "empty", "--encoder", f"text={model}", "--jobs", 2]
        sign = lambda: len(list(folder.glob("empty/text.parts/*.stuck"))) == 2  # noqa: E731
    elif name == "benchmark":
        words = [*store, *out, "--heads", "svm", "--seeds", ",".join(map(str, range(8))), "--jobs", 2]
        sign = lambda: any(folder.glob("out/**/[!b]*.json"))  # noqa: E731
    elif name == "predict":
        words = [home / "bundle", "--table", home / "long.csv"]
        sign = (folder / "loaded").exists
    elif name == "finetune":
        words = [*store, *out, "--modality", "text", "--checkpoint", model, "--epochs", 8]
        sign = lambda: any(folder.glob("out.parts/**/*.safetensors"))  # noqa: E731
    else:
        words = ["--store", folder / "empty", *out, "--text", model, "--audio", home / "audio", "--no-related"]
        words += ["--epochs-text", 2, "--epochs-audio", 1, "--epochs-fusion", 1]
        sign = lambda: any(folder.glob("out/**/*.safetensors"))  # noqa: E731
    return StoppableCommand([name, *words], sign, name != "predict")


@pytest.mark.timeout(600)  # each case starts a command twice, which takes long on a busy machine
@pytest.mark.parametrize(
    ("name", "number"),
    [
        *[
            (name, number)
            for name in ("extract", "benchmark", "finetune", "predict", "paper")
            for number in (TERM, KILL)
        ],
        *[("extract", INT), ("extract", HUP), ("predict", INT), ("benchmark", HUP)],
    ],
)
def test_a_signal_ends_a_command_with_its_processes_and_the_command_continues(home, tmp_path, name, number):
    shutil.copytree(home / "empty", tmp_path / "empty")
    (tmp_path / "temporary").mkdir()
    command = make_command(name, home, tmp_path)
    with launch(tmp_path, command.words, sign=tmp_path / "loaded") as process:
        try:
            wait_until(lambda: command.sign() or process.poll() is not None, 120)
            assert process.poll() is None, read(tmp_path, "stderr")
            process.send_signal(number)
            wait_until(lambda: not find_session(process.pid), PATIENCE)
        finally:
            for survivor in find_session(process.pid):
                survivor.kill()
    if number == KILL:
        assert process.returncode == -KILL
    else:
        assert process.returncode == 128 + number
        lines = read(tmp_path, "stderr").splitlines()
        assert lines[-1] == f"stopped by {number.name}{KEPT if command.resumes else ''}"
        assert not [line for line in lines[:-1] if re.search("stopped|Abort|Traceback|Warning|leaked", line)]
        left = [path.name for path in (tmp_path / "temporary").iterdir()]
        assert not [name for name in left if not name.startswith("torchinductor")]  # torch keeps this cache
    assert list(Path("/dev/shm").glob(f"*-{process.pid}-*")) == []
    if number == TERM and command.resumes:
        with launch(tmp_path, command.words) as process:
            assert process.wait(120) == 0, read(tmp_path, "stderr")


def launch(folder, words, sign=""):
    """Start a command that leads a session of its own, by which its workers can be found."""
    program = [sys.executable, "-m", "tests.faults.commands", sign, *words]
    environment = os.environ | {"TMPDIR": str(folder / "temporary")}
    with (folder / "stdout").open("w") as stdout, (folder / "stderr").open("w") as stderr:
        return subprocess.Popen(
            list(map(str, program)),
            cwd=ROOT,
            env=environment,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=heed_hangup,
        )


def heed_hangup():
    """Undo what `nohup` may have done to the tests."""
    signal.signal(HUP, signal.SIG_DFL)


def read(folder, name):
    return (folder / name).read_text("utf-8")


def find_session(leader):
    """Find the processes of a command: those that have not left its session."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_until(is_so, seconds):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
