"""Match the ids of a file with the utterances of a store: exactly, then by file stem where that is unique."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurestore.errors import BadValue, Mismatch, format_count
from featurestore.manifest import Utterance

_SUFFIX = re.compile(r"\.(wav|flac|mp3|m4a|ogg|opus|aac|aiff?|mp4|avi|mkv|webm|txt|npy|pt)$", re.IGNORECASE)
_SHOWN = 5  # ids that a line lists


@dataclass(frozen=True)
class IdMatch:
    """How the rows of a file belong to the utterances of a store.

    Args:
        places: for each row of the file its place in the manifest, int64 (N,); -1 for an id that the store has not.
        unknown: ids of the file that the store has not.
        missing: utterances of the store that the file has not.
        notes: lines for the user.
    """

    places: np.ndarray
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def match_ids(path: Path, ids: Sequence[str], utterances: Sequence[Utterance], *, required: bool = True) -> IdMatch:
    """Match the ids of a file with a manifest.

    An id that is not in the manifest is matched by its file stem (`a/Ses01F_impro01_M000.wav` is
    `Ses01F_impro01_M000`), with the ids of the manifest or the stems of its clips, if only one utterance and one row
    have it.

    Args:
        path: the file, for messages.
        ids: of its rows.
        utterances: the manifest.
        required: raise if no id matches.

    Raises:
        BadValue: an id stands more than once in the file.
        Mismatch: no id matches.
    """
    _check_unique(path, ids)
    index = {row.id: place for place, row in enumerate(utterances)}
    places = np.array([index.get(one, -1) for one in ids], np.int64)
    by_stem = _match_stems(ids, utterances, places)
    for row, place in by_stem.items():
        places[row] = place
    unknown = tuple(ids[row] for row in np.flatnonzero(places < 0).tolist())
    used = set(places.tolist())
    missing = tuple(row.id for place, row in enumerate(utterances) if place not in used)
    hint = _suggest_case(unknown, missing)
    if required and len(unknown) == len(ids):
        raise Mismatch(
            f"no id of {path} is in the store",
            expected=f"ids such as {list_some(missing)}",
            got=list_some(unknown) if unknown else "no row at all",
            do=hint or "rename the ids as the store has them, or name another id column: --id-column NAME",
        )
    notes = _note_stems(path, ids, utterances, by_stem)
    if unknown:
        notes.append(
            f"{format_count(len(unknown), 'id')} of {path.name} not in the store, left out: {list_some(unknown)}"
        )
    if missing:
        counted = format_count(len(missing), "utterance")
        notes.append(f"{counted} of the store not in {path.name}, recorded as failed: {list_some(missing)}")
    return IdMatch(places, unknown, missing, (*notes, *([hint] if hint else [])))


def list_some(ids: Sequence[str]) -> str:
    """List the first ids."""
    return ", ".join(ids[:_SHOWN]) + (" …" if len(ids) > _SHOWN else "")


def _check_unique(path: Path, ids: Sequence[str]) -> None:
    if len(set(ids)) == len(ids):
        return
    several = [one for one, count in Counter(ids).items() if count > 1]
    raise BadValue(
        f"{path}: {format_count(len(several), 'id')} in several rows",
        expected="one row for each utterance",
        got=list_some(several),
        do="give each segment of a clip an id of its own; for a row for each frame, in order: --kind frames",
    )


def _match_stems(ids: Sequence[str], utterances: Sequence[Utterance], places: np.ndarray) -> dict[int, int]:
    """Match the remaining rows by file stem: the place in the manifest by row."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(places < 0).tolist():
        rows[_find_stem(ids[row])].append(row)
    if not rows:
        return {}
    used = set(places.tolist())
    found: dict[str, set[int]] = defaultdict(set)
    for place, utterance in enumerate(utterances):
        if place not in used:
            for name in (utterance.id, utterance.audio):
                if (stem := _find_stem(name)) in rows:
                    found[stem].add(place)
    unique = {rows[stem][0]: min(one) for stem, one in found.items() if len(one) == 1 and len(rows[stem]) == 1}
    several = {place for place, count in Counter(unique.values()).items() if count > 1}
    return {row: place for row, place in unique.items() if place not in several}


def _find_stem(name: str) -> str:
    """Return the last part of a path without the suffix of a clip. MMSA-FET joins clip and segment by `$_$`."""
    return _SUFFIX.sub("", re.split(r"[/\\]", name)[-1]).replace("$_$", "_")


def _note_stems(path: Path, ids: Sequence[str], utterances: Sequence[Utterance], by_stem: dict[int, int]) -> list[str]:
    if not by_stem:
        return []
    row, place = next(iter(by_stem.items()))
    counted = format_count(len(by_stem), "id")
    return [f"{counted} of {path.name} matched by file stem, for example {ids[row]} as {utterances[place].id}"]


def _suggest_case(unknown: Sequence[str], missing: Sequence[str]) -> str:
    """Say how many ids would match if letter case were ignored."""
    folded = {_find_stem(one).casefold(): one for one in missing}
    pairs = [(one, folded[key]) for one in unknown if (key := _find_stem(one).casefold()) in folded]
    if not pairs:
        return ""
    counted = format_count(len(pairs), "id")
    example = f"{pairs[0][0]} for {pairs[0][1]}"
    return f"{counted} would match without regard to case, such as {example}: rename them in the file"
