"""Which feature files a fold reads: encoders tuned per fold, and logits of encoders that did not see the utterance.

A file `text@FOLD.h5` is of an encoder tuned on that fold's training part, `text@FOLD-x1.h5` to `text@FOLD-xK.h5` of
encoders each tuned on that part but for a K-th of it. The feature is `text.mean` or `text.logits` all the same.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.evaluation.source import Store
from featurestore.errors import BadValue, Mismatch
from featurestore.folds.fold import Fold
from featurestore.spec import parse_feature

CROSS_FITTED, MEAN, IN_SAMPLE = "cross-fitted", "cross-fitted-mean", "in-sample"
LOGITS = (CROSS_FITTED, MEAN, IN_SAMPLE)
UNSEEN = ("", CROSS_FITTED, MEAN)  # ways in which no encoder scores what it was tuned on


@dataclass(frozen=True)
class Inputs:
    """What the rows of one fold are made of.

    Args:
        features: as asked for, in column order.
        files: the same of the fold's own encoders where there are any: `text@1.mean`.
        parts: by feature, the logits of the encoders that each saw all but a part of training; empty where there are
            none or they are not wanted.
        mean: the test part takes the mean of those, not the scores of the encoder tuned on all of training.
    """

    features: tuple[str, ...]
    files: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mean: bool = False

    @property
    def encoders(self) -> dict[str, str]:
        """The encoders by the name that was asked for."""
        pairs = zip(self.features, self.files, strict=True)
        return {parse_feature(asked).encoder: parse_feature(file).encoder for asked, file in pairs}

    @property
    def all_files(self) -> list[str]:
        """Every feature that is read, each once."""
        return list(dict.fromkeys([*self.files, *(part for parts in self.parts.values() for part in parts)]))

    @property
    def every_encoder(self) -> list[str]:
        """The feature files that are read, each once."""
        return list(dict.fromkeys(parse_feature(file).encoder for file in self.all_files))

    def matrix(self, store: Store, ids: Sequence[str]) -> tuple[np.ndarray, dict[str, int]]:
        """X (N, sum of D) and the width of each feature by the name that was asked for.

        An utterance that the fold's encoder was tuned on gets the logits of the encoder that did not see it.

        Raises:
            Mismatch: every one of those encoders saw it.
        """
        X, widths, _ = store.matrix(self.files, ids)
        blocks = dict(zip(self.features, widths.values(), strict=True))
        start = 0
        for asked, file, width in zip(self.features, self.files, widths.values(), strict=True):
            if asked in self.parts:
                self._cross_fit(store, asked, file, ids, X[:, start : start + width])
            start += width
        return X, blocks

    def _cross_fit(self, store: Store, asked: str, file: str, ids: Sequence[str], block: np.ndarray) -> None:
        """Replaces the rows that the encoder itself would be over-confident on, and all others where `mean`."""
        seen = store.trained_on(parse_feature(file).encoder)
        wanting = {row for row, name in enumerate(ids) if name in seen}
        fresh = [row for row in range(len(ids)) if row not in wanting] if self.mean else []
        if fresh:
            names = [ids[row] for row in fresh]
            block[fresh] = np.mean([store.matrix([part], names)[0] for part in self.parts[asked]], axis=0)
        for part in self.parts[asked]:
            saw = store.trained_on(parse_feature(part).encoder)
            rows = [row for row in sorted(wanting) if ids[row] not in saw]
            if rows:
                block[rows] = store.matrix([part], [ids[row] for row in rows])[0]
                wanting -= set(rows)
        if wanting:
            raise Mismatch(
                f"{len(wanting)} training utterances have no cross-fitted {asked}, {ids[min(wanting)]} among them: "
                "every encoder saw them, or a copy of them under another id",
                do="leave one of each copy out of the corpus, or run cli finetune --crossfit K and cli extract "
                "--all-folds again; --logits in-sample does without",
            )


def taken(store: Store, inputs: Sequence[Inputs], folds: Sequence[Fold], way: str) -> str:
    """How the logits of training utterances are taken, over all folds.

    Returns:
        The way that was asked for, `in-sample`, or `partly cross-fitted` where only some encoders have such logits;
        empty where no encoder was tuned on a training utterance.
    """
    ways = {
        way if feature in one.parts else IN_SAMPLE
        for fold, one in zip(folds, inputs, strict=True)
        for feature, file in zip(one.features, one.files, strict=True)
        if parse_feature(file).kind == "logits"
        and store.trained_on(parse_feature(file).encoder) & {*fold.train, *fold.dev}
    }
    return f"partly {way}" if len(ways) > 1 else next(iter(ways), "")


def resolve(store: Store, features: Sequence[str], folds: Sequence[Fold], logits: str = CROSS_FITTED) -> list[Inputs]:
    """What each fold reads: its own encoders where there are any, cross-fitted logits where there are any.

    Args:
        store: features of one corpus.
        features: as asked for.
        folds: of the protocol.
        logits: `cross-fitted` (training: the encoder that did not see the utterance; test: the one tuned on all of
            training), `cross-fitted-mean` (test: the mean of the K), or `in-sample` (the one tuned on all of training
            for both, over-confident in training).

    Raises:
        BadValue: no such way of taking logits.
        Mismatch: some folds have an encoder of their own, and others not.
    """
    if logits not in LOGITS:
        raise BadValue(f"{logits!r} is no way to take logits", expected=", ".join(LOGITS))
    own = {name: _has_own(store, name, folds) for name in {parse_feature(feature).encoder for feature in features}}
    return [_inputs(store, features, fold.name, own, logits) for fold in folds]


def _inputs(store: Store, features: Sequence[str], fold: str, own: Mapping[str, bool], logits: str) -> Inputs:
    files: list[str] = []
    parts: dict[str, tuple[str, ...]] = {}
    for feature in features:
        spec = parse_feature(feature)
        files.append(str(spec).replace(spec.encoder, f"{spec.encoder}@{fold}", 1) if own[spec.encoder] else str(spec))
        if spec.kind == "logits" and own[spec.encoder] and logits != IN_SAMPLE:
            found = _parts(store.encoders(), f"{spec.encoder}@{fold}")
            parts |= {feature: tuple(f"{name}.logits" for name in found)} if found else {}
    return Inputs(tuple(features), tuple(files), parts, logits == MEAN and bool(parts))


def _has_own(store: Store, encoder: str, folds: Iterable[Fold]) -> bool:
    wanted, names = [f"{encoder}@{fold.name}" for fold in folds], set(store.encoders())
    missing = [name for name in wanted if name not in names]
    if missing and len(missing) < len(wanted):
        raise Mismatch(
            f"encoder {encoder} is tuned fold by fold and lacks {len(missing)} of {len(wanted)} folds",
            expected=f"{', '.join(missing[:5])} in {store.path}",
            do="cli finetune --all-folds --out D, then cli extract --all-folds --encoder NAME=D",
        )
    return not missing


def _parts(names: Iterable[str], full: str) -> list[str]:
    return sorted(name for name in names if re.fullmatch(re.escape(full) + r"-x\d+", name))
