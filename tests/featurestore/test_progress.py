"""Progress: lines without a terminal, a bar on one, rates of what is done now, and the end by cost."""

import io
import threading
import time

import pytest

from featurestore import progress
from featurestore.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Return the time that `Progress` sees, in a list of one."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def timers():
    return sum(thread.name == "progress" for thread in threading.enumerate())


def test_a_line_comes_while_nothing_ends(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_INTERVAL", 0.02)
    with Progress("audio", 10):
        assert timers() == 1
        time.sleep(0.2)
        assert "audio: 0 of 10 utterances, nothing finished yet after 1 s" in capsys.readouterr().err
    assert timers() == 0
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_the_timer_ends_with_an_error():
    with pytest.raises(ValueError, match="stop"), Progress("audio", 10):
        raise ValueError("stop")
    assert timers() == 0


def test_rates_count_what_is_done_now_and_the_end_is_estimated_by_cost(clock):
    report = Progress("audio", 7380, done=1000, cost=900.0, measure="s of audio")
    report.advance(240, cost=100.0, amount=840.0)
    clock[0] += 100.0  # a ninth of the cost took 100 s, so the rest takes 800 s, whatever their number
    assert report.describe() == "audio: 1,240 of 7,380 utterances, 8.4 s of audio a second, about 13 min left"


def test_by_default_everything_costs_the_same(clock):
    report = Progress("runs", 10, "runs", done=2)
    report.advance(2)
    clock[0] += 4.0
    assert report.describe() == "runs: 4 of 10 runs, 0.5 runs a second, about 12 s left"


def test_the_last_line_has_no_time_left(clock, capsys):
    with Progress("text", 4, measure="texts") as report:
        clock[0] += 2.0
        report.advance(4)
    assert capsys.readouterr().err == "text: 4 of 4 utterances, 2.0 texts a second\n"


def test_a_terminal_shows_the_same_in_a_bar(monkeypatch, clock):
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    with Progress("audio", 2000, measure="s of audio") as report:
        clock[0] += 10.0
        report.advance(1500, amount=5000.0)
    shown = terminal.getvalue()
    assert "audio: 1,500 of 2,000 utterances |" in shown
    assert "500.0 s of audio a second, about 3 s left" in shown
