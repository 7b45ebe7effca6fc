"""Refuse compressed arrays that would fill the memory or the disk."""

from pathlib import Path

from featurestore.errors import BadValue

# Padding of zeros compresses a thousandfold, features to a half.
_MOST_TIMES, _ENOUGH = 200, 1 << 30


def check_expansion(path: Path, name: str, size: int, stored: int) -> None:
    """Check how far a compressed array expands.

    Args:
        path: the file, for the message.
        name: of the array.
        size: of its values in bytes.
        stored: bytes that it takes in the file, as the file says.

    Raises:
        BadValue: it is larger than 1 GiB and 200 times what is stored.
    """
    stored = min(stored, path.stat().st_size)  # what a file says of itself may be wrong
    if size > max(_ENOUGH, _MOST_TIMES * stored):
        raise BadValue(
            f"array {name!r} of {path} expands from {stored:,} to {size:,} bytes",
            expected=f"{_MOST_TIMES} times at most: more is nearly all zeros",
            do="if it is right, save it without compression, or without the padding",
        )
