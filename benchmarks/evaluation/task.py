"""Define the task: a store's utterances with the classes of a label scheme, or with values, split by a protocol."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from benchmarks.evaluation.agreement import AgreementFilter, filter_by_agreement
from benchmarks.evaluation.fold_features import ResolvedFeatures
from benchmarks.evaluation.pair import Pair
from benchmarks.evaluation.recognized import find_wordless
from benchmarks.evaluation.source import FeatureSource
from benchmarks.evaluation.task_votes import LabelMaps, TaskVotes, collect_votes
from benchmarks.evaluation.value_targets import Ratings, collect_ratings, count_unrated, cut_quarters, name_kind
from featurestore import labels as schemes
from featurestore.errors import Mismatch
from featurestore.folds import fold as folding
from featurestore.folds.fold import Fold
from featurestore.head_inputs import TurnPlace, place_turns
from featurestore.manifest import list_column, map_column

SHOWN = 5  # ids in a line for the user; the result has all of them


@dataclass(frozen=True)
class Task:
    """A store's utterances that have a class, or a value of every target, and their folds.

    Args:
        store: features of one corpus.
        labels: name of the label scheme; empty where the targets are values.
        label_maps: by corpus, or by side of a pair of stores, the class of each label (None: left out). None for all
            if each label is its own class.
        classes: class by id, of the utterances that the scheme, and the agreement if there is one, keeps. Where the
            targets are values, the quarter of the first target, which only balances the parts of a split.
        protocol: its registry name.
        seed: of the split.
        folds: as the protocol splits, before anything is left out.
        votes: on the utterances that the scheme keeps.
        agreement: the utterances that are left out because raters agree too little on them; None where none may be.
        targets: names of the columns whose values are predicted; empty where classes are.
        ratings: a value of each target by id; empty where classes are predicted.
    """

    store: FeatureSource
    labels: str
    label_maps: LabelMaps
    classes: Mapping[str, str]
    protocol: str
    seed: int
    folds: tuple[Fold, ...]
    votes: TaskVotes = field(default_factory=TaskVotes)
    agreement: AgreementFilter | None = None
    targets: tuple[str, ...] = ()
    ratings: Ratings = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The registry's kind of heads for this task: `heads` or `regressors`."""
        return name_kind(self.targets)

    @property
    def speakers(self) -> dict[str, str]:
        """The speaker of every utterance, by id."""
        return map_column(self.store.utterances, "speaker")

    @cached_property
    def turns(self) -> dict[str, TurnPlace]:
        """The place of every turn that has a dialogue, by id."""
        if isinstance(self.store, Pair):
            return self.store.place_turns()
        return place_turns(self.store.utterances, segments=self.store.segments)

    def count_left_out(self) -> dict[str, int]:
        """Count the utterances of each label that the scheme leaves out, or those without a value."""
        rows = self.store.utterances
        if self.targets:
            return count_unrated(rows, self.targets)
        labels = self.store.labels if isinstance(self.store, Pair) else map_column(rows, "label")
        disagreed = self.agreement.ids if self.agreement else frozenset()
        left_out = (one for one in list_column(rows, "id") if one not in self.classes and one not in disagreed)
        return dict(Counter(labels[one] for one in left_out).most_common())

    def find_missing(self, features: Sequence[ResolvedFeatures]) -> dict[str, str]:
        """Find the utterances that have a class but lack a feature, or recognized words, of any fold, and why."""
        files = list(dict.fromkeys(str(file) for one in features for fold in one.folds for file in fold.all_files))
        lacking = find_wordless(self.store, features)
        if files:
            available, failures = set(self.store.available(files)), self.store.failures(files)
            lacking |= {one: failures.get(one, "not extracted") for one in self.classes if one not in available}
        return {one: lacking[one] for one in self.classes if one in lacking}

    def describe_missing(self, dropped: Mapping[str, str]) -> Iterator[str]:
        """Yield lines for the user about utterances that are left out, and why."""
        left_out = self.count_left_out()
        if left_out:
            form = "{1} with {0}" if self.targets else "{0} {1}"
            counts = ", ".join(form.format(label or "no label", count) for label, count in left_out.items())
            kept = len(self.classes) + (len(self.agreement.ids) if self.agreement else 0)
            yield f"{self._name_schemes()} keeps {kept} utterances and leaves out {counts}"
        if self.agreement:
            yield self.agreement.describe()
        if dropped:
            shown = ", ".join(f"{utterance_id} ({reason})" for utterance_id, reason in list(dropped.items())[:SHOWN])
            more = f" and {len(dropped) - SHOWN} more" if len(dropped) > SHOWN else ""
            yield f"{len(dropped)} of {len(self.classes)} utterances have no features and are left out: {shown}{more}"

    def _name_schemes(self) -> str:
        if self.targets:
            return f"target {', '.join(self.targets)}"
        if isinstance(self.store, Pair):
            return f"label scheme {' with '.join(self.store.scheme_names)}, on the classes of both corpora,"
        return f"label scheme {self.labels}"

    def complete_folds(self, dropped: Mapping[str, str], inner_folds: int) -> list[Fold]:
        """Return the folds without utterances that lack a feature.

        Args:
            dropped: what `find_missing` returned.
            inner_folds: how many parts of training take turns as dev, at most; 0 keeps the dev parts unchanged.

        Raises:
            Mismatch: as `restrict` and `limit_inner_folds` raise.
        """
        kept, strata = self.classes.keys() - dropped.keys(), bool(self.targets)
        folds = [folding.restrict(fold, kept, self.classes, strata=strata) for fold in self.folds]
        return [limit_inner_folds(fold, inner_folds) for fold in folds] if inner_folds else folds

    def make_full_fold(self, dropped: Mapping[str, str], inner_folds: int) -> Fold:
        """Make a fold with all utterances that have features in training, and none in test.

        Args:
            dropped: what `find_missing` returned.
            inner_folds: how many parts of training take turns as dev, at most; 0 for no dev part.

        Raises:
            Mismatch: no dev part can be split.
        """
        kept = sorted(utterance_id for utterance_id in self.classes if utterance_id not in dropped)
        fold = Fold("everything", tuple(kept), ())
        if not inner_folds:
            return fold
        fold = folding.add_dev(fold, self.protocol, self.store.utterances, self.classes, self.seed)
        return limit_inner_folds(fold, inner_folds)

    def describe_data(
        self, folds: Sequence[Fold], features: Sequence[ResolvedFeatures], dropped: Mapping[str, str]
    ) -> dict[str, Any]:
        """Describe the utterances in the folds, for checks of a benchmark or of a single fit.

        Args:
            folds: without utterances that lack a feature.
            features: of every feature set.
            dropped: the utterances that lack a feature, and why.

        Returns:
            `classes` and `dropped` by id, `encoders` by feature file, and `same_clips`, groups of ids; `targets` where
            these are values.
        """
        ids = dict.fromkeys(utterance_id for fold in folds for utterance_id in (*fold.train, *fold.dev, *fold.test))
        encoders = self._describe_encoders(folds, features)
        of_audio = [name for name in encoders if self.store.modality(name) == "audio"]
        return {
            "classes": {utterance_id: self.classes[utterance_id] for utterance_id in ids},
            "dropped": dict(dropped),
            "encoders": encoders,
            "same_clips": self._find_same_clips(of_audio, set(ids)),
            **({"targets": list(self.targets)} if self.targets else {}),
        }

    def _describe_encoders(self, folds: Sequence[Fold], features: Sequence[ResolvedFeatures]) -> dict[str, Any]:
        """Describe each feature file: its modality, how it was made, and how much of each fold its encoder saw."""
        seen: dict[str, dict[str, dict[str, int]]] = {}
        tested = {utterance_id for fold in folds for utterance_id in fold.test}
        for one in features:
            for fold, fold_features in zip(folds, one.folds, strict=True):
                parts = {"train": {*fold.train, *fold.dev}, "dev": fold.dev, "test": fold.test}
                for name in fold_features.all_encoders:
                    trained_on = self.store.trained_on(name)
                    counts = {part: len(trained_on.intersection(ids)) for part, ids in parts.items()}
                    seen.setdefault(name, {})[fold.name] = counts
        return {
            name: {
                "modality": self.store.modality(name),
                "made": self.store.describe(name),
                "tuned_on": by_fold,
                "suspects": sorted(tested.intersection(self.store.exposure(name).suspects)),
                "notes": list(self.store.exposure(name).notes),
            }
            for name, by_fold in seen.items()
        }

    def _find_same_clips(self, encoders: Sequence[str], ids: set[str]) -> list[list[str]] | None:
        """Group the utterances whose clips hold the same samples, or return None where no samples are recorded."""
        groups: dict[str, list[str]] = {}
        for encoder in encoders:
            for utterance_id, content in self.store.contents(encoder).items():
                if utterance_id in ids and content:
                    groups.setdefault(content, []).append(utterance_id)
        several = {tuple(group) for group in groups.values() if len(group) > 1}
        return [list(group) for group in sorted(several)] if groups else None


def open_task(
    store: FeatureSource,
    *,
    labels: str | None,
    protocol: str,
    seed: int = 0,
    fold: str | None = None,
    dev: bool = False,
    agreement: float | None = None,
    targets: Sequence[str] = (),
) -> Task:
    """Apply a label scheme, or collect the values of some targets, and split by a protocol.

    Utterances with too little agreement are left out of the folds after the split, in training and in test alike, so
    that the others are in the same parts as without the filter and as in fine-tuning.

    Args:
        store: features of one corpus.
        labels: label scheme; by default the corpus's own. It is not read where there are targets.
        protocol: its registry name.
        seed: of the split.
        fold: keep only this one.
        dev: split a dev part, too.
        agreement: keep only utterances whose most voted class has more than this share of the raters.
        targets: names of the columns whose values are predicted; none for classes.

    Raises:
        Problem: as `labels.choose_scheme`, `value_targets.collect_ratings`, `fold.split` and `filter_by_agreement`
            raise.
    """
    ratings = collect_ratings(store.utterances, targets) if targets else {}
    name, maps, classes = ("", {}, cut_quarters(ratings, targets)) if targets else _apply_scheme(store, labels)
    folds = folding.split(protocol, store.utterances, classes, seed, dev=dev, strata=bool(targets))
    chosen = [folding.choose(folds, fold)] if fold is not None else folds
    votes = TaskVotes() if targets else collect_votes(store, maps, classes)
    found = None if agreement is None else filter_by_agreement(agreement, votes, classes)
    if found:
        classes = {one: name for one, name in classes.items() if one not in found.ids}
    return Task(store, name, maps, classes, protocol, seed, tuple(chosen), votes, found, tuple(targets), ratings)


def _apply_scheme(store: FeatureSource, labels: str | None) -> tuple[str, LabelMaps, dict[str, str]]:
    """Return the name of the label scheme, the class of each label, and the class of each utterance."""
    scheme = schemes.choose_scheme(labels, store.corpus, store.utterances)
    maps = store.label_maps if isinstance(store, Pair) else {store.corpus: scheme.classes}
    return scheme.name, maps, scheme.apply(store.utterances)


def limit_inner_folds(fold: Fold, inner_folds: int) -> Fold:
    """Keep at most `inner_folds` parts of training that take turns as dev, the dev part itself included.

    Raises:
        Mismatch: the fold has no dev part.
    """
    if not fold.dev:
        raise Mismatch(
            f"fold {fold.name}: no dev utterance has features", do="extract the missing features, or leave --search out"
        )
    return replace(fold, turns=fold.turns[: inner_folds - 1])
