"""Read the words of a release that keeps them in one text file per clip."""

from collections.abc import Collection
from pathlib import PurePosixPath

from featurestore.corpora._finding_list import FindingList
from featurestore.corpora._release_files import ReleaseFiles, normalize_name
from featurestore.corpora._text_decoding import decode_text
from featurestore.errors import NotFound

_CP1252 = "text files that are not UTF-8, read as cp1252"
_UNREADABLE = "text files that cannot be read, ignored"
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
    known = {normalize_name(utterance_id): utterance_id for utterance_id in ids}
    texts: dict[str, str] = {}
    for path in files.paths:
        name = PurePosixPath(path)
        utterance_id = known.get(normalize_name(name.stem)) if name.suffix.lower() == ".txt" else None
        if utterance_id is not None:
            text = _read_text(files, path, found)
            if texts.setdefault(utterance_id, text) != text:
                found.add(_OTHER, [path])
    if any(texts.values()):
        found.add(_WITHOUT, (one for one in ids if not texts.get(one)))
    elif ids:
        found.add(_NONE, [f"{len(ids):,} utterances"])
    return {utterance_id: text for utterance_id, text in texts.items() if text}


def _read_text(files: ReleaseFiles, path: str, found: FindingList) -> str:
    try:
        text, encoding = decode_text(files.root / path)
    except NotFound:
        found.add(_UNREADABLE, [path])
        return ""
    found.add(_CP1252, [path] if encoding == "cp1252" else [])
    return " ".join(text.split())
