"""Check the disk of a store by what an extraction does there: write a feature file, map it, lock its folder."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from featurestore.diagnosis.machine_check import MachineCheck
from featurestore.errors import Mismatch, quote
from featurestore.networks.memory import format_bytes

GROUP = "store"
_LITTLE = 1_000_000_000  # bytes; vectors of 10,000 utterances take 0.1 GB, their frames 10 to 40
_ELSEWHERE = "--store FOLDER or $FEATURESTORE names another folder"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "beegfs", "gpfs", "ceph", "afs", "9p", "glusterfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "virtiofs"),
}


def check_space(store: Path) -> Iterator[MachineCheck]:
    """Check the free space, and name a network file system."""
    folder = find_existing(store)
    free, kind = shutil.disk_usage(folder).free, read_file_system(folder)
    line = f"{format_bytes(free)} free at {folder}" + (f" ({kind})" if kind else "")
    if free < _LITTLE:
        yield MachineCheck(GROUP, "space", "broken", line, f"make room; {_ELSEWHERE}", required=True)
    elif kind in _NETWORK:
        yield MachineCheck(GROUP, "space", "ok", f"{line}, a network file system", f"if reading is slow: {_ELSEWHERE}")
    else:
        yield MachineCheck(GROUP, "space", "ok", line)


def check_writing(store: Path) -> Iterator[MachineCheck]:
    """Write a feature file into the store's folder, read it through a memory map, and lock the folder."""
    folder = find_existing(store)
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as place:
            _write_and_map(Path(place))
            _lock(Path(place))
    except OSError as error:
        why = f"cannot write into {folder}: {error.strerror or error}"
        do = f"make room; {_ELSEWHERE}" if error.errno in _FULL else f"chmod u+w {quote(folder)}; {_ELSEWHERE}"
        yield MachineCheck(GROUP, "writing", "broken", why, do, required=True)
    else:
        line = f"{folder}: a feature file is written, mapped into memory and locked"
        yield MachineCheck(GROUP, "writing", "ok", line, required=True)


def find_existing(path: Path) -> Path:
    """Return a folder, or the closest one above it that exists."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.is_dir())


def read_file_system(folder: Path) -> str:
    """Return the type of the file system that holds a folder, such as `ext4`, or an empty text."""
    import psutil

    place = folder.resolve()
    mounts = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    return next((mounts[one] for one in (place, *place.parents) if one in mounts), "")


def _write_and_map(folder: Path) -> None:
    import numpy as np

    from featurestore.storage.feature_file import FeatureFile
    from featurestore.storage.feature_writer import write
    from featurestore.storage.schema import Header

    values = np.arange(4096, dtype=np.float32).reshape(64, 64)
    path = folder / "probe.h5"
    write(path, {"mean": values}, Header("probe", "audio", {}, ""))
    file = FeatureFile(path)
    if not np.array_equal(file["mean"], values):
        raise Mismatch(f"{folder} gives other values than were written", do=_ELSEWHERE)
    file.release()


def _lock(folder: Path) -> None:
    from featurestore.storage.lock import lock_folder

    with lock_folder(folder):
        pass
