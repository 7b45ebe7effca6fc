"""Recognize files under the name of a clip that libsndfile does not read, by their first bytes."""

_CONVERT = "convert it: ffmpeg -i OLD -vn NEW.wav"
_UNPACK = "unpack it"
_AGAIN = "download the clip again"
_MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
# First bytes of files that are found under the name of a clip, what they are, and what to do.
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
HEAD_SIZE = 512  # bytes that tell the type of a file


def describe_type(head: bytes) -> str:
    """Describe a file that libsndfile does not read, and what to do about it.

    Args:
        head: its first HEAD_SIZE bytes.

    Returns:
        for example `it is a zip archive; unpack it`; empty if the bytes are not recognized.
    """
    what, do = _recognize(head)
    return f"it is {what}; {do}" if what else ""


def _recognize(head: bytes) -> tuple[str, str]:
    if head[4:8] in _MP4:
        return "an MPEG-4 file (mp4, m4a, mov)", _CONVERT
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "an AVI video", _CONVERT
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if head and not any(head):
        return "a file of zeros", "copy or download it again: its content never arrived"
    known = next((one[1:] for one in _FOREIGN if head.startswith(one[0])), None)
    return known or _recognize_text(head)


def _recognize_text(head: bytes) -> tuple[str, str]:
    try:  # the last character may be cut off
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
