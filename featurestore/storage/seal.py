"""The seal of a feature file: a digest, in front of it, over every byte that is no dataset's.

HDF5 leaves the first bytes of a file, its user block, to the application. Ours hold one line of text: the size of the
file, the ranges that are not data (attributes, layout, what lies between), and their sha256. Data have digests of
their own in the attributes, so that no byte can change unseen; opening a file costs the reading of a few kilobytes.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from featurestore.storage import superblock

SIZE = 2048  # bytes of the user block; HDF5 wants a power of two, 512 or more
_MAGIC = "emofuse feature file, sealed"
_OPEN = "marked as open for writing"

Range = tuple[int, int]  # first byte, and the one after the last


def put(path: Path, data: Iterable[Range]) -> None:
    """Seals a file that is otherwise complete.

    Args:
        path: an HDF5 file with a user block of `SIZE` bytes.
        data: byte offset and length of every dataset.
    """
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        ranges = list(_gaps(data, size))
        line = _line(size, ranges, _digest(file, ranges))
        if len(line) > SIZE:
            raise ValueError(f"{path}: {len(ranges)} ranges do not fit into a seal of {SIZE} bytes")
        file.seek(0)
        file.write(line.ljust(SIZE, b"\0"))


class Marked(OSError):
    """A program had the file open for writing, and has not closed it; no byte but that mark is another."""


def check(path: Path) -> bool:
    """Tell whether a file has a seal; a plain HDF5 file, written by other means, has none.

    Raises:
        Marked: a program has, or had, the file open for writing; nothing else differs.
        OSError: the seal is broken: size, attributes or layout are not those that were written.
    """
    with path.open("rb") as file:
        block = file.read(SIZE)
        file.seek(find_superblock(block))
        marked = superblock.is_marked(file.read(SIZE))
    if not find_superblock(block):
        if marked:
            raise Marked(_OPEN)
        return False
    size, ranges, digest = _parse(block)
    with superblock.opened(path, SIZE) as file:
        if file.seek(0, 2) != size:
            raise OSError(f"truncated or grown: {file.tell()} bytes, {size} were written")
        if _digest(file, ranges) != digest:
            raise OSError("its attributes or its layout are not those that were written")
    if marked:
        raise Marked(_OPEN)
    return True


def find_superblock(block: bytes) -> int:
    """Return where HDF5's own part of a file begins, by the first bytes of the file."""
    return 0 if block.startswith(superblock.SIGNATURE) else SIZE


def _gaps(data: Iterable[Range], size: int) -> Iterator[Range]:
    """The ranges between the user block, the datasets and the end that hold no data."""
    end = SIZE
    for offset, length in sorted(entry for entry in data if entry[1]):
        if offset > end:
            yield end, offset
        end = offset + length
    if size > end:
        yield end, size


def _digest(file: BinaryIO, ranges: Iterable[Range]) -> str:
    digest = hashlib.sha256()
    for start, stop in ranges:
        file.seek(start)
        digest.update(file.read(stop - start))
    return digest.hexdigest()


def _line(size: int, ranges: Iterable[Range], digest: str) -> bytes:
    spans = " ".join(f"{start}-{stop}" for start, stop in ranges)
    return f"{_MAGIC}: {size} bytes; sha256 {digest} over {spans}\n".encode()


def _parse(block: bytes) -> tuple[int, list[Range], str]:
    """Reads a seal strictly: whatever would not be written just so is broken."""
    try:
        text = block.rstrip(b"\0").decode("ascii")
        head, tail = text.split(" bytes; sha256 ")
        digest, spans = tail.split(" over ")
        size = int(head.removeprefix(f"{_MAGIC}: "))
        ranges = [(int(start), int(stop)) for start, stop in (span.split("-") for span in spans.split())]
    except ValueError:
        raise OSError("no feature file, or its first bytes are damaged") from None
    if _line(size, ranges, digest).ljust(SIZE, b"\0") != block or any(stop > size for _, stop in ranges):
        raise OSError("its seal is damaged")
    return size, ranges, digest
