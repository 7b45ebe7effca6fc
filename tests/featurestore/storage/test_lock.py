"""Lock a folder for one process."""

import errno
import os
import signal
from pathlib import Path

import pytest

from featurestore.errors import Unavailable
from featurestore.storage.lock import lock_folder


def test_a_read_only_store_is_reported(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    with (
        pytest.raises(Unavailable, match=r"cannot write into .*\n  got: Read-only file system\n  do: make it"),
        lock_folder(tmp_path),
    ):
        pass


def test_the_lock_is_released_although_a_forked_process_has_its_file_open(tmp_path):
    """As in a process that another thread starts, between its fork and its program."""
    with lock_folder(tmp_path):
        child = os.fork()
        if child == 0:
            signal.pause()
    try:
        with lock_folder(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_file_system_without_locks_is_reported(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(
        Unavailable, match=r"^the file system of .* has no locks\n  got: Function not implemented\n  do: "
    ):
        lock_folder(tmp_path).__enter__()
