"""A store: one corpus, its manifest, and the finished feature files of its utterances, aligned by id."""

import hashlib
import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from featurestore import manifest, registry
from featurestore.corpora import GIVEN, ROW_NUMBERS
from featurestore.errors import BadValue, Mismatch, NotFound, UnknownName, quoted
from featurestore.exposure import Contents, Exposure, find_exposure
from featurestore.item import Item
from featurestore.manifest import Utterance
from featurestore.spec import INDEXED, FeatureSpec, is_network, parse_feature
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile

MANIFEST, CORPUS = "utterances.csv", "corpus.json"
DEFAULT = Path("features/demo")
_PAGE = 4096  # bytes


def default_path() -> Path:
    """Where the store is unless said otherwise: `$FEATURESTORE`, else `features/demo`."""
    return Path(os.environ.get("FEATURESTORE") or DEFAULT)


class Store:
    """The features of one corpus, read-only.

    Args:
        path: the store's folder.

    Raises:
        NotFound: there is no store.

    Example:
        store = Store("features/demo")
        X, blocks, ids = store.matrix(["audio.mean", "text.mean"])
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not (self.path / CORPUS).is_file():
            raise NotFound(
                f"there is no feature store at {self.path}",
                do=f"cli prepare CORPUS ROOT --store {quoted(self.path)}, or name another: --store FOLDER",
            )
        self._open: dict[str, FeatureFile] = {}
        self._exposures: dict[str, Exposure] = {}

    @cached_property
    def info(self) -> dict[str, Any]:
        """What `cli prepare` recorded: corpus, version, root, counts, findings."""
        try:
            found: dict[str, Any] = json.loads((self.path / CORPUS).read_text("utf-8"))
        except ValueError as error:
            raise Mismatch(f"{self.path / CORPUS} is damaged: {error}", do="run cli prepare again") from None
        missing = [name for name in ("corpus", "root") if not isinstance(found, dict) or name not in found]
        if missing:
            raise Mismatch(f"{self.path / CORPUS} lacks {' and '.join(missing)}", do="run cli prepare again")
        return found

    @property
    def corpus(self) -> str:
        """The corpus's name."""
        return str(self.info["corpus"])

    @property
    def root(self) -> Path:
        """The folder that audio paths are relative to."""
        return Path(self.info["root"])

    @property
    def segments(self) -> bool:
        """Whether `start` and `end` cut an utterance out of its clip; else they are times in another recording."""
        return bool(self.info.get("segments", False))

    @cached_property
    def utterances(self) -> tuple[Utterance, ...]:
        """The manifest."""
        return manifest.read(self.path / MANIFEST)

    @cached_property
    def manifest_digest(self) -> str:
        """The sha256 of the manifest."""
        return manifest.digest(self.path / MANIFEST)

    def encoders(self) -> list[str]:
        """The names of the finished feature files."""
        return sorted(path.stem for path in self.path.glob("*.h5") if not path.name.startswith("."))

    def file(self, encoder: str) -> FeatureFile:
        """The feature file of an encoder.

        Raises:
            UnknownName: there is none of that name.
            Mismatch: it was made from another manifest than the store has now.
        """
        if encoder not in self._open:
            known = self.encoders()
            if not known:
                raise NotFound(f"{self.path} holds no features yet", do=self._extract)
            what = f"encoder {encoder!r} in {self.path}"
            registry.check(encoder, known, what=what, do=f"cli inspect {quoted(self.path)}")
            self._open[encoder] = self._fresh(FeatureFile(self.path / f"{encoder}.h5"))
        return self._open[encoder]

    def default_features(self) -> list[str]:
        """Of every encoder, tuned fold by fold or not: `mean` (or `functionals`) and, where there are any, `logits`."""
        found = []
        files = {encoder.partition("@")[0]: encoder for encoder in reversed(self.encoders())}  # `text` before `text@1`
        for encoder, file in sorted(files.items()):
            kinds = self.file(file).kinds
            found += [f"{encoder}.{kind}" for kind in ("mean", "functionals", "logits") if kind in kinds]
        if not found:
            raise NotFound(f"{self.path} holds no features yet", do=self._extract)
        return found

    def available(self, features: Iterable[str]) -> list[str]:
        """The utterances that every feature has, in manifest order."""
        files = [self.file(spec.encoder) for spec in self._specs(features)]
        return [utterance.id for utterance in self.utterances if all(utterance.id in file.rows for file in files)]

    def failures(self, features: Iterable[str]) -> dict[str, str]:
        """The utterances that an encoder of these features could not encode, and why."""
        files = {spec.encoder: self.file(spec.encoder) for spec in self._specs(features)}
        return {name: f"{encoder}: {why}" for encoder, file in files.items() for name, why in file.failed.items()}

    def trained_on(self, encoder: str) -> frozenset[str]:
        """Find the utterances of this store that the encoder was fine-tuned on, as ids.

        They are known by id and by content, of whatever corpus they were (`featurestore.exposure.find_exposure`).
        """
        return frozenset(self.exposure(encoder).known)

    def exposure(self, encoder: str, beside: Contents | None = None) -> Exposure:
        """Find the utterances that the encoder was fine-tuned on, how each is known, and those that may be such.

        Args:
            encoder: the name of its feature file.
            beside: the utterances of another store, which the encoder may have been fine-tuned on instead.
        """
        if beside is not None:
            return self._find_exposure(encoder, beside)
        if encoder not in self._exposures:
            self._exposures[encoder] = self._find_exposure(encoder, None)
        return self._exposures[encoder]

    def _find_exposure(self, encoder: str, beside: Contents | None) -> Exposure:
        file = self.file(encoder)
        if not file.trained_on:
            return Exposure({})
        found = find_exposure(file.trained_on, self.known_by(encoder), file.header.modality, self.clip_digest, beside)
        numbers = self.row_numbers  # which mean nothing by themselves
        return Exposure(found.known, tuple(name for name in found.suspects if name not in numbers))

    def known_by(self, encoder: str) -> Contents:
        """Give what the utterances are known by: their contents, and which of their ids were made up."""
        return Contents(self.contents(encoder), self.made_up)

    @cached_property
    def made_up(self) -> dict[str, str]:
        """The ids that the corpus's reader made up, with the sha256 of the rows that it made them from."""
        if self.info.get("ids", GIVEN) == GIVEN:
            return {}
        rows = "".join(f"{row.id}\0{row.audio}\0{row.text}\n" for row in self.utterances)
        names = self.info.get("made_up_ids") or [row.id for row in self.utterances]
        return dict.fromkeys(names, hashlib.sha256(rows.encode()).hexdigest())

    @property
    def row_numbers(self) -> frozenset[str]:
        """The ids that were made of row numbers, which move when a row is inserted or deleted."""
        return frozenset(self.made_up) if self.info.get("ids") == ROW_NUMBERS else frozenset()

    def contents(self, encoder: str) -> dict[str, str]:
        """Give the sha256 of what each vector was made from, by id: the decoded samples, or the words.

        It is empty for a file that an older version or another program wrote.
        """
        file = self.file(encoder)
        return dict(zip(file.ids, file.contents, strict=True))

    def clip_digest(self, utterance_id: str) -> str:
        """Compute the sha256 of an utterance's decoded samples; empty where it has no usable clip."""
        return self.item(self._by_id[utterance_id]).clip_digest()

    @cached_property
    def _by_id(self) -> dict[str, Utterance]:
        return {row.id: row for row in self.utterances}

    def item(self, utterance: Utterance) -> Item:
        """Make what an encoder is given of an utterance."""
        clip = self.root / utterance.audio if utterance.audio else None
        if not self.segments:
            return Item(utterance.id, clip, utterance.text)
        return Item(utterance.id, clip, utterance.text, utterance.start, utterance.end)

    def describe(self, encoder: str) -> dict[str, Any]:
        """How an encoder's vectors were made, as stored."""
        return self.file(encoder).header.encoder

    def modality(self, encoder: str) -> str:
        """`audio` or `text`."""
        return self.file(encoder).header.modality

    def digests(self, encoder: str) -> dict[str, str]:
        """The digest of each dataset of an encoder's file."""
        return self.file(encoder).header.digests

    def kinds(self, encoder: str) -> list[str]:
        """What features an encoder has; every layer by its number, `frames` by none."""
        file = self.file(encoder)
        layers = [f"layers[{number}]" for number in range(file["layers"].shape[1])] if "layers" in file else []
        return [kind for kind in file.kinds if kind not in ("layers", "frames")] + layers

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy in another process opens the store for itself."""
        return type(self), (self.path,)

    def matrix(
        self, features: Sequence[str], ids: Sequence[str] | None = None
    ) -> tuple[np.ndarray, dict[str, int], list[str]]:
        """Features side by side, one row per utterance.

        Args:
            features: for example `["audio.mean", "text.logits"]`; `audio.frames[170]` is the first 170 frames,
                flattened and zero-padded; `audio.layers[6]` is one layer.
            ids: which utterances, in which order; by default every one that has all features, in manifest order,
                with a warning where that leaves any out.

        Returns:
            X, float32 (N, sum of D); the width of each feature by name, in order; the id of each row.

        Raises:
            UnknownName: a feature or an utterance that is not there.
        """
        specs = self._specs(features)
        rows = self._default_ids(features) if ids is None else list(ids)
        widths = {str(spec): self._width(spec) for spec in specs}
        return self._side_by_side(specs, widths, self._places(specs, rows)), widths, rows

    def batches(
        self, features: Sequence[str], ids: Sequence[str] | None = None, size: int = 1024
    ) -> Iterator[tuple[np.ndarray, list[str]]]:
        """The matrix of features, some rows at a time: memory is that of one batch, whatever the store holds.

        Args:
            features: as for `matrix`.
            ids: which utterances, in which order; by default every one that has all features.
            size: rows in a batch; the last may have fewer.

        Returns:
            an iterator of X, float32 (size, sum of D), and the ids of its rows.

        Example:
            for X, ids in store.batches(["audio.mean"], size=4096):
                model.partial_fit(X, labels(ids))
        """
        if size < 1:
            raise BadValue("a batch must have rows", expected="size 1 or more", got=str(size))
        specs = self._specs(features)
        rows = self._default_ids(features) if ids is None else list(ids)
        return self._batches(specs, rows, self._places(specs, rows), size)

    def _batches(
        self, specs: Sequence[FeatureSpec], ids: list[str], places: Sequence[np.ndarray], size: int
    ) -> Iterator[tuple[np.ndarray, list[str]]]:
        widths = {str(spec): self._width(spec) for spec in specs}
        for start in range(0, len(ids), size):
            part = slice(start, start + size)
            yield self._side_by_side(specs, widths, [rows[part] for rows in places]), ids[part]

    def _side_by_side(
        self, specs: Sequence[FeatureSpec], widths: Mapping[str, int], places: Sequence[np.ndarray]
    ) -> np.ndarray:
        X = _empty(len(places[0]), sum(widths.values()), beside=self._source(specs[0]))
        start = 0
        for spec, width, rows in zip(specs, widths.values(), places, strict=True):
            self._fill(X[:, start : start + width], spec, rows)
            start += width
        return X

    @property
    def _extract(self) -> str:
        """The command that fills the store."""
        return f"cli extract --store {quoted(self.path)}"

    def _specs(self, features: Iterable[str]) -> list[FeatureSpec]:
        specs = [parse_feature(feature) for feature in features]
        if not specs:
            raise BadValue("no feature was asked for", do=f"cli inspect {quoted(self.path)} lists them")
        for spec in specs:
            file = self.file(spec.encoder)
            registry.check(
                spec.kind,
                file.kinds,
                what=f"feature {str(spec)!r}: {spec.encoder} has no {spec.kind}",
                do=f"{file.again} --{spec.kind}" if spec.kind in INDEXED and is_network(file.header.encoder) else "",
            )
        twice = [str(spec) for index, spec in enumerate(specs) if spec in specs[:index]]
        if twice:
            raise BadValue(f"feature {twice[0]} is asked for twice")
        return specs

    def _default_ids(self, features: Sequence[str]) -> list[str]:
        ids = self.available(features)
        if len(ids) < len(self.utterances):
            left_out = len(self.utterances) - len(ids)
            warnings.warn(
                f"{left_out} of {len(self.utterances)} utterances lack a feature; see failures()", stacklevel=3
            )
        return ids

    def _places(self, specs: Sequence[FeatureSpec], ids: Sequence[str]) -> list[np.ndarray]:
        """The row of each utterance in the file of each feature; raises UnknownName where there is none."""
        return [self._rows(spec, ids) for spec in specs]

    def _rows(self, spec: FeatureSpec, ids: Sequence[str]) -> np.ndarray:
        file = self.file(spec.encoder)
        if ids == file.ids:
            return np.arange(len(ids))
        try:
            return _look_up(file.rows, ids)
        except KeyError:
            absent = [name for name in ids if name not in file.rows]
            reason = file.failed.get(absent[0], "not in the manifest")
            raise UnknownName(
                f"{len(absent)} of {len(ids)} utterances have no {spec}: {', '.join(absent[:5])}",
                got=f"{absent[0]}: {reason}",
                do="leave them out: Store.available(features) lists those that have every feature",
            ) from None

    def _width(self, spec: FeatureSpec) -> int:
        file = self.file(spec.encoder)
        if spec.kind == "frames":
            return (spec.index or 0) * int(file["frames/value"].shape[1])
        if spec.kind == "layers" and (spec.index or 0) >= file["layers"].shape[1]:
            raise UnknownName(f"{file.path} has no layer {spec.index}", expected=f"0 to {file['layers'].shape[1] - 1}")
        return int(file[spec.kind].shape[-1])

    def _source(self, spec: FeatureSpec) -> np.ndarray:
        file = self.file(spec.encoder)
        return file[schema.VALUES if spec.kind == "frames" else spec.kind]

    def _fill(self, block: np.ndarray, spec: FeatureSpec, rows: np.ndarray) -> None:
        file = self.file(spec.encoder)
        if spec.kind == "frames":
            self._fill_frames(block, spec, rows)
            return
        values = file["layers"][:, spec.index] if spec.kind == "layers" else file[spec.kind]
        if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
            block[:] = values[rows[0] : rows[0] + len(rows)]  # neighbours: one copy, nothing gathered
        elif block.flags.c_contiguous and values.dtype == block.dtype:
            np.take(values, rows, axis=0, out=block, mode="clip")  # straight into place; the rows are there
        else:
            block[:] = values[rows]

    def _fill_frames(self, block: np.ndarray, spec: FeatureSpec, rows: np.ndarray) -> None:
        file = self.file(spec.encoder)
        offsets, values = file["frames/offset"], file["frames/value"]
        block[:] = 0
        for line, row in enumerate(rows):
            frames = values[offsets[row] : offsets[row + 1]][: spec.index]
            block[line, : frames.size] = frames.reshape(-1)

    def _fresh(self, file: FeatureFile) -> FeatureFile:
        if file.header.manifest != self.manifest_digest:
            raise Mismatch(
                f"{file.path} was made from another manifest than {self.path / MANIFEST}",
                expected=f"manifest {self.manifest_digest[:12]}",
                got=f"manifest {file.header.manifest[:12]}",
                do=file.again,
            )
        return file


def _look_up(rows: Mapping[str, int], ids: Sequence[str]) -> np.ndarray:
    """The row of each id (N,), int64.

    `itemgetter` takes hold of every id before it looks up the first: ids lie all over memory, and fetched side by side
    they take 0.6 of the time that they take one after another.
    """
    if len(ids) < 2:  # of a single key it gives no tuple
        return np.array([rows[name] for name in ids], np.int64)
    return np.array(itemgetter(*ids)(rows), np.int64)


def _empty(rows: int, columns: int, beside: np.ndarray) -> np.ndarray:
    """A float32 matrix that lies in its memory pages as the array that will be copied into it.

    Where a source lies just below its target, modulo the page of 4,096 bytes, every load of a copy waits for the
    store before it, and copying takes two to three times as long; where HDF5 puts a dataset is chance.
    """
    memory = np.empty(rows * columns * 4 + _PAGE, np.uint8)
    shift = (beside.ctypes.data - memory.ctypes.data) % _PAGE
    return memory[shift : shift + rows * columns * 4].view(np.float32).reshape(rows, columns)
