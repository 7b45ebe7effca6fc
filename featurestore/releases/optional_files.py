"""Read the files of a release that a copy may lack or hold damaged, and report it."""

from featurestore.errors import NotFound
from featurestore.releases.finding_list import FindingList
from featurestore.releases.release_files import ReleaseFiles
from featurestore.releases.text_decoding import decode_text

_CP1252 = "files that are not UTF-8, read as cp1252"
_UNREADABLE = "text files that cannot be read"


def find_optional(files: ReleaseFiles, name: str, found: FindingList, *, without: str) -> str:
    """Return the path of a file in any folder of a release, or an empty text after a finding that it is missing.

    Args:
        files: of the release.
        name: of the file.
        found: receives the finding.
        without: what is unknown without the file, such as `texts are empty`.
    """
    paths = files.find_named(name)
    found.add(f"files that this copy lacks, so that {without}", [] if paths else [name])
    return paths[0] if paths else ""


def read_text(files: ReleaseFiles, path: str, found: FindingList) -> str:
    """Return the content of a text file with plain newlines, or an empty text after a finding that it is unreadable.

    Args:
        files: of the release.
        path: of the file, relative to the folder of the release.
        found: receives the findings.
    """
    try:
        text, encoding = decode_text(files.root / path)
    except NotFound as problem:
        found.add(_UNREADABLE, [f"{path}: {problem.got}"])
        return ""
    found.add(_CP1252, [path] if encoding == "cp1252" else [])
    return text
