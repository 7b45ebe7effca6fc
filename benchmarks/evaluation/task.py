"""What is to be learned: a store's utterances under a label scheme, cut by a protocol, with what each feature lacks."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.evaluation.inputs import Inputs
from benchmarks.evaluation.pair import Pair
from benchmarks.evaluation.source import Store
from featurestore import labels as schemes
from featurestore.folds import fold as cuts
from featurestore.folds.fold import Fold

LabelMaps = Mapping[str, Mapping[str, str | None] | None]
SHOWN = 5  # ids named in a line of progress; the result holds all of them


@dataclass(frozen=True)
class Task:
    """A store's utterances that have a class, and how they are cut.

    Args:
        store: features of one corpus.
        labels: name of the label scheme.
        label_maps: by corpus, or by side of a pair of stores, the class of each label; of a label that is left out
            None, and None for all where each label is its own class.
        classes: class by id, of the utterances that the scheme keeps.
        protocol: its registry name.
        seed: of the cut.
        folds: as the protocol cuts, before anything is left out.
    """

    store: Store
    labels: str
    label_maps: LabelMaps
    classes: Mapping[str, str]
    protocol: str
    seed: int
    folds: tuple[Fold, ...]

    def left_out(self) -> dict[str, int]:
        """How many utterances of each label the scheme leaves out."""
        rows = self.store.utterances
        labels = self.store.labels if isinstance(self.store, Pair) else {row.id: row.label for row in rows}
        return dict(Counter(labels[row.id] for row in rows if row.id not in self.classes).most_common())

    def dropped(self, inputs: Sequence[Inputs]) -> dict[str, str]:
        """The utterances that have a class but lack a feature of any fold, and why."""
        files = list(dict.fromkeys(file for one in inputs for file in one.all_files))
        available, failures = set(self.store.available(files)), self.store.failures(files)
        return {name: failures.get(name, "not extracted") for name in self.classes if name not in available}

    def missing_lines(self, dropped: Mapping[str, str]) -> Iterator[str]:
        """What is left out and why, for a person."""
        left_out = self.left_out()
        if left_out:
            by_label = ", ".join(f"{label or 'no label'} {count}" for label, count in left_out.items())
            yield f"label scheme {self.labels} keeps {len(self.classes)} utterances and leaves out {by_label}"
        if dropped:
            shown = ", ".join(f"{name} ({reason})" for name, reason in list(dropped.items())[:SHOWN])
            more = f" and {len(dropped) - SHOWN} more" if len(dropped) > SHOWN else ""
            yield f"{len(dropped)} of {len(self.classes)} utterances have no features and are left out: {shown}{more}"

    def restricted(self, fold: Fold, dropped: Mapping[str, str]) -> Fold:
        """The fold without the utterances that lack a feature."""
        return cuts.restrict(fold, self.classes.keys() - dropped.keys(), self.classes)


def task(
    store: Store, *, labels: str | None, protocol: str, seed: int = 0, fold: str | None = None, dev: bool = False
) -> Task:
    """Applies a label scheme and cuts.

    Args:
        store: features of one corpus.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        seed: of the cut.
        fold: this one alone.
        dev: with a dev part.

    Raises:
        Problem: as `labels.scheme` and `folds.fold.split` raise.
    """
    scheme = schemes.scheme(labels or schemes.default(store.corpus))
    classes = scheme.apply(store.utterances)
    folds = cuts.split(protocol, store.utterances, classes, seed, dev=dev)
    chosen = [cuts.choose(folds, fold)] if fold is not None else folds
    maps = store.label_maps if isinstance(store, Pair) else {store.corpus: scheme.classes}
    return Task(store, scheme.name, maps, classes, protocol, seed, tuple(chosen))
