"""Open a store: one corpus, its manifest, and the finished feature files of its utterances, aligned by id."""

import importlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from featurestore import manifest
from featurestore.corpora import ROW_NUMBERS
from featurestore.errors import BadValue
from featurestore.exposure import Contents, Exposure
from featurestore.feature_kinds import check_kind
from featurestore.feature_matrix import StoredFeature, assemble
from featurestore.feature_names import check_encoders
from featurestore.item import Item
from featurestore.manifest import Manifest, Utterance, Utterances
from featurestore.row_checks import check_one_given
from featurestore.row_index import RowIndex
from featurestore.spec import FeatureSpec, check_list, parse_features
from featurestore.store_exposure import find_made_up_ids, find_store_exposure
from featurestore.store_folder import CORPUS, DEFAULT, MANIFEST, StoreFolder

if TYPE_CHECKING:
    from featurestore.torch_dataset import FeatureDataset
__all__ = ["CORPUS", "DEFAULT", "MANIFEST", "SHARDS", "Store"]
SHARDS = "shards.json"  # only in a store that is cut into shards


class Store(StoreFolder):
    """Read the features of one corpus.

    A feature is a text such as `audio.mean`, or a `FeatureSpec`.

    Args:
        path: the store's folder.

    Raises:
        NotFound: there is no store.

    Example:
        store = Store("features/demo")
        X, blocks, ids = store.matrix(["audio.mean", "text.mean"])
    """

    def __new__(cls, path: str | Path, *_: Any) -> Self:
        """Open a store that is cut into shards as `featurestore.shards.sharded_store.ShardedStore`."""
        if cls is Store and (Path(path) / SHARDS).is_file():
            kind: type[Self] = importlib.import_module("featurestore.shards.sharded_store").ShardedStore
            return super().__new__(kind)
        return super().__new__(cls)

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._exposures: dict[str, Exposure] = {}

    @property
    def utterances(self) -> Utterances:
        """The manifest, a sequence of utterances that is held by column."""
        return self._manifest

    @cached_property
    def _manifest(self) -> Manifest:
        return manifest.read(self.path / MANIFEST)

    @cached_property
    def _index(self) -> RowIndex:
        return RowIndex(self._manifest)

    def item(self, utterance: Utterance) -> Item:
        """Return the input of an encoder for an utterance."""
        clip = self.root / utterance.audio if utterance.audio else None
        if not self.segments:
            return Item(utterance.id, clip, utterance.text)
        return Item(utterance.id, clip, utterance.text, utterance.start, utterance.end)

    def replace_words(self, texts: Mapping[str, str]) -> Self:
        """Return this store with other words, by id. An utterance that is not among them has none."""
        other = object.__new__(type(self))  # it shares what is read already
        vars(other).update(vars(self), _manifest=self._manifest.replace_texts(texts))
        return other

    def available(self, features: Iterable[str | FeatureSpec]) -> list[str]:
        """List the ids of the utterances that have every feature, in manifest order."""
        return self._index.list_complete([feature.file for feature in self._find(features)])

    def failures(self, features: Iterable[str | FeatureSpec]) -> dict[str, str]:
        """Return the utterances that an encoder of these features failed to encode: the reason, by id."""
        files = {feature.spec.encoder: feature.file for feature in self._find(features)}
        return {
            utterance_id: f"{encoder}: {why}"
            for encoder, file in files.items()
            for utterance_id, why in file.failed.items()
        }

    def trained_on(self, encoder: str) -> frozenset[str]:
        """Return the ids of this store's utterances that the encoder was fine-tuned on.

        They are recognized by id and by content, in any corpus (`featurestore.store_exposure.find_exposure`), and by
        the card of a public checkpoint (`featurestore.known_training.add_known`).
        """
        return frozenset(self.exposure(encoder).known)

    def exposure(self, encoder: str, other: Contents | None = None) -> Exposure:
        """Find the utterances that the encoder was fine-tuned on, with the evidence for each, and the suspects.

        Args:
            encoder: the name of its feature file.
            other: the utterances of another store, which the encoder may have been fine-tuned on instead.
        """
        if other is not None:
            return find_store_exposure(self, self.file(encoder), encoder, other)
        if encoder not in self._exposures:
            self._exposures[encoder] = find_store_exposure(self, self.file(encoder), encoder)
        return self._exposures[encoder]

    def collect_contents(self, encoder: str) -> Contents:
        """Return the contents of all utterances, and the ids that were made up."""
        return Contents(self.contents(encoder), self.made_up)

    @cached_property
    def made_up(self) -> dict[str, str]:
        """Ids that the corpus reader made up, each with the sha256 of the rows that they were made from."""
        return find_made_up_ids(self.info, self.utterances)

    @property
    def row_numbers(self) -> frozenset[str]:
        """Ids that were made from row numbers. They change when a row is inserted or deleted."""
        return frozenset(self.made_up) if self.info.get("ids") == ROW_NUMBERS else frozenset()

    def contents(self, encoder: str) -> dict[str, str]:
        """Return the sha256 of the input of each vector, the decoded samples or the words, by id.

        It is empty in a file that was written by an older version or by another program.
        """
        file = self.file(encoder)
        # the manifest's ids, where it is in memory: a second copy of a million texts takes 75 MB
        ids = self._index.list_file_ids(file) if "_manifest" in vars(self) else file.ids
        return dict(zip(ids, file.contents, strict=True))

    def clip_digest(self, utterance_id: str) -> str:
        """Return the sha256 of an utterance's decoded samples, or an empty text if it has no usable clip."""
        return self.item(self.utterances[self._index.places[utterance_id]]).clip_digest()

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Find utterances in the manifest once, to read them several times by `matrix(rows=…)` or `batches(rows=…)`.

        Args:
            ids: utterance ids, in any order. They may repeat.

        Returns:
            the row of each utterance in the manifest, from 0, int64 (N,), for every feature of the store.
            `Store.utterances[row]` is the utterance.

        Raises:
            UnknownName: an utterance is not in the manifest.

        Example:
            rows = store.rows(ids)
            for part in np.array_split(random.permutation(rows), 100):
                X, _, _ = store.matrix(["audio.mean"], rows=part)
        """
        return self._index.find(list(check_list(ids, "ids")), self.path)

    def check_features(self, features: Sequence[str | FeatureSpec], rows: ArrayLike) -> None:
        """Check that utterances have every feature, without reading them.

        Args:
            features: as for `matrix`.
            rows: of the manifest (N,), as `Store.rows` returns them.

        Raises:
            BadValue: as for `matrix`.
            UnknownName: a feature that does not exist, or an utterance without one of them.
        """
        self._find_in_files(self._find(features), self._index.check(rows))

    @overload
    def matrix(
        self, features: Sequence[str | FeatureSpec], ids: Sequence[str] | None = None
    ) -> tuple[np.ndarray, dict[str, int], list[str]]: ...
    @overload
    def matrix(
        self, features: Sequence[str | FeatureSpec], *, rows: ArrayLike
    ) -> tuple[np.ndarray, dict[str, int], np.ndarray]: ...
    def matrix(
        self,
        features: Sequence[str | FeatureSpec],
        ids: Sequence[str] | None = None,
        *,
        rows: ArrayLike | None = None,
    ) -> tuple[np.ndarray, dict[str, int], list[str] | np.ndarray]:
        """Return features side by side, one row per utterance.

        Args:
            features: for example `["audio.mean", "text.logits"]`. `audio.frames[170]` is the first 170 frames,
                flattened and zero-padded. `audio.layers[6]` is one layer, `audio.layers` all of them side by side.
            ids: utterance ids, in the order of the rows. By default those that have every feature, in manifest order,
                with a warning if that leaves any out.
            rows: in place of ids, rows of the manifest (N,), as `Store.rows` returns them.

        Returns:
            X, float32 (N, sum of D); the width of each feature by name, in order; the id of each row, or `rows` where
            they were given.

        Raises:
            BadValue: no feature, the same feature twice, a text that is not a feature, a text in place of a list, both
                ids and rows, or rows that the manifest does not have.
            UnknownName: a feature or an utterance that does not exist.
        """
        found = self._find(features)
        widths = {str(feature.spec): feature.width() for feature in found}
        numbers, chosen = self._choose(found, ids, rows)
        return assemble(found, numbers), widths, chosen

    def frames(self, feature: str | FeatureSpec, ids: Sequence[str]) -> list[np.ndarray]:
        """Return all frames of each utterance, (T, D) by id, read from disk when they are used.

        It raises as `matrix` does, and for a feature such as `audio.mean` that is no sequence of frames.
        """
        return self._find([feature])[0].frames(ids)

    def shape(self, feature: str | FeatureSpec) -> tuple[int, ...]:
        """Return the shape of a feature's columns: (D,), or (L, D) for all layers."""
        return self._find([feature])[0].shape()

    @overload
    def batches(
        self, features: Sequence[str | FeatureSpec], ids: Sequence[str] | None = None, size: int = 1024
    ) -> Iterator[tuple[np.ndarray, list[str]]]: ...
    @overload
    def batches(
        self, features: Sequence[str | FeatureSpec], *, size: int = 1024, rows: ArrayLike
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]: ...
    def batches(
        self,
        features: Sequence[str | FeatureSpec],
        ids: Sequence[str] | None = None,
        size: int = 1024,
        *,
        rows: ArrayLike | None = None,
    ) -> Iterator[tuple[np.ndarray, Any]]:
        """Return an iterator over the rows of the matrix of features. Memory is bounded by the size of a batch.

        Args:
            features: as for `matrix`.
            ids: utterance ids, in the order of the rows. By default those that have every feature.
            size: rows in a batch; the last may have fewer.
            rows: in place of ids, as for `matrix`.

        Returns:
            an iterator of X, float32 (size, sum of D), and the ids of its rows, or their part of `rows`.

        Raises:
            BadValue: as for `matrix`, or a size below 1.
            UnknownName: as for `matrix`.

        Example:
            for X, ids in store.batches(["audio.mean"], size=4096):
                model.partial_fit(X, labels(ids))
        """
        if size < 1:
            raise BadValue(f"invalid batch size {size}", expected="1 or more")
        found = self._find(features)
        numbers, chosen = self._choose(found, ids, rows)
        parts = (slice(start, start + size) for start in range(0, len(chosen), size))
        return ((assemble(found, [one[part] for one in numbers]), chosen[part]) for part in parts)

    def torch_dataset(
        self, features: Sequence[str | FeatureSpec], labels: str | None = None, ids: Sequence[str] | None = None
    ) -> "FeatureDataset":
        """Return a dataset of PyTorch (`featurestore.torch_dataset.build_dataset`), which reads features lazily.

        Each example is a tensor, or of several features a tuple of tensors, and the index of the class.
        """
        from featurestore.torch_dataset import build_dataset

        return build_dataset(self, features, labels, ids)

    def _find(self, features: Iterable[str | FeatureSpec]) -> list[StoredFeature]:
        """Find features in the feature files."""
        specs = parse_features(check_encoders(self, features), self.path)
        for spec in specs:
            check_kind(self.file(spec.encoder), spec, str(spec))
        return [StoredFeature(self.file(spec.encoder), spec) for spec in specs]

    def _choose(
        self, found: Sequence[StoredFeature], ids: Sequence[str] | None, rows: ArrayLike | None
    ) -> tuple[list[np.ndarray], Any]:
        """Return the rows (N,) to copy in the file of each feature, and the utterances by id or row, as given."""
        check_one_given(ids, rows)
        if rows is not None:
            places = self._index.check(rows)
            return self._find_in_files(found, places), places
        chosen = self._default_ids(found) if ids is None else list(check_list(ids, "ids"))
        if "_manifest" not in vars(self):  # the manifest need not be read for them
            return [feature.find_rows(chosen) for feature in found], chosen
        try:
            return self._find_in_files(found, self._index.look_up(chosen)), chosen
        except KeyError:
            return [feature.find_rows(chosen) for feature in found], chosen  # which says what is missing

    def _find_in_files(self, found: Sequence[StoredFeature], rows: np.ndarray) -> list[np.ndarray]:
        places = [self._index.find_in_file(feature.file, rows) for feature in found]
        for feature, one in zip(found, places, strict=True):
            if one.size and one.min() < 0:
                feature.find_rows(self._index.list_ids(rows))  # which says what is missing
        return places

    def _default_ids(self, found: Sequence[StoredFeature]) -> list[str]:
        ids = self._index.list_complete([feature.file for feature in found])
        if len(ids) < len(self.utterances):
            missing = len(self.utterances) - len(ids)
            warnings.warn(
                f"{missing} of {len(self.utterances)} utterances lack a feature; see Store.failures()", stacklevel=4
            )
        return ids
