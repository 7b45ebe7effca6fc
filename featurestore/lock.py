"""A lock on a store that is held by a living process only: the kernel drops it when its holder dies."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from featurestore.errors import Unavailable


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock for the block.

    Raises:
        Unavailable: another process holds it, its process number is named; or the folder cannot be written to.
    """
    with _opened(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Unavailable(
                f"another extraction is writing into {folder} (process {file.read().strip() or 'unknown'})",
                do="wait for it, or stop it; a dead process holds no lock",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _opened(folder: Path) -> TextIO:
    try:
        return (folder / ".lock").open("a+")
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise Unavailable(
            f"cannot write into the store {folder}",
            got=error.strerror or "",
            do="make it writable, or copy it to a folder that is, and name that: --store FOLDER",
        ) from None
