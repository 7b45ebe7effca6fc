"""Find and read the label files of a release, and report those that are missing, stand twice, or are damaged."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from featurestore.errors import NotFound
from featurestore.releases.finding_list import FindingList
from featurestore.releases.release_files import ReleaseFiles, normalize_name
from featurestore.releases.text_decoding import decode_text

_OTHERS = "label files in other folders, ignored; the least nested one is read"
_CP1252 = "files that are not UTF-8, read as cp1252"
_UNREADABLE = "text files that cannot be read"


def find_label_file(files: ReleaseFiles, names: Sequence[str], found: FindingList) -> str:
    """Return the path of a label file: the least nested one, of equally nested ones the first name.

    Args:
        files: of the release.
        names: that the file has in different releases.
        found: receives files of these names in other folders.

    Returns:
        A path as it is on the disk, or an empty text if there is none.
    """
    paths = [path for name in names for path in files.find_named(name)]
    if not paths:
        return ""
    best = min(paths, key=lambda path: path.count("/"))
    found.add(_OTHERS, sorted(path for path in paths if path != best and not _is_other_form(path, best)))
    return best


def find_label_files(files: ReleaseFiles, pattern: re.Pattern[str], found: FindingList) -> tuple[str, ...]:
    """Return the paths of the label files whose names match, the least nested one of each name.

    Args:
        files: of the release.
        pattern: matches a file's whole name in composed Unicode.
        found: receives files of the same name in other folders.
    """
    names = (unicodedata.normalize("NFC", PurePosixPath(path).name) for path in files.paths)
    matching = dict.fromkeys(normalize_name(name) for name in names if pattern.fullmatch(name))
    return tuple(find_label_file(files, [name], found) for name in matching)


def find_optional(files: ReleaseFiles, name: str, found: FindingList, *, without: str) -> str:
    """Return the path of a label file, or an empty text after a finding that it is missing.

    Args:
        files: of the release.
        name: of the file.
        found: receives the findings.
        without: what is unknown without the file, such as `texts are empty`.
    """
    path = find_label_file(files, [name], found)
    found.add(f"files that this copy lacks, so that {without}", [] if path else [name])
    return path


def read_text(files: ReleaseFiles, path: str, found: FindingList) -> str:
    """Return the content of a text file with plain newlines, or an empty text after a finding that it is unreadable.

    Args:
        files: of the release.
        path: of the file, relative to the folder of the release.
        found: receives the findings.
    """
    try:
        return decode_reported(files.root / path, found, path)
    except NotFound as problem:
        found.add(_UNREADABLE, [f"{path}: {problem.got}"])
        return ""


def decode_reported(path: Path, found: FindingList, where: str = "") -> str:
    """Return the content of a text file with plain newlines, and report a file that is not UTF-8.

    Args:
        path: the file.
        found: receives the finding.
        where: what the finding calls the file, by default its name.

    Raises:
        NotFound: the file cannot be read.
    """
    text, encoding = decode_text(path)
    found.add(_CP1252, [where or path.name] if encoding == "cp1252" else [])
    return text


def _is_other_form(path: str, best: str) -> bool:
    """Return whether a file lies beside the best one under another name, as JSON lies beside CSV."""
    is_beside = PurePosixPath(path).parent == PurePosixPath(best).parent
    return is_beside and normalize_name(path) != normalize_name(best)
