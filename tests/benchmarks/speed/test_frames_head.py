"""The measurement of a frames head does what it says; its figures at this size mean nothing."""

import mmap
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.speed import frames_head


@pytest.fixture
def in_this_process(monkeypatch):
    """Pass over the file here: a new process spends seconds on importing torch."""
    monkeypatch.setattr(frames_head, "_run", lambda work, path, count: work(path, count))


@pytest.mark.usefixtures("in_this_process")
def test_it_gives_the_time_and_the_memory_of_both(tmp_path):
    rows = {row.name: row for row in frames_head.measure(tmp_path, small=True)}
    assert list(rows) == ["one epoch over frames", "peak anonymous memory", "anonymous memory before the fit"]
    assert rows["one epoch over frames"].reference > 0
    assert rows["peak anonymous memory"].value >= rows["anonymous memory before the fit"].value > 0
    assert (tmp_path / "frames.float32").stat().st_size == 40 * frames_head.CLIP


@pytest.mark.usefixtures("in_this_process")
def test_the_size_is_a_parameter(tmp_path):
    (row, *_) = frames_head.measure(tmp_path, small=False, gigabytes=0.02)
    assert row.settings.startswith("29 clips of 228 frames of 768 float32, 0.0203 GB")


def test_a_disk_that_is_too_small_is_not_filled(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=19 * 10**9))
    message = f"^{tmp_path} has 19.0 GB free, and 20.0 are needed: set TMPDIR$"
    with pytest.raises(RuntimeError, match=message):
        frames_head.measure(tmp_path, small=False)
    assert not list(tmp_path.iterdir())


def test_memory_of_the_process_is_counted_and_pages_of_a_file_are_not(tmp_path):
    frames_head._write(tmp_path / "file", 60)  # 42 MB
    with frames_head._watch_memory() as sizes:
        sum(float(clip.sum()) for clip in frames_head._map_clips(tmp_path / "file", 60))
        time.sleep(0.05)
    assert max(sizes) - sizes[0] < 20
    with frames_head._watch_memory() as sizes:
        # not of the heap, which may reuse memory that is counted already
        block = np.frombuffer(mmap.mmap(-1, 48_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)
        block[:] = 1
        time.sleep(0.05)
    assert max(sizes) - sizes[0] > 40
    assert block.all()
