"""Read utterances from the shards that hold them, and open each of these once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from featurestore.errors import UnknownName
from featurestore.feature_matrix import StoredFeature
from featurestore.shards.id_index import IdIndex
from featurestore.shards.shard import Shard
from featurestore.shards.shard_files import ShardFiles
from featurestore.shards.shard_index import ShardIndex
from featurestore.shards.shard_rows import (
    ShardFeature,
    explain_missing,
    open_feature,
    read_ids,
    read_rows,
    select_available,
)
from featurestore.shards.shard_utterances import ShardUtterances
from featurestore.shards.wanted import Wanted, split_lines
from featurestore.spec import FeatureSpec


class Located(NamedTuple):
    """Features of one shard, the lines of the answer that it fills, and the places of these utterances in it."""

    features: list[ShardFeature]
    lines: np.ndarray
    places: np.ndarray


class ShardReader:
    """Read the rows of features from a sharded store.

    Args:
        path: the store's folder.
        index: of the store.
        open_shard: opens a shard by its number.
        files: the feature files of the shards.
    """

    def __init__(self, path: Path, index: ShardIndex, open_shard: Callable[[int], Shard], files: ShardFiles) -> None:
        self._path, self._index, self._open_shard, self._files = path, index, open_shard, files

    @cached_property
    def ids(self) -> IdIndex:
        """The index of ids."""
        return IdIndex(self._path, self._index.salt)

    def find_places(self, ids: Sequence[str], specs: Sequence[FeatureSpec]) -> np.ndarray:
        """Return the row of each utterance in the whole manifest, or -1, int64 (N,), after comparing its id there.

        Args:
            ids: of utterances.
            specs: features in whose mapped files the ids are compared. The ids of other utterances are compared in
                the manifests, which have to be read.
        """
        places = self.ids.find(ids)
        for number, lines in split_lines(places, self._index):
            own, wanted = places[lines] - self._index.shards[number].start, [ids[line] for line in lines.tolist()]
            places[lines[~self._compare(number, own, wanted, specs)]] = -1
        return places

    def _compare(self, number: int, places: np.ndarray, ids: Sequence[str], specs: Sequence[FeatureSpec]) -> np.ndarray:
        """Tell for each place in a shard whether the utterance there has this id, bool (N,)."""
        found = np.zeros(len(places), bool)
        for feature in self.open_features(number, specs):
            found |= feature.is_of(places, ids)
        unsure = np.flatnonzero(~found).tolist()
        if unsure:
            known = self._open_shard(number).utterances.ids
            found[unsure] = [known[places[line]] == ids[line] for line in unsure]
        return found

    def open_each(self, specs: Sequence[FeatureSpec]) -> Iterator[tuple[int, list[ShardFeature]]]:
        """Open features in each shard in turn, and release the shard before."""
        for number in range(len(self._index.shards)):
            yield number, self.open_features(number, specs)
            self._files.release(number)

    def open_features(self, number: int, specs: Sequence[FeatureSpec]) -> list[ShardFeature]:
        """Open features in one shard."""
        entry = self._index.shards[number]
        return [
            open_feature(
                StoredFeature(self._files.open(number, spec.encoder), spec),
                entry.utterances,
                lambda ids: self.ids.find(ids) - entry.start,
            )
            for spec in specs
        ]

    def locate(self, specs: Sequence[FeatureSpec], wanted: Wanted) -> Iterator[Located]:
        """Open features in each shard that holds some utterances, up to the first that has no such feature.

        Raises:
            UnknownName: utterances have no such feature; all shards were asked by then.
        """
        first = StoredFeature(self._files.open_first(specs[0].encoder), specs[0])
        missing = dict.fromkeys(np.flatnonzero(wanted.places < 0).tolist(), first)
        for number, lines in split_lines(wanted.places, self._index):
            own, opened = wanted.places[lines] - self._index.shards[number].start, self.open_features(number, specs)
            for feature in opened:
                missing |= dict.fromkeys(lines[~wanted.find_present(feature, lines, own)].tolist(), feature.stored)
            if not missing:
                yield Located(opened, lines, own)
        if missing:
            raise self._explain(missing, wanted)

    def _explain(self, missing: Mapping[int, StoredFeature], wanted: Wanted) -> UnknownName:
        """Build the error of the utterances, by line, that lack a feature."""
        first = sorted(missing)[:5]
        if wanted.ids is None:
            utterances = ShardUtterances(self._index, lambda number: self._open_shard(number).utterances)
            names = [utterances[place].id for place in wanted.places[first].tolist()]
        else:
            names = [wanted.ids[line] for line in first]
        return explain_missing(names, len(missing), len(wanted.places), missing[first[0]])

    def read_rows(self, specs: Sequence[FeatureSpec], wanted: Wanted, width: int) -> np.ndarray:
        """Return features side by side, float32 (N, width)."""
        X = np.empty((len(wanted.places), width), np.float32)
        for opened, lines, places in self.locate(specs, wanted):
            X[lines] = read_rows(opened, places)
        return X

    def read_shards(self, specs: Sequence[FeatureSpec], size: int) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Yield the available rows of the shards in batches that end with each shard."""
        for _, opened in self.open_each(specs):
            places = select_available(opened)
            for start in range(0, len(places), size):
                part = places[start : start + size]
                yield read_rows(opened, part), read_ids(opened[0], part)
