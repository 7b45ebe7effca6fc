"""Read a store that is cut into shards as one store, with one shard and what is asked for in memory."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from featurestore.errors import BadValue, UnknownName, quote
from featurestore.exposure import Contents, Exposure
from featurestore.feature_kinds import check_kind
from featurestore.feature_matrix import StoredFeature
from featurestore.feature_names import check_encoders
from featurestore.known_names import check_known
from featurestore.manifest import Utterance
from featurestore.shards.id_index import IdIndex
from featurestore.shards.join_batches import fill_matrix, join_batches
from featurestore.shards.shard import Shard
from featurestore.shards.shard_files import ShardFiles
from featurestore.shards.shard_index import ShardIndex, read_index
from featurestore.shards.shard_rows import (
    ShardFeature,
    explain_missing,
    open_feature,
    read_frames,
    read_ids,
    read_rows,
    select_available,
)
from featurestore.shards.shard_utterances import ShardUtterances
from featurestore.spec import FeatureSpec, check_list, parse_features
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from featurestore.store_exposure import find_store_exposure

Features = Sequence[str | FeatureSpec]

_ROWS = 65_536  # of a part that is copied into a matrix


class _Located(NamedTuple):
    """Features of one shard, the lines of the answer that it fills, and the places of these utterances in it."""

    features: list[ShardFeature]
    lines: np.ndarray
    places: np.ndarray


class ShardedStore(Store):
    """Read the features of a corpus that is cut into shards. `Store(path)` opens it.

    An encoder is one of the store when it is finished in every shard. Rows are read from the shards that hold them;
    the manifest is read shard by shard.

    Args:
        path: the store's folder.

    Raises:
        NotFound: there is no store.
    """

    @cached_property
    def index(self) -> ShardIndex:
        """The ranges of the shards."""
        return read_index(self.path)

    def open_shard(self, number: int) -> Shard:
        """Open one shard as a store of its own.

        Args:
            number: from 0.
        """
        return Shard(self.path, self.index.shards[number])

    def shards(self) -> Iterator[Shard]:
        """Open each shard in turn, in manifest order."""
        return map(self.open_shard, range(len(self.index.shards)))

    @cached_property
    def utterances(self) -> Sequence[Utterance]:  # type: ignore[override]  # read shard by shard
        """The manifest, read shard by shard."""
        return ShardUtterances(self.index, lambda number: self.open_shard(number).utterances)

    @cached_property
    def manifest_digest(self) -> str:
        """The sha256 of the digests of the shards' manifests."""
        return _hash_lines(one.manifest for one in self.index.shards)

    @cached_property
    def _ids(self) -> IdIndex:
        return IdIndex(self.path, self.index.salt)

    @cached_property
    def _shard_files(self) -> ShardFiles:
        return ShardFiles(self.path, self.index, self.open_shard)

    def encoders(self) -> list[str]:
        """List the encoders that are finished in every shard."""
        return [name for name, count in self.count_shards().items() if count == len(self.index.shards)]

    def count_shards(self) -> dict[str, int]:
        """Return in how many shards each encoder is finished, by its name."""
        return self._shard_files.count_shards()

    def file(self, encoder: str) -> FeatureFile:
        """Refuse: each shard has a feature file of its own.

        Raises:
            BadValue: always; the message names a shard.
        """
        raise _refuse(self, encoder)

    def find_shard(self, utterance_id: str) -> Shard:
        """Open the shard that holds an utterance, or the first one for an id that the store does not hold."""
        place = self._ids.find([utterance_id])
        return self.open_shard(max(0, int(self.index.find_shards(place)[0])))

    def describe(self, encoder: str) -> dict[str, Any]:
        """Return how an encoder's vectors were made."""
        return self._open_first(encoder).header.encoder

    def modality(self, encoder: str) -> str:
        """Return the modality of an encoder, `audio` or `text`."""
        return self._open_first(encoder).header.modality

    def digests(self, encoder: str) -> dict[str, str]:
        """Return the sha256 of the digests of each dataset of an encoder in all shards."""
        every = [self._shard_files.open(number, encoder).header.digests for number in range(len(self.index.shards))]
        return {name: _hash_lines(one.get(name, "") for one in every) for name in every[0]}

    def kinds(self, encoder: str) -> list[str]:
        """List the kinds of features of an encoder, and each of its layers as `layers[NUMBER]`."""
        self._open_first(encoder)
        return self.open_shard(0).kinds(encoder)

    def available(self, features: Iterable[str | FeatureSpec]) -> list[str]:
        """List the ids of the utterances that have every feature, in manifest order."""
        chosen = list(features)
        parts = (read_ids(opened[0], select_available(opened)) for _, opened in self._open_each(self._parse(chosen)))
        return [one for part in parts for one in part]

    def failures(self, features: Iterable[str | FeatureSpec]) -> dict[str, str]:
        """Return the utterances that an encoder of these features failed to encode: the reason, by id."""
        found: dict[str, str] = {}
        for _, opened in self._open_each(self._parse(list(features))):
            for feature in opened:
                encoder, file = feature.stored.spec.encoder, feature.stored.file
                failed = zip(file.text(schema.FAILED_ID), file.text(schema.FAILED_REASON), strict=True)
                found |= {utterance_id: f"{encoder}: {why}" for utterance_id, why in failed}
        return found

    def exposure(self, encoder: str, other: Contents | None = None) -> Exposure:
        """Find the utterances that the encoder was fine-tuned on, as `Store.exposure` does, over all shards.

        The contents of all utterances are in memory meanwhile if the encoder was fine-tuned.
        """
        if other is not None:
            return find_store_exposure(self, self._open_first(encoder), encoder, other)
        if encoder not in self._exposures:
            self._exposures[encoder] = find_store_exposure(self, self._open_first(encoder), encoder)
        return self._exposures[encoder]

    def contents(self, encoder: str) -> dict[str, str]:
        """Return the sha256 of the input of each vector, by id, of all shards."""
        self._open_first(encoder)
        return {one: content for shard in self.shards() for one, content in shard.contents(encoder).items()}

    def clip_digest(self, utterance_id: str) -> str:
        """Return the sha256 of an utterance's decoded samples, or an empty text if it has no usable clip."""
        place = int(self._ids.find([utterance_id])[0])
        found = self.utterances[place] if place >= 0 else Utterance("")
        if found.id != utterance_id:
            raise UnknownName(f"unknown utterance {utterance_id!r} in {self.path}")
        return self.item(found).clip_digest()

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Refuse: the rows of shards are found by id, through the index on disk.

        Raises:
            BadValue: always.
        """
        raise BadValue(f"{self.path} is cut into shards, which are read by id", do="give matrix and batches ids=")

    def matrix(  # type: ignore[override]  # by id alone
        self, features: Features, ids: Sequence[str] | None = None
    ) -> tuple[np.ndarray, dict[str, int], list[str]]:
        """Return features side by side, one row per utterance, as `Store.matrix` does.

        It holds the matrix and its ids in memory, and what a shard needs.
        """
        specs = self._parse(features)
        widths = self._widths(specs)
        if ids is None:
            count = self._count_available(specs)
            X, every = fill_matrix(self._read_shards(specs, _ROWS), count, sum(widths.values()))
            return X, widths, every
        chosen = list(check_list(ids, "ids"))
        X = np.empty((len(chosen), sum(widths.values())), np.float32)
        for opened, lines, places in self._locate(specs, chosen):
            X[lines] = read_rows(opened, places)
        return X, widths, chosen

    def frames(self, feature: str | FeatureSpec, ids: Sequence[str]) -> list[np.ndarray]:
        """Return all frames of each utterance, (T, D) by id, read from disk when they are used."""
        specs, chosen = self._parse([feature]), list(check_list(ids, "ids"))
        self._describe_feature(specs[0]).frames([])  # raises for a feature that is no sequence of frames
        found: list[np.ndarray] = [np.empty((0, 0), np.float32)] * len(chosen)
        for opened, lines, places in self._locate(specs, chosen):
            for line, frames in zip(lines.tolist(), read_frames(opened[0], places), strict=True):
                found[line] = frames
        return found

    def shape(self, feature: str | FeatureSpec) -> tuple[int, ...]:
        """Return the shape of a feature's columns: (D,), or (L, D) for all layers."""
        return self._describe_feature(self._parse([feature])[0]).shape()

    def batches(  # type: ignore[override]  # by id alone
        self, features: Features, ids: Sequence[str] | None = None, size: int = 1024
    ) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Return an iterator over the rows of the matrix of features, as `Store.batches` does.

        Without ids, neither the ids of all utterances nor more than one shard are in memory.
        """
        if size < 1:
            raise BadValue(f"invalid batch size {size}", expected="1 or more")
        specs = self._parse(features)
        self._widths(specs)  # raises where a feature has no columns
        if ids is None:
            self._count_available(specs)
            return join_batches(self._read_shards(specs, size), size)
        chosen = list(check_list(ids, "ids"))
        parts = (chosen[start : start + size] for start in range(0, len(chosen), size))
        return ((self.matrix(specs, part)[0], part) for part in parts)

    def _open_first(self, encoder: str) -> FeatureFile:
        if not (known := self.count_shards()):
            raise self._no_features()
        what = f"encoder {encoder!r} in {self.path}"
        check_known(encoder, known, what=what, do=f"cli inspect {quote(self.path)}")
        return self._shard_files.open_first(encoder)

    def _parse(self, features: Features) -> list[FeatureSpec]:
        specs = list(parse_features(check_encoders(self, features), self.path))
        for spec in specs:
            check_kind(self._open_first(spec.encoder), spec, str(spec))
        return specs

    def _describe_feature(self, spec: FeatureSpec) -> StoredFeature:
        return StoredFeature(self._open_first(spec.encoder), spec)

    def _widths(self, specs: Sequence[FeatureSpec]) -> dict[str, int]:
        return {str(spec): self._describe_feature(spec).width() for spec in specs}

    def _open_each(self, specs: Sequence[FeatureSpec]) -> Iterator[tuple[int, list[ShardFeature]]]:
        """Open features in each shard in turn, and release the shard before."""
        for number in range(len(self.index.shards)):
            yield number, self._open_features(number, specs)
            self._shard_files.release(number)

    def _open_features(self, number: int, specs: Sequence[FeatureSpec]) -> list[ShardFeature]:
        entry = self.index.shards[number]
        return [
            open_feature(
                StoredFeature(self._shard_files.open(number, spec.encoder), spec),
                entry.utterances,
                lambda ids: self._ids.find(ids) - entry.start,
            )
            for spec in specs
        ]

    def _locate(self, specs: Sequence[FeatureSpec], ids: Sequence[str]) -> list[_Located]:
        """Find for each shard that holds some ids its features, the lines of these ids, and their places in it.

        Raises:
            UnknownName: an utterance has no such feature.
        """
        places = self._ids.find(ids)
        shards, found = self.index.find_shards(places), list[_Located]()
        missing = dict.fromkeys(np.flatnonzero(places < 0).tolist(), self._describe_feature(specs[0]))
        for number in np.unique(shards[places >= 0]).tolist():
            lines = np.flatnonzero((shards == number) & (places >= 0))
            own, opened = places[lines] - self.index.shards[number].start, self._open_features(number, specs)
            for feature in opened:
                is_here = feature.is_of(own, [ids[line] for line in lines.tolist()])
                missing |= dict.fromkeys(lines[~is_here].tolist(), feature.stored)
            found.append(_Located(opened, lines, own))
        if missing:
            lacking = sorted(missing)
            raise explain_missing([ids[line] for line in lacking], len(ids), missing[lacking[0]])
        return found

    def _read_shards(self, specs: Sequence[FeatureSpec], size: int) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Yield the available rows of the shards in batches that end with each shard."""
        for _, opened in self._open_each(specs):
            places = select_available(opened)
            for start in range(0, len(places), size):
                part = places[start : start + size]
                yield read_rows(opened, part), read_ids(opened[0], part)

    def _count_available(self, specs: Sequence[FeatureSpec]) -> int:
        """Return how many utterances have every feature, with a warning if some have not."""
        count = sum(len(select_available(opened)) for _, opened in self._open_each(specs))
        if missing := len(self.index) - count:
            total = len(self.index)
            warnings.warn(f"{missing} of {total} utterances lack a feature; see Store.failures()", stacklevel=3)
        return count


def refuse_shards(store: Store, encoder: str) -> None:
    """Check that a store is not cut into shards, for work on one feature file.

    Raises:
        BadValue: it is; the message names a shard.
    """
    if isinstance(store, ShardedStore):
        raise _refuse(store, encoder)


def _refuse(store: ShardedStore, encoder: str) -> BadValue:
    first = store.path / store.index.shards[0].name
    return BadValue(
        f"{store.path} is cut into {len(store.index.shards)} shards, and each has a file {encoder}.h5 of its own",
        expected="one shard",
        do=f"run the command for each shard: --store {quote(first)}",
    )


def _hash_lines(texts: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()
