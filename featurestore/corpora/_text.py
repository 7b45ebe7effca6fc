"""Text files as they come: with a byte-order mark or without, in UTF-8 or cp1252, with any line ending."""

from pathlib import Path


def decoded(path: Path) -> tuple[str, str]:
    """A text file's content with plain newlines, and the encoding that it turned out to have.

    What is neither UTF-16 with its mark nor UTF-8 is taken as cp1252; a byte that means nothing there becomes U+FFFD.
    """
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        text = content.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding
