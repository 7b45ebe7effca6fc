"""Read and clear the mark that HDF5 sets in a file while a program has it open for writing.

The layout is that of the HDF5 File Format Specification, section "Disk Format: Level 0A - Format Signature and
Superblock", versions 2 and 3: byte 8 is the version, byte 11 the file consistency flags, bytes 44 to 47 a checksum of
the bytes before it. The flags are cleared when the program closes the file, and stay when it is killed.
"""

import io
import struct
from pathlib import Path
from typing import Any

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_VERSION, _FLAGS, _CHECKSUM, _SIZE = 8, 11, 44, 48
_MARKS = (1, 4, 5)  # bit 0: open for writing; bit 2: single writer, multiple readers
_WORD = 0xFFFFFFFF


def is_marked(block: bytes) -> bool:
    """Tell whether a superblock is intact and marks the file as open for writing.

    Args:
        block: the first 48 bytes of the superblock, or more.
    """
    if not block.startswith(SIGNATURE) or len(block) < _SIZE or block[_VERSION] not in (2, 3):
        return False
    return block[_FLAGS] in _MARKS and block[_CHECKSUM:_SIZE] == _checksum(block[:_CHECKSUM])


def clear_mark(block: bytes) -> bytes:
    """Return the 48 bytes of a superblock with the mark cleared, as HDF5 leaves them when it closes the file."""
    fields = block[:_FLAGS] + b"\0" + block[_FLAGS + 1 : _CHECKSUM]
    return fields + _checksum(fields)


def clear(path: Path, offset: int) -> None:
    """Clear the mark of a file in place, with one write of 48 bytes.

    Args:
        path: a marked file.
        offset: of its superblock; a multiple of 512, so that the write stays within one disk sector.
    """
    with path.open("r+b", buffering=0) as file:
        file.seek(offset)
        block = clear_mark(file.read(_SIZE))
        file.seek(offset)
        file.write(block)


class _Unmarked(io.RawIOBase):
    """Read a file with the mark in its superblock cleared."""

    def __init__(self, path: Path, offset: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(offset)
        block = self._file.read(_SIZE)
        self._start, self._block = offset, clear_mark(block) if is_marked(block) else b""
        self._file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        at = self._file.tell()
        count = self._file.readinto(buffer) or 0
        start, stop = max(at, self._start), min(at + count, self._start + len(self._block))
        if start < stop:
            memoryview(buffer).cast("B")[start - at : stop - at] = self._block[start - self._start : stop - self._start]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def open_without_mark(path: Path, offset: int) -> io.BufferedReader:
    """Open a file for reading, with its superblock shown as if the mark were cleared. The file is not changed.

    Args:
        path: the file, marked or not.
        offset: of its superblock.
    """
    return io.BufferedReader(_Unmarked(path, offset))


def _checksum(data: bytes) -> bytes:
    """Compute Bob Jenkins' lookup3 hash, the checksum of all metadata in HDF5, as four little-endian bytes."""
    a = b = c = (0xDEADBEEF + len(data)) & _WORD
    blocks = [data[start : start + 12].ljust(12, b"\0") for start in range(0, len(data), 12)]
    for index, block in enumerate(blocks):
        x, y, z = struct.unpack("<3I", block)
        a, b, c = (a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD
        a, b, c = _mix(a, b, c) if index < len(blocks) - 1 else _finish(a, b, c)
    return struct.pack("<I", c)


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for shift in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _WORD) ^ _rotate(c, shift)
        c = (c + b) & _WORD
        a, b, c = b, c, a
    return a, b, c


def _finish(a: int, b: int, c: int) -> tuple[int, int, int]:
    for shift in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotate(b, shift)) & _WORD
        a, b, c = b, c, a
    return c, a, b


def _rotate(value: int, shift: int) -> int:
    return (value << shift | value >> (32 - shift)) & _WORD
