"""Text files as they come: with a byte-order mark or without, in UTF-8, UTF-16, UTF-32 or cp1252, any line ending."""

import codecs
from pathlib import Path

_MARKS = (  # UTF-32's mark begins with UTF-16's, so that it comes first
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_EACH_BYTE = "featurestore-cp1252"


def decoded(path: Path) -> tuple[str, str]:
    """Decode a text file.

    A byte-order mark is never part of the text. A file that is not UTF-8 throughout is taken as cp1252; where most of
    its letters beyond ASCII are UTF-8, only the bytes that are not. A byte that means nothing becomes U+FFFD.

    Args:
        path: the file.

    Returns:
        its content with plain newlines, and the encoding: `utf-8`, `utf-16-le`, …, or `cp1252` where any byte was
        not UTF-8.
    """
    content = path.read_bytes()
    mark, encoding = next((one for one in _MARKS if content.startswith(one[0])), (b"", _unmarked(content)))
    content = content.removeprefix(mark)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding == "utf-8":
            text, encoding = _not_quite_utf_8(content), "cp1252"
        else:  # cut short: half a character at its end
            text = content.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _unmarked(content: bytes) -> str:
    """The encoding of a file without a mark: of its first two letters, in ASCII, UTF-16 writes every second byte 0."""
    first, second = content[0:4:2], content[1:4:2]
    if len(content) < 4 or any(first) == any(second):
        return "utf-8"
    return "utf-16-le" if any(first) else "utf-16-be"


def _not_quite_utf_8(content: bytes) -> str:
    """Text in cp1252, or in UTF-8 with some bytes in cp1252: by which there is more of."""
    letters = sum(letter > "\x7f" for letter in content.decode("utf-8", errors="ignore"))
    others = content.decode("utf-8", errors=_EACH_BYTE)
    foreign = sum(letter > "\x7f" for letter in others) - letters
    return others if letters > foreign else content.decode("cp1252", errors="replace")


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # it is asked while decoding only
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


codecs.register_error(_EACH_BYTE, _as_cp1252)
