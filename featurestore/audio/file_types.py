"""Recognize files that libsndfile does not read, by their first bytes."""

from typing import NamedTuple

_CONVERT = "convert it: ffmpeg -i OLD -vn NEW.wav"
_UNPACK = "unpack it"
_AGAIN = "download the clip again"
_MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_TS_PACKET, _M2TS_PACKET = 188, 192  # bytes of a packet of an MPEG transport stream, without and with its time code


class FileType(NamedTuple):
    """Type of a file that libsndfile does not read.

    Args:
        what: what the file is, with its article.
        do: what to do about it.
        demuxer: ffmpeg's name of the container, if ffmpeg may find sound in it; else empty.
    """

    what: str
    do: str
    demuxer: str = ""


# First bytes of files that are found under the name of a clip.
_MEDIA = (
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM file", "matroska"),
    (bytes.fromhex("3026b2758e66cf11"), "a Windows Media file", "asf"),
    (b"#!AMR", "an AMR file", "amr"),
    (b"FLV\x01", "a Flash video", "flv"),
    (b"\x00\x00\x01\xba", "an MPEG video", "mpeg"),
    (b"\xff\xf1", "an AAC file", "aac"),
    (b"\xff\xf9", "an AAC file", "aac"),
    (b"MAC ", "a Monkey's Audio file", "ape"),
    (b"wvpk", "a WavPack file", "wv"),
    (b"DSD ", "a DSD file", "dsf"),
    (b".RMF", "a RealMedia file", "rm"),
)
_OTHERS = (
    (b"version https://git-lfs.github.com/", "a git-lfs pointer, not the clip itself", "git lfs pull"),
    (b"ADIF", "an AAC file without frame headers", _AGAIN),
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
HEAD_SIZE = 512  # bytes that tell the type of a file


def recognize(head: bytes) -> FileType | None:
    """Recognize the type of a file that libsndfile does not read.

    Args:
        head: its first HEAD_SIZE bytes.

    Returns:
        The type, or None if the bytes are not recognized.
    """
    return _recognize_media(head) or _recognize_other(head) or _recognize_text(head)


def _recognize_media(head: bytes) -> FileType | None:
    if head[4:8] in _MP4:
        return FileType("an MPEG-4 file (mp4, m4a, mov)", _CONVERT, "mov")
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return FileType("an AVI video", _CONVERT, "avi")
    if _is_transport_stream(head):
        return FileType("an MPEG transport stream", _CONVERT, "mpegts")
    return next((FileType(what, _CONVERT, demuxer) for begin, what, demuxer in _MEDIA if head.startswith(begin)), None)


def _is_transport_stream(head: bytes) -> bool:
    """Tell whether three packets begin where packets of a transport stream do, each with the same byte."""
    return head[: 2 * _TS_PACKET + 1 : _TS_PACKET] == b"GGG" or head[4 : 2 * _M2TS_PACKET + 5 : _M2TS_PACKET] == b"GGG"


def _recognize_other(head: bytes) -> FileType | None:
    if head[257:262] == b"ustar":
        return FileType("a tar archive", _UNPACK)
    if head and not any(head):
        return FileType("a file of zeros", "copy or download it again: its content never arrived")
    return next((FileType(what, do) for begin, what, do in _OTHERS if head.startswith(begin)), None)


def _recognize_text(head: bytes) -> FileType | None:
    try:  # the last character may be cut off
        text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return None
        text = head[: error.start].decode("utf-8-sig", errors="ignore")
    begin = text.lstrip()[:60]
    if not begin or any(not (letter.isprintable() or letter.isspace()) for letter in text):
        return None
    if begin.lower().startswith(("<!doctype html", "<html", "<head", "<script", "<meta")):
        return FileType("an HTML page", f"{_AGAIN}: a page came in its place, often one to log in or to confirm")
    return FileType(f"a text file that begins with {begin.splitlines()[0].strip()!r}", _AGAIN)
