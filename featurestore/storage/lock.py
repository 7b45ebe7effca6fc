"""A lock on a folder that is held by a living process only: the kernel drops it when its holder dies."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from featurestore.errors import Unavailable

FILE = ".lock"
_WITHOUT = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)  # what file systems without locks answer


@contextmanager
def locked(folder: Path, *, work: str = "extraction", option: str = "--store") -> Iterator[None]:
    """Holds the folder's lock for the block.

    Args:
        folder: what only one process may write into.
        work: what that process does, for the message.
        option: by which another folder is named, for the message.

    Raises:
        Unavailable: another process holds it, its process number is named; the folder cannot be written to; or its
            file system has no locks.
    """
    with _opened(folder, option) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Unavailable(
                f"another {work} is writing into {folder} (process {file.read().strip() or 'unknown'})",
                do="wait for it, or stop it; a dead process holds no lock",
            ) from None
        except OSError as error:
            if error.errno not in _WITHOUT:
                raise
            raise Unavailable(
                f"the file system of {folder} has no locks",
                got=error.strerror or "",
                do=f"mount it with locks (Lustre: flock), or name a folder on another: {option} FOLDER",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            # Closing is not enough: a process forked meanwhile has the file open too, until it runs its program.
            fcntl.flock(file, fcntl.LOCK_UN)


def _opened(folder: Path, option: str) -> TextIO:
    try:
        return (folder / FILE).open("a+")
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise Unavailable(
            f"cannot write into {folder}",
            got=error.strerror or "",
            do=f"make it writable, or copy it to a folder that is, and name that: {option} FOLDER",
        ) from None
