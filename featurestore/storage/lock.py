"""Lock a folder for one process. The kernel drops the lock when its holder dies."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from featurestore.errors import Unavailable

FILE = ".lock"
_UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)  # from file systems without locks
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def lock_folder(folder: Path, *, work: str = "extraction", option: str = "--store") -> Iterator[None]:
    """Hold the lock of a folder for the block.

    Args:
        folder: where only one process may write.
        work: what that process does, for the message.
        option: the option that names another folder, for the message.

    Raises:
        Unavailable: another process holds the lock (the message names its process number), the folder is not writable,
            or its file system has no locks.
    """
    with _open(folder, option) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Unavailable(
                f"another {work} is writing into {folder} (process {file.read().strip() or 'unknown'})",
                do="wait until it ends, or stop it (the lock ends with the process)",
            ) from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            raise Unavailable(
                f"the file system of {folder} has no locks",
                got=error.strerror or "",
                do=f"mount it with locks (Lustre: flock), or use a folder on another file system: {option} FOLDER",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            # Unlock, not only close: a process forked meanwhile has inherited the open file.
            fcntl.flock(file, fcntl.LOCK_UN)


def _open(folder: Path, option: str) -> TextIO:
    try:
        return (folder / FILE).open("a+")
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        raise Unavailable(
            f"cannot write into {folder}",
            got=error.strerror or "",
            do=f"make it writable, or copy it to a writable folder and name that: {option} FOLDER",
        ) from None
