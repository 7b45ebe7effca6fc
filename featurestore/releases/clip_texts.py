"""Read the words of a release that keeps them in text files: one per clip, or one per recording."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from featurestore.releases.finding_list import FindingList
from featurestore.releases.label_files import read_text
from featurestore.releases.release_files import ReleaseFiles, normalize_name

_OTHER = "second text files of an utterance with other words, ignored"
_WITHOUT = "utterances without a transcript, kept with an empty text"
_NONE = "no utterance has a transcript: this copy holds no text files of them"


def read_texts(files: ReleaseFiles, ids: Collection[str], found: FindingList) -> dict[str, str]:
    """Read the text files that are named as utterances.

    Args:
        files: of the release.
        ids: of the utterances.
        found: receives the findings.

    Returns:
        The words of each utterance on one line, by id; without those that have none.
    """
    texts: dict[str, str] = {}
    for path, utterance_id in find_text_files(files, ids):
        text = " ".join(read_text(files, path, found).split())
        if text and texts.setdefault(utterance_id, text) != text:
            found.add(_OTHER, [path])
    report_without_text(ids, texts, found)
    return texts


def find_text_files(files: ReleaseFiles, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the path of each text file that is named as one of the names, and the name."""
    known = {normalize_name(name): name for name in names}
    for path in files.paths:
        name = PurePosixPath(path)
        if name.suffix.lower() == ".txt" and (match := known.get(normalize_name(name.stem))):
            yield path, match


def report_without_text(ids: Collection[str], texts: Mapping[str, str], found: FindingList) -> None:
    """Report the utterances without words, or that none has any."""
    if texts:
        found.add(_WITHOUT, (one for one in ids if one not in texts))
    elif ids:
        found.add(_NONE, [f"{len(ids):,} utterances"])
