"""Specify a run: all that shapes it, and the digest that identifies it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.evaluation.fold_features import FoldFeatures
from benchmarks.evaluation.head_settings import default_params, search_space
from benchmarks.evaluation.permutation_importance import ModalityFeatures
from benchmarks.evaluation.source import FeatureSource
from featurestore import registry
from featurestore.folds.fold import Fold
from featurestore.normalization import NONE, SPEAKER
from featurestore.spec import FeatureSpec


@dataclass(frozen=True)
class RunSpec:
    """All that shapes a run except the vectors, and its names and leaks, which are known before it runs.

    Args:
        head: its registry name.
        params: constructor arguments that differ from the defaults.
        inputs: the features that the fold reads.
        fold: training, dev and test ids.
        classes: class by id.
        normalize: `none`, `global` or `speaker`.
        speakers: by id, where `normalize` is `speaker`.
        search: how many settings to try on dev; 0 takes `params`.
        seed: of a stochastic head, of the search, and of the draws of a learning curve or a permutation.
        train_size: the part of training that `fold` was reduced to (`reduce_training`).
        permuted: the modality whose test rows are permuted; None where none is.
        system: the name of the system that the run belongs to. The same run of two systems is two runs.
        feature_set: name of the feature set.
        logits: how logits of training utterances are taken (`ResolvedFeatures.logits`).
        protocol: its registry name.
        leak: which encoder was fine-tuned on test utterances; empty where none was.
    """

    head: str
    params: Mapping[str, Any]
    inputs: FoldFeatures
    fold: Fold
    classes: Mapping[str, str]
    normalize: str = NONE
    speakers: Mapping[str, str] = field(default_factory=dict)
    search: int = 0
    seed: int = 0
    train_size: float = 1.0
    permuted: ModalityFeatures | None = None
    system: str = ""
    feature_set: str = ""
    logits: str = ""
    protocol: str = ""
    leak: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """The features as the user names them, in column order."""
        return tuple(map(str, self.inputs.features))

    @property
    def training(self) -> list[str]:
        """The ids to fit on, sorted, so that the order of the manifest decides nothing.

        With a search they include dev: the head is fitted on both once settings are chosen.
        """
        return sorted([*self.fold.train, *self.fold.dev] if self.search else self.fold.train)


def digest(store: FeatureSource, spec: RunSpec, versions: Mapping[str, str]) -> str:
    """Compute the sha256 of everything that shapes a run and its record.

    It covers the bytes of the features, the head's source, the libraries' versions, and the utterances that the
    encoders were fine-tuned on: these decide what leaks, and which encoder's logits are taken. The keys are those of
    the first version: another key would run every finished run again.
    """
    fold, inputs = spec.fold, spec.inputs
    ids = {*fold.train, *fold.dev, *fold.test}
    content: dict[str, Any] = {
        "head": spec.head,
        "source": registry.hash_source("heads", spec.head),
        "params": {name: repr(value) for name, value in sorted({**default_params(spec.head), **spec.params}.items())},
        "system": spec.system,
        "features": spec.features,
        "mean": inputs.mean,
        "files": {str(file): _list_digests(store, file) for file in inputs.all_files},
        "parts": {str(feature): list(map(str, parts)) for feature, parts in inputs.parts.items()},
        "tuned_on": {name: sorted(store.trained_on(name) & ids) for name in inputs.all_encoders},
        "fold": [fold.name, *(sorted(part) for part in (fold.train, fold.dev, fold.test)), *map(sorted, fold.turns)],
        "classes": {utterance_id: spec.classes[utterance_id] for utterance_id in ids},
        "normalize": spec.normalize,
        "speakers": spec.speakers if spec.normalize == SPEAKER else {},
        "tune": [spec.search, repr(sorted(search_space(spec.head).items()))] if spec.search else 0,
        "seed": spec.seed,
        "versions": versions,
    }
    content |= {"share": spec.train_size} if spec.train_size < 1 else {}
    content |= {"shuffle": [spec.permuted.modality, *spec.permuted.features]} if spec.permuted else {}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _list_digests(store: FeatureSource, file: FeatureSpec) -> dict[str, str]:
    """List the digests of the datasets that one feature is read from."""
    digests = store.digests(file.encoder)
    return {name: value for name, value in digests.items() if name == "id" or name.partition("/")[0] == file.kind}
