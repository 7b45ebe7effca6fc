"""Find the rows of utterances in the feature files of one shard, by their place in its manifest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from featurestore.errors import Mismatch, UnknownName
from featurestore.feature_matrix import StoredFeature, assemble
from featurestore.storage import schema


@dataclass(frozen=True)
class ShardFeature:
    """A feature in the file of one shard. Its rows follow the manifest without the utterances that failed.

    Args:
        stored: the feature.
        failed: places of the failed utterances in the shard, ascending, int64.
        count: number of utterances of the shard.
    """

    stored: StoredFeature
    failed: np.ndarray
    count: int

    def has(self) -> np.ndarray:
        """Tell for each utterance of the shard whether it has the feature, bool (count,)."""
        found = np.ones(self.count, bool)
        found[self.failed] = False
        return found

    def find_rows(self, places: np.ndarray) -> np.ndarray:
        """Return the rows of the utterances at some places that have the feature, int64 (N,)."""
        return places - np.searchsorted(self.failed, places)

    def is_of(self, places: np.ndarray, ids: Sequence[str]) -> np.ndarray:
        """Tell for each place whether the utterance there has this id, and the feature, bool (N,)."""
        wanted = np.array([one.encode() for one in ids], "S")
        found = ~np.isin(places, self.failed)
        found[found] = self.stored.file[schema.ID][self.find_rows(places[found])] == wanted[found]
        return found


def open_feature(stored: StoredFeature, count: int, find: Callable[[Sequence[str]], np.ndarray]) -> ShardFeature:
    """Open a feature of one shard.

    Args:
        stored: the feature.
        count: number of utterances of the shard.
        find: returns the places in the shard of some ids.

    Raises:
        Mismatch: the file does not account for every utterance.
    """
    file = stored.file
    failed = np.sort(find(file.text(schema.FAILED_ID))) if len(file[schema.FAILED_ID]) else np.empty(0, np.int64)
    rows = len(file[schema.ID])
    if rows + len(failed) != count or (len(failed) and not 0 <= failed[0] <= failed[-1] < count):
        raise Mismatch(
            f"{file.path} does not account for every utterance of its shard",
            expected=f"{count} rows and failures",
            got=f"{rows} rows and {len(failed)} failures",
            do=file.update_command,
        )
    return ShardFeature(stored, failed, count)


def select_available(features: Sequence[ShardFeature]) -> np.ndarray:
    """Return the places of the utterances of a shard that have every feature, int64 (N,)."""
    return np.flatnonzero(np.logical_and.reduce([feature.has() for feature in features]))


def read_ids(feature: ShardFeature, places: np.ndarray) -> list[str]:
    """Return the ids of the utterances at some places that have the feature."""
    return [one.decode() for one in feature.stored.file[schema.ID][feature.find_rows(places)].tolist()]


def read_rows(features: Sequence[ShardFeature], places: np.ndarray) -> np.ndarray:
    """Return features side by side, float32 (N, sum of D), of the utterances at some places.

    Raises:
        Mismatch: the rows of two files are not of the same utterances.
    """
    rows = [one.find_rows(places) for one in features]
    first = features[0].stored.file
    for feature, own in zip(features, rows, strict=True):
        file = feature.stored.file
        if file is not first and not np.array_equal(file[schema.ID][own], first[schema.ID][rows[0]]):
            raise Mismatch(
                f"the rows of {file.path} and {first.path} are in another order",
                do=f"remove {file.path}, then {file.update_command}",
            )
    return assemble([one.stored for one in features], rows)


def read_frames(feature: ShardFeature, places: np.ndarray) -> list[np.ndarray]:
    """Return the frames (T, D) of the utterances at some places, as views of the memory map."""
    values, offsets = np.asarray(feature.stored.values), feature.stored.file[schema.OFFSETS]
    return [values[offsets[row] : offsets[row + 1]] for row in feature.find_rows(places)]


def explain_missing(missing: Sequence[str], count: int, total: int, stored: StoredFeature) -> UnknownName:
    """Build the error of utterances that have no feature, with the reason of the first.

    Args:
        missing: the first of their ids.
        count: number of these utterances.
        total: number of utterances that were asked for.
        stored: the feature that the first one lacks, in its shard.
    """
    reason = stored.file.failed.get(missing[0], "not in the manifest")
    return UnknownName(
        f"{count} of {total} utterances have no {stored.spec}: {', '.join(missing)}",
        got=f"{missing[0]}: {reason}",
        do="leave them out: Store.available(features) lists the utterances that have every feature",
    )
