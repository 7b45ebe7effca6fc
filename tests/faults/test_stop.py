"""Test that a signal ends programs that resist, and leaves alone what is not the command line's."""

import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from featurestore.engines.signals import block_hangup, keep_handlers

ROOT = Path(__file__).parents[2]


@contextmanager
def start(name, **options):
    """Start a program, and wait until it is ready and its child runs."""
    command = [sys.executable, "-m", "tests.faults.stubborn", name]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, **options) as process:
        try:
            lines = []
            while "ready" not in lines:
                lines.append(process.stdout.readline().strip())
                assert process.poll() is None, process.stderr.read()
            yield process, psutil.Process(process.pid).children(recursive=True), lines
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["swallow", "wait_in_thread", "end_forked_child"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_program_that_resists_and_its_children(name, number):
    with start(name) as (process, children, lines):
        assert len(children) == 1
        assert lines[:-1] == (["-15"] if name == "end_forked_child" else [])
        for _ in range(3):  # further signals change nothing
            process.send_signal(number)
        assert process.wait(20) == 128 + number
        assert process.stderr.read() == f"stopped by {number.name}; more\n"
        assert psutil.wait_procs(children, 5)[1] == []


def test_a_signal_that_is_ignored_stays_ignored():
    """Check what `nohup` relies on."""
    with start("wait_in_thread", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as (process, _, _):
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.6)  # longer than cleanup may take
        process.terminate()
        assert process.wait(20) == 143


def test_a_program_that_calls_the_command_line_keeps_its_handlers():
    with start("call_with_arguments") as (process, children, _):
        process.terminate()
        assert process.wait(20) == 7
        for child in children:
            child.kill()


def test_a_hangup_ends_a_command_whose_terminal_is_gone():
    """Check the exit code: Python's own, if its last flush fails, would be 120."""
    heeded = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under `nohup`
    with start("wait_in_thread", preexec_fn=heeded) as (process, _, _):
        process.stderr.close()
        process.stdout.close()
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 129


def test_handlers_that_a_library_sets_are_set_back():
    before = signal.getsignal(signal.SIGTERM)
    with keep_handlers():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_process_that_starts_while_hangups_are_blocked_outlives_them():
    with block_hangup():
        process = subprocess.Popen(["sleep", "600"])
    assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_a_signal_waits_for_the_end_of_what_must_not_be_left_half_made(tmp_path):
    code = (
        "import os, signal, time\n"
        "from featurestore.engines.stop import delay_stop, exit_on_stop\n"
        "with exit_on_stop(lambda: ''):\n"
        "    with delay_stop():\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        time.sleep(0.1)\n"
        "        print('made', flush=True)\n"
        "    print('never', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, "made\n", "stopped by SIGTERM\n")
