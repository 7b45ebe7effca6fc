"""Specify a run: everything that its result depends on, and the digest that identifies it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.evaluation.fold_features import FoldFeatures
from benchmarks.evaluation.head_settings import default_params, search_space
from benchmarks.evaluation.hidden_modality import HiddenModality
from benchmarks.evaluation.missing_policy import MissingPolicy
from benchmarks.evaluation.permutation_importance import ModalityFeatures
from benchmarks.evaluation.soft_labels import LABELS, VOTES
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.surroundings import Surroundings
from benchmarks.evaluation.value_targets import Ratings, name_kind
from benchmarks.statistics.metrics import METRIC
from featurestore import registry
from featurestore.folds.fold import Fold
from featurestore.normalization import NONE, SPEAKER
from featurestore.spec import FeatureSpec


@dataclass(frozen=True)
class RunSpec:
    """Everything that a run depends on except the vectors, and its names in the results.

    Args:
        head: its registry name.
        params: constructor arguments that differ from the defaults.
        inputs: the features that the fold reads.
        fold: training, dev and test ids.
        classes: class by id.
        normalize: `none`, `global` or `speaker`.
        speakers: by id, where `normalize` is `speaker`.
        search: how many settings to draw and try on dev; 0 for no search.
        seed: of a stochastic head, of the search, and of the sample of a learning curve or a permutation.
        train_size: the part of training that `fold` still holds (`reduce_training`).
        permuted: the modality whose test rows are permuted, or None.
        system: the name of the system that the run belongs to. The same run of two systems is two runs.
        feature_set: name of the feature set.
        logits: which encoders give the logits of training utterances (`ResolvedFeatures.logits`).
        protocol: its registry name.
        leak: which encoder was fine-tuned on test utterances, or an empty string.
        surroundings: what the head reads beside the features: the dialogues around the turns, the transcripts.
        flaw: the protocol flaw that the run measures: a protocol, or `best epoch on test`; empty for an honest run.
        metric: full name of the metric that the search chooses settings by.
        distributions: shares of the votes by class, by id, which the head learns in place of the classes; None for the
            classes.
        stream: whether rows are read in batches: `auto`, where the matrix is large for the memory; `always`; `never`.
            It is no part of the digest, since the results are equal within the solver's tolerance.
        targets: names of the columns whose values are predicted; empty where classes are. `classes` then only balance
            the parts of a split.
        ratings: a value of each target by id; empty where classes are predicted.
        missing: what is done with utterances that lack a modality; None if the fold has none of them.
        hidden: the modality that a share of the test utterances is predicted without, or None.
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
    surroundings: Surroundings = field(default_factory=Surroundings)
    flaw: str = ""
    metric: str = METRIC
    stream: str = "auto"
    missing: MissingPolicy | None = None
    hidden: HiddenModality | None = None
    distributions: Mapping[str, Mapping[str, float]] | None = None
    targets: tuple[str, ...] = ()
    ratings: Ratings = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The registry's kind of its head: `heads`, or `regressors` where values are predicted."""
        return name_kind(self.targets)

    @property
    def context(self) -> str:
        """What the head sees of a dialogue: `whole dialogue`, `past turns`, or nothing (empty)."""
        return self.surroundings.context

    @property
    def change(self) -> ModalityFeatures | HiddenModality | None:
        """What is changed in the test part, or None."""
        return self.hidden or self.permuted

    @property
    def train_on(self) -> str:
        """What the head learns from: `labels` or `votes`."""
        return LABELS if self.distributions is None else VOTES

    @property
    def features(self) -> tuple[str, ...]:
        """The features as the user names them, in column order."""
        return tuple(map(str, self.inputs.features))

    @property
    def training(self) -> list[str]:
        """The ids to fit on, sorted so that the order of the manifest has no effect.

        After a search, the head is fitted on dev too.
        """
        return sorted([*self.fold.train, *self.fold.dev] if self.search else self.fold.train)


def digest(store: FeatureSource, spec: RunSpec, versions: Mapping[str, str]) -> str:
    """Compute the sha256 of everything that a run and its record depend on.

    It covers the bytes of the features, the head's source, the libraries' versions, and the utterances that the
    encoders were fine-tuned on, which determine leaks and cross-fitted logits. The keys are those of the first version:
    another key would run every finished run again.
    """
    fold, inputs = spec.fold, spec.inputs
    around, ids = spec.surroundings, {*fold.train, *fold.dev, *fold.test}
    content: dict[str, Any] = {
        "head": spec.head,
        "source": registry.hash_source(spec.kind, spec.head),
        "params": {
            name: repr(value) for name, value in sorted({**default_params(spec.head, spec.kind), **spec.params}.items())
        },
        "system": spec.system,
        "features": spec.features,
        "mean": inputs.mean,
        "files": {str(file): _list_digests(store, file) for file in inputs.all_files},
        "parts": {str(feature): list(map(str, parts)) for feature, parts in inputs.parts.items()},
        "tuned_on": {
            name: sorted(store.trained_on(name) & {*ids, *around.context_ids}) for name in inputs.all_encoders
        },
        "fold": [fold.name, *(sorted(part) for part in (fold.train, fold.dev, fold.test)), *map(sorted, fold.turns)],
        "classes": {utterance_id: spec.classes[utterance_id] for utterance_id in ids},
        "normalize": spec.normalize,
        "speakers": spec.speakers if spec.normalize == SPEAKER else {},
        "tune": [spec.search, repr(sorted(search_space(spec.head, kind=spec.kind).items()))] if spec.search else 0,
        "seed": spec.seed,
        "versions": versions,
    }
    content |= {"share": spec.train_size} if spec.train_size < 1 else {}
    content |= {"turns": around.turns, "context": sorted(around.context_ids)} if around.turns else {}
    content |= {"words": around.words} if around.words else {}
    content |= {"metric": spec.metric} if spec.search and spec.metric != METRIC else {}
    content |= {"flaw": spec.flaw} if spec.flaw else {}
    content |= {"distributions": spec.distributions} if spec.distributions is not None else {}
    content |= {"shuffle": [spec.permuted.modality, *spec.permuted.features]} if spec.permuted else {}
    content |= {"targets": spec.targets, "ratings": {one: spec.ratings[one] for one in ids}} if spec.targets else {}
    content |= {"missing": [spec.missing.mode, spec.missing.dropout]} if spec.missing else {}
    content |= {"hidden": [spec.hidden.modality, spec.hidden.share]} if spec.hidden else {}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _list_digests(store: FeatureSource, file: FeatureSpec) -> dict[str, str]:
    """List the digests of the datasets that one feature is read from."""
    digests = store.digests(file.encoder)
    return {name: value for name, value in digests.items() if name == "id" or name.partition("/")[0] == file.kind}
