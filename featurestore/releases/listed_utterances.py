"""Read a release whose label files list the utterances: find the clip of each."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from featurestore.manifest import Utterance
from featurestore.releases.clip_lengths import set_durations
from featurestore.releases.finding_list import FindingList
from featurestore.releases.named_clips import compare_clips
from featurestore.releases.reading import CorpusCard, Reading
from featurestore.releases.release_files import ReleaseFiles, get_stem, normalize_name

_NO_ID = "rows of a label file that name no utterance, ignored"
_LISTED_TWICE = "utterances that are listed twice; the first row is used"
_NO_LABEL = "utterances without a label"
_UNLISTED = "clips that no label file lists, ignored"
_WITHOUT_CLIP = "utterances without a clip, kept without audio"
_NO_CLIPS = "no utterance has a clip: this copy holds no audio of them"


def build_reading(
    files: ReleaseFiles,
    rows: Iterable[Utterance],
    card: CorpusCard,
    found: FindingList,
    *,
    to_id: Callable[[str], str] = get_stem,
) -> Reading:
    """Return the reading of a release whose label files list the utterances.

    Utterances without a clip are kept. Reported are ids that are listed twice, unknown labels, utterances without a
    clip, clips without an utterance and second copies of a clip.

    Args:
        files: of the release.
        rows: utterances in the order of the release, without their clips.
        card: of the corpus.
        found: what has been found until now.
        to_id: returns the id that the path of a clip stands for, whatever its case, or an empty text.
    """
    unique = _drop_repeated(rows, found)
    for row in unique:
        if row.label not in card.labels:
            found.add(f"utterances with the unknown label {row.label!r}" if row.label else _NO_LABEL, [row.id])
    complete, lengths = set_durations(files.root, _attach_clips(files, unique, found, to_id))
    return Reading(complete, (*found.findings(), *lengths))


def _drop_repeated(rows: Iterable[Utterance], found: FindingList) -> list[Utterance]:
    """Return the first row of each id."""
    unique: dict[str, Utterance] = {}
    for row in rows:
        if not row.id:
            found.add(_NO_ID, [row.text or row.label or "empty"])
        elif row.id in unique:
            found.add(_LISTED_TWICE, [row.id])
        else:
            unique[row.id] = row
    return list(unique.values())


def _attach_clips(
    files: ReleaseFiles, rows: Sequence[Utterance], found: FindingList, to_id: Callable[[str], str]
) -> list[Utterance]:
    listed = {normalize_name(row.id) for row in rows}
    every: dict[str, list[str]] = defaultdict(list)
    for path in files.clips():
        every[normalize_name(to_id(path))].append(path)
    clips = {utterance_id: paths for utterance_id, paths in every.items() if utterance_id in listed}
    found.add(_UNLISTED, (path for one, paths in every.items() if one not in clips for path in paths))
    for first, *others in clips.values():
        for other in others:
            found.add(compare_clips(files.root, other, first), [other])
    if clips:
        found.add(_WITHOUT_CLIP, (row.id for row in rows if normalize_name(row.id) not in clips))
    elif rows:
        found.add(_NO_CLIPS, [f"{len(rows):,} utterances"])
    return list(_add_audio(rows, clips))


def _add_audio(rows: Iterable[Utterance], clips: dict[str, list[str]]) -> Iterator[Utterance]:
    for row in rows:
        paths = clips.get(normalize_name(row.id))
        yield replace(row, audio=paths[0]) if paths else row
