"""Test that a signal ends a command and its processes in one line, and that the same command then continues."""

import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

import cli
from featurestore.engines import loky
from tests.faults import commands
from tests.support import fork_server, inline, tiny
from tests.support.processes import find_session, wait_until

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
    process = launch(tmp_path, command.words, sign=tmp_path / "loaded")
    try:
        wait_until(lambda: command.sign() or not process.is_alive(), 120)
        assert process.is_alive(), read(tmp_path, "stderr")
        os.kill(process.pid, number)
        wait_until(lambda: not find_session(process.pid), PATIENCE)
    finally:
        for survivor in find_session(process.pid):
            survivor.kill()
    process.join(PATIENCE)
    if number == KILL:
        assert process.exitcode == -KILL
    else:
        assert process.exitcode == 128 + number
        lines = read(tmp_path, "stderr").splitlines()
        assert lines[-1] == f"stopped by {number.name}{KEPT if command.resumes else ''}"
        assert not [line for line in lines[:-1] if re.search("stopped|Abort|Traceback|Warning|leaked", line)]
        left = [path.name for path in (tmp_path / "temporary").iterdir()]
        assert not [name for name in left if not name.startswith("torchinductor")]  # torch keeps this cache
    # after a kill, the tracker of semaphores removes them: it may outlive the session by a moment
    wait_until(lambda: not list(Path("/dev/shm").glob(f"*-{process.pid}-*")), PATIENCE)
    if number == TERM and command.resumes:
        process = launch(tmp_path, command.words)
        process.join(120)
        assert process.exitcode == 0, read(tmp_path, "stderr")


def launch(folder, words, sign=""):
    """Start a command, whose workers can be found by its session."""
    environment = os.environ | {"TMPDIR": str(folder / "temporary")}
    return fork_server.start_program(commands.run, sign, *words, output=folder, environment=environment)


def read(folder, name):
    return (folder / name).read_text("utf-8")
