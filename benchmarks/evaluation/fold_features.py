"""Find and read the feature files of a fold.

The file `text@FOLD.h5` is of an encoder that was fine-tuned on that fold's training part. `text@FOLD-x1.h5` to
`text@FOLD-xK.h5` are of encoders that were each fine-tuned on all but a K-th of it. The feature keeps its plain name,
`text.mean` or `text.logits`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate, pairwise

import numpy as np

from benchmarks.evaluation.feature_sets import FeatureSet
from benchmarks.evaluation.source import FeatureSource
from featurestore.errors import BadValue, Mismatch
from featurestore.folds.fold import Fold
from featurestore.spec import FeatureSpec
from featurestore.streaming import stream
from heads import Block, Frames, Inputs, StreamedMatrix

CROSS_FITTED, MEAN, IN_SAMPLE = "cross-fitted", "cross-fitted-mean", "in-sample"
LOGITS = (CROSS_FITTED, MEAN, IN_SAMPLE)
UNSEEN = ("", CROSS_FITTED, MEAN)  # no encoder scores an utterance that it was fine-tuned on


FeaturePair = tuple[FeatureSpec, FeatureSpec]  # as the user names it, and as it is read


@dataclass(frozen=True)
class FoldFeatures:
    """The features that one fold reads.

    Args:
        features: as the user names them, in column order.
        files: the same as read: `text@1.mean` where the fold has its own encoders.
        parts: by feature, the logits of the cross-fitted encoders; empty if the store has none or in-sample logits are
            chosen.
        mean: the test part takes the mean of `parts`, not the scores of the encoder fine-tuned on all of training.
        words: the transcript that a head of words alone reads; empty for the words of the corpus.
    """

    features: tuple[FeatureSpec, ...]
    files: tuple[FeatureSpec, ...]
    parts: Mapping[FeatureSpec, tuple[FeatureSpec, ...]] = field(default_factory=dict)
    mean: bool = False
    words: str = ""

    @property
    def encoders(self) -> dict[str, str]:
        """The feature file of each encoder, by the encoder's plain name."""
        return {feature.encoder: file.encoder for feature, file in zip(self.features, self.files, strict=True)}

    @property
    def all_files(self) -> list[FeatureSpec]:
        """Every feature that is read, each once."""
        return list(dict.fromkeys([*self.files, *(part for parts in self.parts.values() for part in parts)]))

    @property
    def all_encoders(self) -> list[str]:
        """The name of every feature file that is read, each once."""
        return list(dict.fromkeys(file.encoder for file in self.all_files))

    def read(self, store: FeatureSource, utterance_ids: Sequence[str], *, streamed: bool = False) -> Inputs:
        """Read the rows of utterances: columns in float32, and frames that stay on disk until they are used.

        An utterance that the fold's encoder was fine-tuned on gets the logits of the encoder that did not see it.

        Args:
            store: the features.
            utterance_ids: of the rows.
            streamed: whether the columns, too, stay on disk until they are used, as a `heads.StreamedMatrix`.

        Returns:
            One row for each utterance, all of them targets. Features are called as the user names them.

        Raises:
            Mismatch: every encoder was fine-tuned on it.
        """
        pairs = list(zip(self.features, self.files, strict=True))
        flat = [(feature, file) for feature, file in pairs if not file.is_ragged]
        blocks = tuple(
            Block(str(feature), store.modality(file.encoder), store.shape(str(file))) for feature, file in flat
        )
        read = self._stream_columns if streamed and flat else self._read_columns
        X = read(store, flat, blocks, utterance_ids)
        frames = (
            Frames(str(feature), store.modality(file.encoder), store.frames(str(file), utterance_ids))
            for feature, file in pairs
            if file.is_ragged
        )
        return Inputs(X, blocks, tuple(frames))

    def _read_columns(
        self, store: FeatureSource, flat: Sequence[FeaturePair], blocks: Sequence[Block], ids: Sequence[str]
    ) -> np.ndarray:
        if not flat:
            return np.empty((len(ids), 0), np.float32)
        X = store.matrix([str(file) for _, file in flat], ids)[0]
        for (feature, file), columns in zip(flat, _list_columns(blocks), strict=True):
            if feature in self.parts:
                self._cross_fit(store, feature, file, ids, X[:, columns])
        return X

    def _stream_columns(
        self, store: FeatureSource, flat: Sequence[FeaturePair], blocks: Sequence[Block], ids: Sequence[str]
    ) -> StreamedMatrix:
        """Return columns that are read when they are used. Cross-fitted logits, which are few, are in memory."""
        X = stream(store, [str(file) for _, file in flat], ids)
        for (feature, file), columns in zip(flat, _list_columns(blocks), strict=True):
            if feature in self.parts:
                logits = store.matrix([str(file)], ids)[0]
                self._cross_fit(store, feature, file, ids, logits)
                X = X.map(partial(_replace_columns, columns, logits))
        return X

    def _cross_fit(
        self, store: FeatureSource, feature: FeatureSpec, file: FeatureSpec, ids: Sequence[str], block: np.ndarray
    ) -> None:
        """Replace the rows that the encoder was fine-tuned on, and all others where `mean`."""
        seen = store.trained_on(file.encoder)
        missing = {row for row, utterance_id in enumerate(ids) if utterance_id in seen}
        unseen = [row for row in range(len(ids)) if row not in missing] if self.mean else []
        if unseen:
            tested = [ids[row] for row in unseen]
            block[unseen] = np.mean([store.matrix([str(part)], tested)[0] for part in self.parts[feature]], axis=0)
        for part in self.parts[feature]:
            seen_by_part = store.trained_on(part.encoder)
            rows = [row for row in sorted(missing) if ids[row] not in seen_by_part]
            if rows:
                block[rows] = store.matrix([str(part)], [ids[row] for row in rows])[0]
                missing -= set(rows)
        if missing:
            raise Mismatch(
                f"{len(missing)} training utterances have no cross-fitted {feature}, {ids[min(missing)]} among them: "
                "every encoder was fine-tuned on them, or on a copy under another id",
                do="remove one of each copy from the corpus, or run cli finetune --crossfit K and cli extract "
                "--all-folds again, or use --logits in-sample",
            )


@dataclass(frozen=True)
class ResolvedFeatures:
    """A feature set with the feature files that each fold reads.

    Args:
        name: of the set.
        folds: in the order of the folds.
        logits: which encoders give the logits of training utterances, over all folds: one of `LOGITS`, `partly` one
            of them, or empty if no encoder was fine-tuned on a training utterance.
    """

    name: str
    folds: tuple[FoldFeatures, ...]
    logits: str

    @property
    def features(self) -> tuple[FeatureSpec, ...]:
        """The features as the user names them."""
        return self.folds[0].features


def resolve(
    store: FeatureSource, feature_set: FeatureSet, folds: Sequence[Fold], logits: str = CROSS_FITTED
) -> ResolvedFeatures:
    """Find the files that each fold reads: its own encoders and cross-fitted logits if the store has them.

    Args:
        store: features of one corpus.
        feature_set: with its features.
        folds: of the protocol.
        logits: `cross-fitted` (training: the encoder that did not see the utterance; test: the one fine-tuned on all of
            training), `cross-fitted-mean` (test: the mean of the K), or `in-sample` (the one fine-tuned on all of
            training for both, over-confident in training).

    Raises:
        BadValue: the kind of logits is unknown.
        Mismatch: some folds have their own encoder, and others do not.
    """
    check_logits(logits)
    own = {
        encoder: _has_own_encoders(store, encoder, folds)
        for encoder in {feature.encoder for feature in feature_set.features}
    }
    found = tuple(
        replace(_resolve_fold(store, feature_set.features, fold.name, own, logits), words=feature_set.words)
        for fold in folds
    )
    return ResolvedFeatures(feature_set.name, found, _describe_logits(store, found, folds, logits))


def list_distinct(features: Iterable[ResolvedFeatures]) -> list[ResolvedFeatures]:
    """List feature sets, each once, in the order of their first."""
    found: list[ResolvedFeatures] = []
    for one in features:
        found += [one] if one not in found else []  # not hashable
    return found


def check_logits(logits: str) -> None:
    """Check the name of a kind of logits.

    Raises:
        BadValue: it is unknown.
    """
    if logits not in LOGITS:
        raise BadValue(f"unknown logits {logits!r}", expected=", ".join(LOGITS))


def _list_columns(blocks: Iterable[Block]) -> list[slice]:
    """List which columns each block has."""
    ends = list(accumulate((block.width for block in blocks), initial=0))
    return [slice(*pair) for pair in pairwise(ends)]


def _replace_columns(columns: slice, by: np.ndarray, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    values[:, columns] = by[rows]
    return values


def _resolve_fold(
    store: FeatureSource, features: Sequence[FeatureSpec], fold: str, own: Mapping[str, bool], logits: str
) -> FoldFeatures:
    files = [replace(one, encoder=f"{one.encoder}@{fold}") if own[one.encoder] else one for one in features]
    parts = {
        feature: tuple(FeatureSpec(name, "logits") for name in found)
        for feature in features
        if feature.kind == "logits" and own[feature.encoder] and logits != IN_SAMPLE
        if (found := _list_parts(store.encoders(), f"{feature.encoder}@{fold}"))
    }
    return FoldFeatures(tuple(features), tuple(files), parts, logits == MEAN and bool(parts))


def _describe_logits(store: FeatureSource, features: Sequence[FoldFeatures], folds: Sequence[Fold], logits: str) -> str:
    ways = {
        logits if feature in one.parts else IN_SAMPLE
        for fold, one in zip(folds, features, strict=True)
        for feature, file in zip(one.features, one.files, strict=True)
        if file.kind == "logits" and store.trained_on(file.encoder) & {*fold.train, *fold.dev}
    }
    return f"partly {logits}" if len(ways) > 1 else next(iter(ways), "")


def _has_own_encoders(store: FeatureSource, encoder: str, folds: Iterable[Fold]) -> bool:
    wanted, names = [f"{encoder}@{fold.name}" for fold in folds], set(store.encoders())
    missing = [name for name in wanted if name not in names]
    if missing and len(missing) < len(wanted):
        raise Mismatch(
            f"encoder {encoder} is fine-tuned per fold and lacks {len(missing)} of {len(wanted)} folds",
            expected=f"{', '.join(missing[:5])} in {store.path}",
            do="cli finetune --all-folds --out D, then cli extract --all-folds --encoder NAME=D",
        )
    return not missing


def _list_parts(names: Iterable[str], encoder: str) -> list[str]:
    return sorted(name for name in names if re.fullmatch(re.escape(encoder) + r"-x\d+", name))
