"""Find the utterances of a manifest in feature files, by row number instead of by id."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import compress
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from featurestore.manifest import Manifest
from featurestore.row_checks import check_rows, explain_unknown_ids
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile

_MANY = 8  # one in so many utterances makes a look-up large: reading the whole manifest pays then


class RowIndex:
    """The rows of a manifest, by id and in each feature file. N utterances.

    Args:
        utterances: the manifest.
    """

    def __init__(self, utterances: Manifest) -> None:
        self._utterances = utterances
        self._in_files: dict[Path, np.ndarray | None] = {}

    @cached_property
    def places(self) -> dict[str, int]:
        """Row of each utterance in the manifest, by id."""
        return {utterance_id: row for row, utterance_id in enumerate(self._utterances.ids)}

    def look_up(self, ids: Sequence[str]) -> np.ndarray:
        """Return the row of each utterance in the manifest, int64 (M,).

        Raises:
            KeyError: an utterance is not in the manifest.
        """
        known = self._utterances.ids
        if len(ids) == len(known) and tuple(ids) == known:
            return np.arange(len(ids))
        if "places" not in vars(self) and len(ids) * _MANY > len(known):
            found = _find_in_order(known, ids)
            if found is not None:
                return found
        return look_up(self.places, ids)

    def find(self, ids: Sequence[str], where: Path) -> np.ndarray:
        """Return the row of each utterance in the manifest, int64 (M,).

        Args:
            ids: of utterances, in any order; they may repeat.
            where: the store's folder, for the message.

        Raises:
            UnknownName: an utterance is not in the manifest.
        """
        try:
            return self.look_up(ids)
        except KeyError:
            missing = [utterance_id for utterance_id in ids if utterance_id not in self.places]
            raise explain_unknown_ids(missing, len(ids), where) from None

    def check(self, rows: ArrayLike) -> np.ndarray:
        """Return rows of the manifest as int64 (M,), after checking them.

        Raises:
            BadValue: they are not a sequence of integers from 0 to N - 1.
        """
        return check_rows(rows, len(self._utterances))

    def list_ids(self, rows: np.ndarray) -> list[str]:
        """Return the ids of rows (M,) of the manifest."""
        ids = self._utterances.ids
        return [ids[row] for row in rows.tolist()]

    def find_in_file(self, file: FeatureFile, rows: np.ndarray) -> np.ndarray:
        """Return the row in a feature file for rows (M,) of the manifest, or -1 where the file lacks it, int64 (M,)."""
        places = self._map(file)
        return rows if places is None else places[rows]

    def list_file_ids(self, file: FeatureFile) -> Sequence[str]:
        """List the ids of the rows of a file, which are all in the manifest, without a copy of their texts."""
        places = self._map(file)
        if places is None:
            return self._utterances.ids
        rows = np.flatnonzero(places >= 0)
        return self.list_ids(rows[np.argsort(places[rows])])

    def list_complete(self, files: Iterable[FeatureFile]) -> list[str]:
        """List the ids of the utterances that are in every file, in manifest order."""
        maps = [places for places in map(self._map, files) if places is not None]
        if not maps:
            return list(self._utterances.ids)
        return list(compress(self._utterances.ids, np.logical_and.reduce([places >= 0 for places in maps]).tolist()))

    def _map(self, file: FeatureFile) -> np.ndarray | None:
        """Return the row in a file for each utterance (N,), or None where they are the same."""
        if file.path not in self._in_files:
            self._in_files[file.path] = self._utterances.find_rows(file[schema.ID])
        return self._in_files[file.path]


def _find_in_order(known: Sequence[str], ids: Sequence[str]) -> np.ndarray | None:
    """Return the place of each id among known ones (M,), or None where they are in another order or unknown.

    Parts of a manifest are mostly in its order, and are found without a dict, which takes 100 bytes an id.
    """
    found, rest = np.empty(len(ids), np.int64), enumerate(known)
    for line, utterance_id in enumerate(ids):
        place = next((place for place, one in rest if one == utterance_id), None)
        if place is None:
            return None
        found[line] = place
    return found


def look_up(rows: Mapping[str, int], ids: Sequence[str]) -> np.ndarray:
    """Return the row of each id, int64 (M,).

    `itemgetter` collects all ids before it looks up the first. They are scattered over memory, and collecting them
    together takes 0.6 of the time of a loop.

    Raises:
        KeyError: an id has no row.
    """
    if len(ids) < 2:  # with one key, itemgetter returns no tuple
        return np.array([rows[utterance_id] for utterance_id in ids], np.int64)
    return np.array(itemgetter(*ids)(rows), np.int64)
