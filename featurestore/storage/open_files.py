"""Find the programs that have a file open for writing."""

import errno
import fcntl
import os
from pathlib import Path

import psutil

_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


def find_writers(path: Path) -> list[str]:
    """Name the programs that have a file open for writing.

    Programs of other users and of other machines are not visible. HDF5 locks a file that it writes, and that lock is
    visible if the file system has locks and HDF5_USE_FILE_LOCKING is not FALSE.

    Args:
        path: an existing file.

    Returns:
        One entry per program, such as `python (process 123)`. Empty if no program seems to have the file open.
    """
    found = [_describe(process) for process in psutil.process_iter() if _has_open(process, path)]
    return found or (["a program that holds its lock"] if _has_lock(path) else [])


def _has_open(process: psutil.Process, path: Path) -> bool:
    try:
        # Only Linux reports the mode.
        files = [file.path for file in process.open_files() if getattr(file, "mode", "r+") != "r"]
        return any(os.path.basename(file) == path.name and os.path.samefile(file, path) for file in files)
    except (psutil.Error, OSError):
        return False


def _describe(process: psutil.Process) -> str:
    if process.pid == os.getpid():
        return f"this program itself (process {process.pid})"
    try:
        return f"{process.name()} (process {process.pid})"
    except psutil.Error:
        return f"process {process.pid}"


def _has_lock(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in _HELD
    return False
