"""Find clips that are shorter than their container says, which libsndfile does not report."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_STREAMED = 0x7FFF_0000  # a writer that cannot seek back leaves 0, or about the largest size, in the header
_STREAMED_64 = 1 << 43  # longer than any clip, and not farther than ext4 lets a file be sought (1 << 44)
_PAGE = 27 + 255 + 255 * 255  # bytes of the largest Ogg page: header, table of segments, segments (RFC 3533)
_NO_END = "no page ends its Ogg stream (if it is whole: ffmpeg -i OLD -c copy NEW)"
_LAST_PAGE = 4  # flag of the page that ends a stream
# Sony Wave64 names its chunks by GUIDs. Those of WAV chunks begin with the name that the chunk has in WAV.
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


@dataclass(frozen=True)
class _SampleChunk:
    """Chunk of samples: first byte, and length in bytes (None if the header does not say)."""

    start: int
    length: int | None


@dataclass(frozen=True)
class Container:
    """What the container of a file says about its length.

    Args:
        truncation: why the file must be truncated; empty if nothing shows that it is.
        unknown_length_at: the offset of a sample length (4 bytes) that is 0 although samples follow, as a writer that
            cannot seek back leaves WAV and AIFF; None for any other file.
    """

    truncation: str = ""
    unknown_length_at: int | None = None


def inspect_container(file: BinaryIO) -> Container:
    """Compare the length that a container states with that of its file.

    WAV, RF64, Wave64 and AIFF are checked by the length of their samples, Ogg (Vorbis, Opus, FLAC) by the flag of its
    last page. Other containers are left to the decoder.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(16)
    if head[:4] == b"OggS":
        return Container("" if _has_last_page(file, size) else _NO_END)
    data = _find_samples(file, head)
    if data is None or data.length is None:
        return Container()
    if not data.length:
        return Container(unknown_length_at=_find_unknown_length(data, head, size))
    missing = data.start + data.length - size
    return Container(f"its header promises {missing} bytes more than the {size} that are there" if missing > 0 else "")


def _find_unknown_length(data: _SampleChunk, head: bytes, size: int) -> int | None:
    if head[:4] not in (b"RIFF", b"RIFX", b"FORM"):
        return None
    (whole,) = struct.unpack(_byte_order(head) + "I", head[4:8])
    return data.start - 4 if whole + 8 < size else None


def _find_samples(file: BinaryIO, head: bytes) -> _SampleChunk | None:
    """Find the chunk of samples of a WAV, RF64, Wave64 or AIFF file that begins with `head`."""
    if head == _W64:
        return _find_w64_samples(file)
    if head[:4] not in (b"RIFF", b"RIFX", b"FORM", b"RF64") or head[8:12] not in (b"WAVE", b"AIFF", b"AIFC"):
        return None
    large: int | None = None
    for name, length in _iterate_chunks(file, _byte_order(head)):
        if name == b"ds64":  # RF64: lengths beyond 4 bytes (EBU Tech 3306)
            large = int.from_bytes(file.read(16)[8:], "little")
        elif name in (b"data", b"SSND"):
            if head[:4] == b"RF64":
                return _SampleChunk(file.tell(), large if large and large < _STREAMED_64 else None)
            return _SampleChunk(file.tell(), length if length < _STREAMED else None)
    return None


def _byte_order(head: bytes) -> str:
    return "<" if head[:4] in (b"RIFF", b"RF64") else ">"


def _iterate_chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int]]:
    """Yield the name and length of each chunk, with the file positioned at its content."""
    start = 12
    while True:
        file.seek(start)
        chunk = file.read(8)
        if len(chunk) < 8:
            return
        (length,) = struct.unpack(order + "I", chunk[4:])
        yield chunk[:4], length
        start += 8 + length + length % 2  # chunks start at even offsets


def _find_w64_samples(file: BinaryIO) -> _SampleChunk | None:
    start = 40  # after the GUID of the file, its length and the GUID of its form
    while True:
        file.seek(start)
        chunk = file.read(24)
        if len(chunk) < 24:
            return None
        (length,) = struct.unpack("<Q", chunk[16:])  # includes these 24 bytes
        if chunk[:16] == b"data" + _W64_TAIL:
            return _SampleChunk(file.tell(), length - 24 if 24 < length < _STREAMED_64 else None)
        if length >= _STREAMED_64:
            return None
        start += max(24, length + -length % 8)  # chunks start at multiples of 8


def _has_last_page(file: BinaryIO, size: int) -> bool:
    """Tell whether the last Ogg page is complete and ends its stream. True if no page is found near the end."""
    file.seek(max(0, size - _PAGE))
    tail = file.read()
    start = tail.rfind(b"OggS\0")
    if start < 0:
        return True
    page = tail[start:]
    segments = page[26] if len(page) > 26 else 0
    length = 27 + segments + sum(page[27 : 27 + segments])
    return 27 <= length <= len(page) and bool(page[5] & _LAST_PAGE)
