"""Decode text files in UTF-8, UTF-16, UTF-32 or cp1252, with or without a byte-order mark, with any line ending."""

import codecs
from pathlib import Path

from featurestore.errors import NotFound

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_INVALID_AS_CP1252 = "featurestore-cp1252"


def decode_text(path: Path) -> tuple[str, str]:
    """Decode a text file.

    A file that is not valid UTF-8 is decoded as cp1252. If most of its non-ASCII letters are valid UTF-8, only the
    other bytes are. Undefined bytes become U+FFFD.

    Args:
        path: the file.

    Returns:
        Its content without a byte-order mark and with plain newlines, and the encoding: `utf-8`, `utf-16-le`, …, or
        `cp1252` if any byte was not valid UTF-8.

    Raises:
        NotFound: the file cannot be read.
    """
    content = _read(path)
    mark, encoding = next((one for one in _MARKS if content.startswith(one[0])), (b"", _guess_encoding(content)))
    content = content.removeprefix(mark)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding == "utf-8":
            text, encoding = _decode_invalid_utf_8(content), "cp1252"
        else:  # truncated in the middle of a character
            text = content.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read", expected="a text file", got=str(error.strerror), do="copy or get the file again"
        ) from None


def _guess_encoding(content: bytes) -> str:
    """Return UTF-16 if every second of the first four bytes is 0, as for two ASCII letters, else UTF-8."""
    first, second = content[0:4:2], content[1:4:2]
    if len(content) < 4 or any(first) == any(second):
        return "utf-8"
    return "utf-16-le" if any(first) else "utf-16-be"


def _decode_invalid_utf_8(content: bytes) -> str:
    """Decode as cp1252, or as UTF-8 with single cp1252 bytes, depending on which letters are more frequent."""
    letters = sum(letter > "\x7f" for letter in content.decode("utf-8", errors="ignore"))
    mixed = content.decode("utf-8", errors=_INVALID_AS_CP1252)
    invalid = sum(letter > "\x7f" for letter in mixed) - letters
    return mixed if letters > invalid else content.decode("cp1252", errors="replace")


def _decode_as_cp1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # called for decoding only
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


codecs.register_error(_INVALID_AS_CP1252, _decode_as_cp1252)
