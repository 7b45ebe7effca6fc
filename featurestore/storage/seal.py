"""Seal a feature file: store, in front of it, a checksum over every byte that belongs to no dataset.

HDF5 leaves the first bytes of a file, its user block, to the application. The seal is one line of text there: the size
of the file, the byte ranges outside the datasets (attributes, layout, gaps), and their sha256. Datasets have checksums
of their own in the attributes, so no byte can change unnoticed, and opening a file reads only a few kilobytes.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from featurestore.storage import superblock

SIZE = 2048  # bytes of the user block; HDF5 requires a power of two, 512 or more
_MAGIC = "emofuse feature file, sealed"
_OPEN = "marked as open for writing"

Range = tuple[int, int]  # first byte, and the one after the last


class Marked(OSError):
    """A file that is marked as open for writing. No other byte has changed."""


def put(path: Path, data: Iterable[Range]) -> None:
    """Write the seal of an otherwise complete file.

    Args:
        path: an HDF5 file with a user block of `SIZE` bytes.
        data: byte offset and length of every dataset.
    """
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        ranges = list(_find_gaps(data, size))
        line = _format_line(size, ranges, _digest(file, ranges))
        if len(line) > SIZE:
            raise ValueError(f"{path}: {len(ranges)} ranges do not fit into a seal of {SIZE} bytes")
        file.seek(0)
        file.write(line.ljust(SIZE, b"\0"))


def check(path: Path) -> bool:
    """Check the seal of a file, and return whether it has one. Plain HDF5 files of other programs have none.

    Raises:
        Marked: a program has, or had, the file open for writing, and nothing else differs.
        OSError: the seal is broken: size, attributes or layout are not those that were written.
    """
    with path.open("rb") as file:
        block = file.read(SIZE)
        file.seek(find_superblock(block))
        is_marked = superblock.is_marked(file.read(SIZE))
    if not find_superblock(block):
        if is_marked:
            raise Marked(_OPEN)
        return False
    size, ranges, digest = _parse(block)
    with superblock.open_without_mark(path, SIZE) as file:
        if file.seek(0, 2) != size:
            raise OSError(f"truncated or grown: {file.tell()} bytes, {size} were written")
        if _digest(file, ranges) != digest:
            raise OSError("its attributes or its layout are not those that were written")
    if is_marked:
        raise Marked(_OPEN)
    return True


def find_superblock(block: bytes) -> int:
    """Return the offset of HDF5's own part of a file, given the first bytes of the file."""
    return 0 if block.startswith(superblock.SIGNATURE) else SIZE


def _find_gaps(data: Iterable[Range], size: int) -> Iterator[Range]:
    """Yield the ranges outside the datasets, from the end of the user block to the end of the file."""
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


def _format_line(size: int, ranges: Iterable[Range], digest: str) -> bytes:
    spans = " ".join(f"{start}-{stop}" for start, stop in ranges)
    return f"{_MAGIC}: {size} bytes; sha256 {digest} over {spans}\n".encode()


def _parse(block: bytes) -> tuple[int, list[Range], str]:
    """Parse a seal. Reject any that does not round-trip."""
    try:
        text = block.rstrip(b"\0").decode("ascii")
        head, tail = text.split(" bytes; sha256 ")
        digest, spans = tail.split(" over ")
        size = int(head.removeprefix(f"{_MAGIC}: "))
        ranges = [(int(start), int(stop)) for start, stop in (span.split("-") for span in spans.split())]
    except ValueError:
        raise OSError("not a feature file, or its first bytes are damaged") from None
    if _format_line(size, ranges, digest).ljust(SIZE, b"\0") != block or any(stop > size for _, stop in ranges):
        raise OSError("its seal is damaged")
    return size, ranges, digest
