"""A lock on a store that is held by a living process only: the kernel drops it when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from featurestore.errors import Unavailable


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock for the block.

    Raises:
        Unavailable: another process holds it; its process number is named.
    """
    with (folder / ".lock").open("a+") as file:
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
