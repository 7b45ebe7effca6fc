"""Open a store: one corpus, its manifest, and the finished feature files of its utterances, aligned by id."""

import importlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from featurestore import manifest
from featurestore.corpora import ROW_NUMBERS
from featurestore.errors import BadValue, Mismatch, NotFound, quote
from featurestore.exposure import Contents, Exposure
from featurestore.feature_kinds import check_kind
from featurestore.feature_matrix import StoredFeature, assemble
from featurestore.feature_names import check_encoders
from featurestore.item import Item
from featurestore.known_names import check_known
from featurestore.manifest import Utterance
from featurestore.spec import FeatureSpec, check_list, choose_default_files, parse_features
from featurestore.storage.checksum import hash_file
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.json_files import read_object
from featurestore.store_exposure import find_made_up_ids, find_store_exposure

if TYPE_CHECKING:
    from featurestore.torch_dataset import FeatureDataset

MANIFEST, CORPUS = "utterances.csv", "corpus.json"
SHARDS = "shards.json"  # only in a store that is cut into shards
DEFAULT = Path("features/demo")
_PREPARE_AGAIN = "run cli prepare again"
_MAKE_DEMO = "cli extract makes the demo store, or give the folder of another store: --store FOLDER"


class Store:
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
        self.path = Path(path)
        if not (self.path / CORPUS).is_file():
            raise NotFound(
                f"there is no feature store at {self.path}",
                do=_MAKE_DEMO
                if self.path == DEFAULT
                else f"cli prepare CORPUS ROOT --store {quote(self.path)}, or give the folder of another store",
            )
        self._files: dict[str, FeatureFile] = {}
        self._exposures: dict[str, Exposure] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the absolute path alone. A copy in another process opens its own files, from any working directory."""
        return type(self), (self.path.absolute(),)

    @cached_property
    def info(self) -> dict[str, Any]:
        """Content of corpus.json, which `cli prepare` writes: corpus, version, root, counts, findings."""
        info = read_object(self.path / CORPUS, do=_PREPARE_AGAIN)
        missing = [name for name in ("corpus", "root") if name not in info]
        if missing:
            raise Mismatch(
                f"{self.path / CORPUS} is damaged",
                expected="corpus and root",
                got=f"no {' and no '.join(missing)}",
                do=_PREPARE_AGAIN,
            )
        return info

    @property
    def corpus(self) -> str:
        """Name of the corpus."""
        return str(self.info["corpus"])

    @property
    def root(self) -> Path:
        """Folder that audio paths are relative to."""
        return Path(self.info["root"])

    @property
    def segments(self) -> bool:
        """Whether `start` and `end` select a segment of the clip. If not, they are times in another recording."""
        return bool(self.info.get("segments", False))

    @cached_property
    def utterances(self) -> tuple[Utterance, ...]:
        """The manifest."""
        return manifest.read(self.path / MANIFEST)

    @cached_property
    def manifest_digest(self) -> str:
        """The sha256 of the manifest file."""
        return hash_file(self.path / MANIFEST)

    @cached_property
    def _by_id(self) -> dict[str, Utterance]:
        return {row.id: row for row in self.utterances}

    def item(self, utterance: Utterance) -> Item:
        """Return the input of an encoder for an utterance."""
        clip = self.root / utterance.audio if utterance.audio else None
        if not self.segments:
            return Item(utterance.id, clip, utterance.text)
        return Item(utterance.id, clip, utterance.text, utterance.start, utterance.end)

    def encoders(self) -> list[str]:
        """List the names of the finished feature files."""
        return sorted(path.stem for path in self.path.glob("*.h5") if not path.name.startswith("."))

    def file(self, encoder: str) -> FeatureFile:
        """Open the feature file of an encoder.

        Raises:
            NotFound: the store has no feature files.
            UnknownName: there is none of that name.
            Mismatch: it was made from another manifest than the store has now.
        """
        if encoder not in self._files:
            if not (known := self.encoders()):
                raise self._no_features()
            what = f"encoder {encoder!r} in {self.path}"
            check_known(encoder, known, what=what, do=f"cli inspect {quote(self.path)}")
            file = FeatureFile(self.path / f"{encoder}.h5")
            self._check_manifest(file)
            self._files[encoder] = file
        return self._files[encoder]

    def describe(self, encoder: str) -> dict[str, Any]:
        """Return how an encoder's vectors were made, as stored in its file."""
        return self.file(encoder).header.encoder

    def modality(self, encoder: str) -> str:
        """Return the modality of an encoder, `audio` or `text`."""
        return self.file(encoder).header.modality

    def digests(self, encoder: str) -> dict[str, str]:
        """Return the sha256 of each dataset of an encoder's file."""
        return self.file(encoder).header.digests

    def kinds(self, encoder: str) -> list[str]:
        """List the kinds of features of an encoder, and each of its layers as `layers[NUMBER]`."""
        file = self.file(encoder)
        layers = [f"layers[{number}]" for number in range(file["layers"].shape[1])] if "layers" in file else []
        return file.kinds + layers

    def default_features(self) -> list[str]:
        """List `mean` (or `functionals`) and, if there are any, `logits` of every encoder.

        An encoder that was fine-tuned for each fold (`text@1`, `text@2`, …) is listed once, by its name without the
        fold. Files of the paper's experiment (`text@paper-fixed`) are left out.

        Raises:
            NotFound: the store has no such features.
        """
        found = []
        for encoder, file in choose_default_files(self.encoders()).items():
            kinds = self.kinds(file)
            found += [f"{encoder}.{kind}" for kind in ("mean", "functionals", "logits") if kind in kinds]
        if not found:
            raise self._no_features()
        return found

    def available(self, features: Iterable[str | FeatureSpec]) -> list[str]:
        """List the ids of the utterances that have every feature, in manifest order."""
        files = [feature.file for feature in self._find(features)]
        return [utterance.id for utterance in self.utterances if all(utterance.id in file.rows for file in files)]

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
        return dict(zip(file.ids, file.contents, strict=True))

    def clip_digest(self, utterance_id: str) -> str:
        """Return the sha256 of an utterance's decoded samples, or an empty text if it has no usable clip."""
        return self.item(self._by_id[utterance_id]).clip_digest()

    def matrix(
        self, features: Sequence[str | FeatureSpec], ids: Sequence[str] | None = None
    ) -> tuple[np.ndarray, dict[str, int], list[str]]:
        """Return features side by side, one row per utterance.

        Args:
            features: for example `["audio.mean", "text.logits"]`. `audio.frames[170]` is the first 170 frames,
                flattened and zero-padded. `audio.layers[6]` is one layer, `audio.layers` all of them side by side.
            ids: utterance ids, in the order of the rows. By default those that have every feature, in manifest order,
                with a warning if that leaves any out.

        Returns:
            X, float32 (N, sum of D); the width of each feature by name, in order; the id of each row.

        Raises:
            BadValue: no feature, the same feature twice, a text that is not a feature, or a text in place of a list.
            UnknownName: a feature or an utterance that does not exist.
        """
        found = self._find(features)
        widths = {str(feature.spec): feature.width() for feature in found}
        chosen = self._default_ids(features) if ids is None else list(check_list(ids, "ids"))
        return assemble(found, [feature.find_rows(chosen) for feature in found]), widths, chosen

    def frames(self, feature: str | FeatureSpec, ids: Sequence[str]) -> list[np.ndarray]:
        """Return all frames of each utterance, (T, D) by id, read from disk when they are used.

        It raises as `matrix` does, and for a feature such as `audio.mean` that is no sequence of frames.
        """
        return self._find([feature])[0].frames(ids)

    def shape(self, feature: str | FeatureSpec) -> tuple[int, ...]:
        """Return the shape of a feature's columns: (D,), or (L, D) for all layers."""
        return self._find([feature])[0].shape()

    def batches(
        self, features: Sequence[str | FeatureSpec], ids: Sequence[str] | None = None, size: int = 1024
    ) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Return an iterator over the rows of the matrix of features. Memory is bounded by the size of a batch.

        Args:
            features: as for `matrix`.
            ids: utterance ids, in the order of the rows. By default those that have every feature.
            size: rows in a batch; the last may have fewer.

        Returns:
            an iterator of X, float32 (size, sum of D), and the ids of its rows.

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
        chosen = self._default_ids(features) if ids is None else list(check_list(ids, "ids"))
        rows = [feature.find_rows(chosen) for feature in found]
        parts = (slice(start, start + size) for start in range(0, len(chosen), size))
        return ((assemble(found, [numbers[part] for numbers in rows]), chosen[part]) for part in parts)

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

    def _default_ids(self, features: Sequence[str | FeatureSpec]) -> list[str]:
        ids = self.available(features)
        if len(ids) < len(self.utterances):
            missing = len(self.utterances) - len(ids)
            warnings.warn(
                f"{missing} of {len(self.utterances)} utterances lack a feature; see Store.failures()", stacklevel=3
            )
        return ids

    def _no_features(self) -> NotFound:
        return NotFound(f"{self.path} holds no features yet", do=f"cli extract --store {quote(self.path)}")

    def _check_manifest(self, file: FeatureFile) -> None:
        if file.header.manifest != self.manifest_digest:
            raise Mismatch(
                f"{file.path} was made from another manifest than {self.path / MANIFEST}",
                expected=f"manifest {self.manifest_digest[:12]}",
                got=f"manifest {file.header.manifest[:12]}",
                do=file.update_command,
            )
