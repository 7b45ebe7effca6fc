"""Read a release whose file names say everything: one utterance per clip."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from featurestore.errors import NotFound
from featurestore.manifest import Utterance
from featurestore.releases.clip_lengths import set_durations
from featurestore.releases.clip_rates import find_other_rates
from featurestore.releases.finding_list import FindingList
from featurestore.releases.reading import CorpusCard, Reading
from featurestore.releases.release_files import ReleaseFiles, get_stem
from featurestore.storage.checksum import hash_file

_OTHER_NAMES = "audio files with another name than the corpus's, ignored"
_COPIES = "second copies of a clip, with the same bytes, ignored"
_CLASHES = "files with the name of another clip and other bytes, ignored: one clip of each name is used"

Order = Callable[[str], int]
ToUtterance = Callable[[re.Match[str], str], Utterance | str]
FindIrregular = Callable[[Utterance], Iterable[str]]
Complete = Callable[[Sequence[Utterance], ReleaseFiles, FindingList], Sequence[Utterance]]


def read_named_clips(
    root: Path,
    card: CorpusCard,
    name: re.Pattern[str],
    to_utterance: ToUtterance,
    *,
    example: str,
    find_irregular: FindIrregular = lambda row: (),
    complete: Complete = lambda rows, files, found: rows,
    rate: int = 0,
    order: Order = lambda clip: 0,
) -> Reading:
    """Read one utterance per clip, in the order of the ids.

    Clips are found in any folder below the root. Their names are compared in composed Unicode. Clips of other names and
    second copies of a clip are reported.

    Args:
        root: folder of the release.
        card: of the corpus.
        name: matches the name of a clip without its suffix, usually whatever its case (`re.IGNORECASE`).
        to_utterance: returns the utterance for a match and for the path of the clip relative to `root`, or the finding
            under which the clip is left out. Letters of its id have one case, whatever that of the file.
        example: path of a clip in the release, for the message.
        find_irregular: yields what is irregular about an utterance, such as `clips of an unknown speaker`.
        complete: adds to the utterances, and to the findings, what other files of the release say, such as the texts.
        rate: sampling rate of the release in Hz; 0 if it has several. Clips at another one are reported.
        order: returns the rank of a path. Of several clips of one name the first is used, by rank, then the least
            nested one.

    Raises:
        NotFound: no clip has such a name.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    clips = sorted(files.clips(), key=order)
    rows = dict(_read_rows(root, clips, name, to_utterance, found))
    if not rows:
        raise refuse_release(root, card, example)
    completed = complete([rows[utterance_id] for utterance_id in sorted(rows)], files, found)
    for row in completed:
        for what in find_irregular(row):
            found.add(what, [row.id])
    measured, lengths = set_durations(root, completed)
    return Reading(measured, (*found.findings(), *lengths, *find_other_rates(root, measured, rate)))


def refuse_release(root: Path, card: CorpusCard, example: str) -> NotFound:
    """Return the error about a folder that holds nothing of a corpus.

    Args:
        root: the folder.
        card: of the corpus.
        example: path of one of its files.
    """
    return NotFound(
        f"{root} is not a release of {card.title}",
        expected=f"a folder with {example} and so on",
        got=describe_folder(root),
        do=f"give the folder that holds the release{f', from {card.source}' if card.source else ''}; "
        "for your own data: cli prepare table TABLE",
    )


def _read_rows(
    root: Path, clips: Iterable[str], name: re.Pattern[str], to_utterance: ToUtterance, found: FindingList
) -> Iterator[tuple[str, Utterance]]:
    """Yield each utterance by its id, once, and report the other clips."""
    first: dict[str, str] = {}
    for clip in clips:
        match = name.fullmatch(get_stem(clip))
        row = to_utterance(match, clip) if match else _OTHER_NAMES
        if isinstance(row, str):
            found.add(row, [clip])
        elif row.id in first:
            found.add(compare_clips(root, clip, first[row.id]), [clip])
        else:
            first[row.id] = clip
            yield row.id, row


def compare_clips(root: Path, clip: str, other: str) -> str:
    """Return the finding about a clip whose name another one has already."""
    try:
        return _COPIES if hash_file(root / clip) == hash_file(root / other) else _CLASHES
    except OSError:
        return _CLASHES


def describe_folder(root: Path) -> str:
    """Return what is at a root that holds no release."""
    if not root.exists():
        return "no such folder"
    if not root.is_dir():
        return "a file"
    names = sorted(path.name for path in root.iterdir())
    shown = ", ".join(names[:5]).encode(errors="backslashreplace").decode()
    return f"a folder with {shown}{' …' if len(names) > 5 else ''}" if names else "an empty folder"
