"""Find videos that end before the length that their container states, which ffmpeg does not report."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

_STREAMED = 0x7FFF_0000  # a writer that cannot seek back leaves 0, or about the largest size, in the header of an AVI
_MP4_BOXES = (b"ftyp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide")  # cameras append bytes that are no box
_SEGMENT = b"\x18\x53\x80\x67"  # Matroska's name of what follows its header (RFC 9559)
_ASF_OBJECT = bytes.fromhex("b2758e66cf11a6d900aa0062ce6c")  # of header, data and index, after two bytes


def find_video_truncation(file: BinaryIO, demuxer: str) -> str:
    """Return why a video must be truncated, or an empty text if nothing shows that it is.

    MPEG-4, Matroska, AVI and Windows Media state lengths. Other containers do not: a truncated one is only shorter.

    Args:
        file: the file.
        demuxer: ffmpeg's name of its container.
    """
    size = file.seek(0, 2)
    walk = _WALKS.get(demuxer)
    missing = max(walk(file), default=0) - size if walk else 0
    return f"its header promises {missing} bytes more than the {size} that are there" if missing > 0 else ""


def _walk_mp4(file: BinaryIO) -> Iterator[int]:
    """Yield the end of each box of an MPEG-4 file (ISO/IEC 14496-12)."""
    start = 0
    while len(head := _read(file, start, 16)) >= 8 and head[4:8] in _MP4_BOXES:
        length = int.from_bytes(head[:4], "big")
        if length == 1:  # too long for 4 bytes
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # 0: up to the end of the file
            return
        start += length
        yield start


def _walk_avi(file: BinaryIO) -> Iterator[int]:
    """Yield the end of each RIFF chunk. A long AVI has several."""
    start = 0
    while len(head := _read(file, start, 8)) == 8 and head[:4] == b"RIFF":
        length = int.from_bytes(head[4:], "little")
        if not 0 < length < _STREAMED:
            return
        start += 8 + length + length % 2
        yield start - length % 2


def _walk_asf(file: BinaryIO) -> Iterator[int]:
    """Yield the end of each object of a Windows Media file."""
    start = 0
    while len(head := _read(file, start, 24)) == 24 and head[2:16] == _ASF_OBJECT:
        length = int.from_bytes(head[16:], "little")
        if length < 24:  # a live stream
            return
        start += length
        yield start


def _walk_matroska(file: BinaryIO) -> Iterator[int]:
    """Yield the end of the segment of a Matroska file, unless it is a live stream."""
    header, start = _read_vint(file, 4)
    name = _read(file, start + (header or 0), 4)
    length, start = _read_vint(file, start + (header or 0) + 4)
    if name == _SEGMENT and length is not None:
        yield start + length


def _read_vint(file: BinaryIO, start: int) -> tuple[int | None, int]:
    """Read a number of variable length, and return it (None if it is unknown) with the offset after it."""
    head = _read(file, start, 8)
    width = 9 - head[0].bit_length() if head else 9
    if width > 8:
        return None, start + 1
    bits = 7 * width
    value = int.from_bytes(head[:width], "big") & ((1 << bits) - 1)
    return (None if value == (1 << bits) - 1 else value), start + width


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(min(start, file.seek(0, 2)))  # a damaged length may lead farther than a file can be sought
    return file.read(count)


_WALKS: dict[str, Callable[[BinaryIO], Iterator[int]]] = {
    "mov": _walk_mp4,
    "avi": _walk_avi,
    "asf": _walk_asf,
    "matroska": _walk_matroska,
}
