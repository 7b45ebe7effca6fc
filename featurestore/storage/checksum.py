"""Compute the checksum of a file."""

import hashlib
from pathlib import Path


def hash_file(path: Path) -> str:
    """Compute the sha256 of a file's bytes as hex, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
