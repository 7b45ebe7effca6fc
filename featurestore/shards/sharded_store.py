"""Read a store that is cut into shards as one store, with one shard and what is asked for in memory."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from featurestore.errors import BadValue, Mismatch, UnknownName, quote
from featurestore.exposure import Contents, Exposure
from featurestore.feature_kinds import check_kind
from featurestore.feature_matrix import StoredFeature
from featurestore.feature_names import check_encoders
from featurestore.known_names import check_known
from featurestore.manifest import Utterance, Utterances
from featurestore.row_checks import check_one_given, check_rows, explain_unknown_ids
from featurestore.shards.join_batches import fill_matrix, join_batches
from featurestore.shards.shard import Shard
from featurestore.shards.shard_files import ShardFiles
from featurestore.shards.shard_index import ShardIndex, read_index
from featurestore.shards.shard_reader import ShardReader
from featurestore.shards.shard_rows import read_frames, read_ids, select_available
from featurestore.shards.shard_utterances import ShardUtterances
from featurestore.shards.wanted import Wanted
from featurestore.spec import FeatureSpec, check_list, parse_features
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.store import Store
from featurestore.store_exposure import find_store_exposure
from featurestore.transcript import Transcript

Features = Sequence[str | FeatureSpec]

_ROWS = 65_536  # of a part that is copied into a matrix


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

    @property
    def utterances(self) -> Utterances:
        """The manifest, read shard by shard."""
        return self._utterances

    @cached_property
    def _utterances(self) -> ShardUtterances:
        return ShardUtterances(self.index, lambda number: self.open_shard(number).utterances)

    @cached_property
    def manifest_digest(self) -> str:
        """The sha256 of the digests of the shards' manifests."""
        return _hash_lines(one.manifest for one in self.index.shards)

    @cached_property
    def _shard_files(self) -> ShardFiles:
        return ShardFiles(self.path, self.index, self.open_shard)

    @cached_property
    def _reader(self) -> ShardReader:
        return ShardReader(self.path, self.index, self.open_shard, self._shard_files)

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

    def transcripts(self) -> list[str]:
        """List the transcripts that are finished in every shard."""
        names = Counter(name for shard in self.shards() for name in shard.transcripts())
        return sorted(name for name, count in names.items() if count == len(self.index.shards))

    def transcript(self, name: str) -> Transcript:
        """Open a transcript of all shards. Its texts of all utterances are in memory when they are read.

        Raises:
            NotFound, UnknownName: there is none of that name in every shard.
            Mismatch: it is not of one recognizer in all shards.
        """
        self._check_transcript(name, self.transcripts())
        files = [file for shard in self.shards() for file in shard.transcript(name).files]
        if len({file.header.fingerprint for file in files}) > 1:
            raise Mismatch(
                f"transcript {name} of {self.path} is of several recognizers",
                expected="the same one in every shard",
                do=f"cli transcribe --store {quote(self.path)} --name {quote(name)} --checkpoint CHECKPOINT",
            )
        return Transcript(files)

    def find_shard(self, utterance_id: str) -> Shard:
        """Open the shard that holds an utterance, or the first one for an id that the store does not hold."""
        place = self._reader.ids.find([utterance_id])
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
        parts = (
            read_ids(opened[0], select_available(opened)) for _, opened in self._reader.open_each(self._parse(chosen))
        )
        return [one for part in parts for one in part]

    def failures(self, features: Iterable[str | FeatureSpec]) -> dict[str, str]:
        """Return the utterances that an encoder of these features failed to encode: the reason, by id."""
        found: dict[str, str] = {}
        for _, opened in self._reader.open_each(self._parse(list(features))):
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
        place = int(self._reader.ids.find([utterance_id])[0])
        found = self.utterances[place] if place >= 0 else Utterance("")
        if found.id != utterance_id:
            raise UnknownName(f"unknown utterance {utterance_id!r} in {self.path}")
        return self.item(found).clip_digest()

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Find utterances in the whole manifest once, as `Store.rows` does, through the index on disk."""
        chosen = list(check_list(ids, "ids"))
        places = self._reader.find_places(chosen, self._choose_spec())
        if missing := [chosen[line] for line in np.flatnonzero(places < 0).tolist()]:
            raise explain_unknown_ids(missing, len(chosen), self.path)
        return places

    def check_features(self, features: Features, rows: ArrayLike) -> None:
        """Check that utterances have every feature, as `Store.check_features` does. Each shard is opened once."""
        specs, places = self._parse(features), check_rows(rows, len(self.index))
        for _ in self._reader.locate(specs, Wanted(None, places, places)):
            pass

    @overload
    def matrix(
        self, features: Features, ids: Sequence[str] | None = None
    ) -> tuple[np.ndarray, dict[str, int], list[str]]: ...
    @overload
    def matrix(self, features: Features, *, rows: ArrayLike) -> tuple[np.ndarray, dict[str, int], np.ndarray]: ...
    def matrix(
        self, features: Features, ids: Sequence[str] | None = None, *, rows: ArrayLike | None = None
    ) -> tuple[np.ndarray, dict[str, int], list[str] | np.ndarray]:
        """Return features side by side, one row per utterance, as `Store.matrix` does.

        It holds the matrix and its ids in memory, and what a shard needs. Each shard is opened once.
        """
        specs = self._parse(features)
        widths, wanted = self._widths(specs), self._choose_rows(ids, rows)
        width = sum(widths.values())
        if wanted is not None:
            return self._reader.read_rows(specs, wanted, width), widths, wanted.given
        count = self._count_available(specs)
        X, every = fill_matrix(self._reader.read_shards(specs, _ROWS), count, width)
        return X, widths, every

    def frames(self, feature: str | FeatureSpec, ids: Sequence[str]) -> list[np.ndarray]:
        """Return all frames of each utterance, (T, D) by id, read from disk when they are used."""
        specs, chosen = self._parse([feature]), list(check_list(ids, "ids"))
        self._describe_feature(specs[0]).frames([])  # raises for a feature that is no sequence of frames
        found: list[np.ndarray] = [np.empty((0, 0), np.float32)] * len(chosen)
        for opened, lines, places in self._reader.locate(specs, Wanted(chosen, self._reader.ids.find(chosen), chosen)):
            for line, frames in zip(lines.tolist(), read_frames(opened[0], places), strict=True):
                found[line] = frames
        return found

    def shape(self, feature: str | FeatureSpec) -> tuple[int, ...]:
        """Return the shape of a feature's columns: (D,), or (L, D) for all layers."""
        return self._describe_feature(self._parse([feature])[0]).shape()

    @overload
    def batches(
        self, features: Features, ids: Sequence[str] | None = None, size: int = 1024
    ) -> Iterator[tuple[np.ndarray, list[str]]]: ...
    @overload
    def batches(
        self, features: Features, *, size: int = 1024, rows: ArrayLike
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]: ...
    def batches(
        self, features: Features, ids: Sequence[str] | None = None, size: int = 1024, *, rows: ArrayLike | None = None
    ) -> Iterator[tuple[np.ndarray, Any]]:
        """Return an iterator over the rows of the matrix of features, as `Store.batches` does.

        Without ids and rows, neither the ids of all utterances nor more than one shard are in memory.
        """
        if size < 1:
            raise BadValue(f"invalid batch size {size}", expected="1 or more")
        specs = self._parse(features)
        width = sum(self._widths(specs).values())  # raises where a feature has no columns
        wanted = self._choose_rows(ids, rows)
        if wanted is None:
            self._count_available(specs)
            return join_batches(self._reader.read_shards(specs, size), size)
        parts = (wanted.cut(start, start + size) for start in range(0, len(wanted.places), size))
        return ((self._reader.read_rows(specs, part, width), part.given) for part in parts)

    def _choose_spec(self) -> list[FeatureSpec]:
        """Choose a feature whose files have the ids of the utterances, or none where there is no encoder."""
        return [FeatureSpec(name, self.kinds(name)[0]) for name in self.encoders()[:1]]

    def _choose_rows(self, ids: Sequence[str] | None, rows: ArrayLike | None) -> Wanted | None:
        """Return the utterances that were asked for, or None for all."""
        check_one_given(ids, rows)
        if rows is not None:
            places = check_rows(rows, len(self.index))
            return Wanted(None, places, places)
        if ids is None:
            return None
        chosen = list(check_list(ids, "ids"))
        return Wanted(chosen, self._reader.ids.find(chosen), chosen)

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

    def _count_available(self, specs: Sequence[FeatureSpec]) -> int:
        """Return how many utterances have every feature, with a warning if some have not."""
        count = sum(len(select_available(opened)) for _, opened in self._reader.open_each(specs))
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
