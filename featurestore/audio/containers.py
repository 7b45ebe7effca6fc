"""What the bytes of a clip tell: if it was cut short, which libsndfile does not notice, and what it is if not audio."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_STREAMED = 0x7FFF_0000  # a writer that cannot seek back leaves 0, or about the largest size there is, in the header
_STREAMED_64 = 1 << 48  # no length that a file could have
_PAGE = 27 + 255 + 255 * 255  # bytes of the largest Ogg page: header, table of segments, segments (RFC 3533)
_NO_END = "no page ends its Ogg stream (if it is whole: ffmpeg -i OLD -c copy NEW)"
_LAST_PAGE = 4  # the flag of a page that ends its stream
# Sony Wave64 names its chunks by GUIDs; those of the data and of the format begin with the names that WAV has
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")

_CONVERT = "convert it: ffmpeg -i OLD -vn NEW.wav"
_UNPACK = "unpack it"
_AGAIN = "download the clip again"
_MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
# The first bytes of files that are met under the name of a clip, what they are, and what to do.
_FOREIGN = (
    (b"version https://git-lfs.github.com/", "a git-lfs pointer, not the clip itself", "git lfs pull"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM file", _CONVERT),
    (bytes.fromhex("3026b2758e66cf11"), "a Windows Media file", _CONVERT),
    (b"#!AMR", "an AMR file", _CONVERT),
    (b"FLV\x01", "a Flash video", _CONVERT),
    (b"\x00\x00\x01\xba", "an MPEG video", _CONVERT),
    (b"\xff\xf1", "an AAC file", _CONVERT),
    (b"\xff\xf9", "an AAC file", _CONVERT),
    (b"ADIF", "an AAC file", _CONVERT),
    (b"MAC ", "a Monkey's Audio file", _CONVERT),
    (b"wvpk", "a WavPack file", _CONVERT),
    (b"DSD ", "a DSD file", _CONVERT),
    (b".RMF", "a RealMedia file", _CONVERT),
    (b"NIST_1A", "a NIST SPHERE file of a coding that libsndfile does not read", "convert it: sph2pipe -f wav OLD NEW"),
    (b"PK\x03\x04", "a zip archive", _UNPACK),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x00\x05\x16\x07", "what macOS writes beside a file (._NAME), not the clip itself", "remove it"),
    (b"%PDF", "a PDF document", _AGAIN),
    (b"\x89PNG", "a PNG image", _AGAIN),
    (b"\xff\xd8\xff", "a JPEG image", _AGAIN),
    (b"\x93NUMPY", "a NumPy array", "write it as audio: soundfile.write(NEW.wav, array, rate)"),
    (b"\x89HDF", "an HDF5 file", _AGAIN),
)
FOREIGN_HEAD = 512  # bytes that tell


@dataclass(frozen=True)
class _Data:
    """The chunk of samples: where they start, its length in bytes (None: the header does not say)."""

    start: int
    length: int | None


def truncated(file: BinaryIO) -> str:
    """Why a file is shorter than was written, as far as its header and its last page tell; empty where it is not.

    Knows WAV, RF64, Wave64 and AIFF by the length of their samples, Ogg (Vorbis, Opus, FLAC) by the flag of its last
    page; the other containers are left to the decoder.
    """
    size = file.seek(0, 2)
    if _head(file, 4) == b"OggS":
        return "" if _ogg_ends(file, size) else _NO_END
    data = _data(file)
    missing = data.start + data.length - size if data and data.length else 0
    return f"its header promises {missing} bytes more than the {size} that are there" if missing > 0 else ""


def unknown_length(file: BinaryIO) -> int | None:
    """Where the 4 bytes stand that should hold the length of the samples, and hold 0 although samples follow.

    A writer that cannot seek back leaves WAV and AIFF so. None for every other file.
    """
    size, head = file.seek(0, 2), _head(file, 12)
    data = _data(file)
    if data is None or data.length != 0 or head[:4] not in (b"RIFF", b"RIFX", b"FORM"):
        return None
    (whole,) = struct.unpack(_order(head) + "I", head[4:8])
    return data.start - 4 if whole + 8 < size else None


def _head(file: BinaryIO, count: int) -> bytes:
    file.seek(0)
    return file.read(count)


def _data(file: BinaryIO) -> _Data | None:
    """The chunk of samples of a WAV, RF64, Wave64 or AIFF file."""
    head = _head(file, 16)
    if head == _W64:
        return _w64_data(file)
    if head[:4] not in (b"RIFF", b"RIFX", b"FORM", b"RF64") or head[8:12] not in (b"WAVE", b"AIFF", b"AIFC"):
        return None
    large: int | None = None
    for name, length in _chunks(file, _order(head)):
        if name == b"ds64":  # RF64: the lengths that 4 bytes do not hold (EBU Tech 3306)
            large = int.from_bytes(file.read(16)[8:], "little")
        elif name in (b"data", b"SSND"):
            if head[:4] == b"RF64":
                return _Data(file.tell(), large if large and large < _STREAMED_64 else None)
            return _Data(file.tell(), length if length < _STREAMED else None)
    return None


def _order(head: bytes) -> str:
    return "<" if head[:4] in (b"RIFF", b"RF64") else ">"


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk, the file at its content."""
    start = 12
    while True:
        file.seek(start)
        chunk = file.read(8)
        if len(chunk) < 8:
            return
        (length,) = struct.unpack(order + "I", chunk[4:])
        yield chunk[:4], length
        start += 8 + length + length % 2  # chunks start at even offsets


def _w64_data(file: BinaryIO) -> _Data | None:
    start = 40  # behind the GUID of the file, its length and the GUID of its form
    while True:
        file.seek(start)
        chunk = file.read(24)
        if len(chunk) < 24:
            return None
        (length,) = struct.unpack("<Q", chunk[16:])  # with these 24 bytes
        if chunk[:16] == b"data" + _W64_TAIL:
            return _Data(file.tell(), length - 24 if 24 < length < _STREAMED_64 else None)
        if length >= _STREAMED_64:
            return None
        start += max(24, length + -length % 8)  # chunks start at multiples of 8


def _ogg_ends(file: BinaryIO, size: int) -> bool:
    """Whether the last page is whole and ends its stream; true where none is found near the end."""
    file.seek(max(0, size - _PAGE))
    tail = file.read()
    start = tail.rfind(b"OggS\0")
    if start < 0:
        return True
    page = tail[start:]
    segments = page[26] if len(page) > 26 else 0
    length = 27 + segments + sum(page[27 : 27 + segments])
    return 27 <= length <= len(page) and bool(page[5] & _LAST_PAGE)


def foreign(head: bytes) -> str:
    """Say what a file is that libsndfile does not read, and what to do about it.

    Args:
        head: its first FOREIGN_HEAD bytes.

    Returns:
        `it is a zip archive; unpack it`; empty where the bytes tell nothing.
    """
    what, do = _recognised(head)
    return f"it is {what}; {do}" if what else ""


def _recognised(head: bytes) -> tuple[str, str]:
    if head[4:8] in _MP4:
        return "an MPEG-4 file (mp4, m4a, mov)", _CONVERT
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "an AVI video", _CONVERT
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if head and not any(head):
        return "a file of zeros", "copy or download it again: its content never arrived"
    known = next((one[1:] for one in _FOREIGN if head.startswith(one[0])), None)
    return known or _text(head)


def _text(head: bytes) -> tuple[str, str]:
    try:  # the last character may be cut
        text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return "", ""
        text = head[: error.start].decode("utf-8-sig", errors="ignore")
    begin = text.lstrip()[:60]
    if not begin or any(not (letter.isprintable() or letter.isspace()) for letter in text):
        return "", ""
    if begin.lower().startswith(("<!doctype html", "<html", "<head", "<script", "<meta")):
        return "an HTML page", f"{_AGAIN}: a page came in its place, often one to log in or to confirm"
    return f"a text file that begins with {begin.splitlines()[0].strip()!r}", _AGAIN
