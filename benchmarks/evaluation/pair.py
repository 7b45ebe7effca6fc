"""Combine two stores into one feature source: train on the first, test on the second."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from benchmarks.evaluation.pair_rows import split_ids, split_rows, strip_side
from benchmarks.evaluation.recognized import JoinedTranscript, join_transcripts
from benchmarks.evaluation.source import FeatureSource, SingleSource
from featurestore import labels as schemes
from featurestore.corpora import COMMON_SCHEMES
from featurestore.errors import Mismatch
from featurestore.exposure import UNKNOWN, Exposure
from featurestore.head_inputs import TurnPlace, place_turns
from featurestore.labels import Scheme
from featurestore.manifest import Utterance
from featurestore.networks.identity import list_changes
from featurestore.protocols.cross_corpus import TESTED, TRAINED
from featurestore.row_checks import check_rows
from featurestore.spec import is_imported, parse_feature


class Pair:
    """The utterances of two stores in the classes that both have; ids are `trained:ID` and `tested:ID`.

    Args:
        trained: the store to train on; `tested` the one to test on.
        labels: the label scheme of the first, by default its corpus's own; `test_labels` that of the second. A scheme
            may be a JSON file, which is how labels of different names are mapped to the same class.
        say: receives a line about the classes that only one of them has; they are left out.

    Attributes:
        label_maps: by side, the class of each label; None where each label is its own class.
        scheme_names: names of the label schemes, one if both sides have the same.
        corpora: by side.
        labels: by id, the side and the label that it had there; empty where it had none.

    Raises:
        Mismatch: they share fewer than two classes, or utterances.
    """

    def __init__(
        self,
        trained: SingleSource,
        tested: SingleSource,
        labels: str | None = None,
        test_labels: str | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._stores = {"trained": trained, "tested": tested}
        self._exposures: dict[str, Exposure] = {}
        self.corpora = {side: store.corpus for side, store in self._stores.items()}
        self._names = dict(zip(self._stores, _name_corpora(trained, tested), strict=True))
        _check_disjoint(trained, tested)
        chosen = {"trained": _find_scheme(trained, labels), "tested": _find_scheme(tested, test_labels, labels)}
        self.label_maps = {side: scheme.classes for side, scheme in chosen.items()}
        self.scheme_names = list(dict.fromkeys(scheme.name for scheme in chosen.values()))
        self.labels = {
            f"{side}:{row.id}": f"{side}: {row.label}" if row.label else ""
            for side, store in self._stores.items()
            for row in store.utterances
        }
        classes = {side: scheme.apply(self._stores[side].utterances) for side, scheme in chosen.items()}
        names = {side: set(found.values()) for side, found in classes.items()}
        shared = names["trained"] & names["tested"]
        if len(shared) < 2:
            raise Mismatch(
                "the two stores share fewer than two classes",
                expected=f"{', '.join(sorted(names['trained']))}, as in {self._names['trained']}",
                got=f"{', '.join(sorted(names['tested']))} in {self._names['tested']}",
                do="use a scheme for both, such as --labels big-4 (see: cli list labels), or map the labels: --labels "
                "and --test-labels take JSON files of code to class, null for a code that is left out",
            )
        for side, found in names.items():
            if found - shared:
                count = sum(value not in shared for value in classes[side].values())
                name = self._names[side]
                say(
                    f"{count} utterances are left out because only {name} has their class: "
                    f"{', '.join(sorted(found - shared))}"
                )
        self.utterances = tuple(
            _rename(row, side, classes[side].get(row.id, ""), shared)
            for side, store in self._stores.items()
            for row in store.utterances
        )

    @cached_property
    def _starts(self) -> dict[str, int]:
        """The first row of each side."""
        return {"trained": 0, "tested": len(self._stores["trained"].utterances)}

    @property
    def path(self) -> Path:
        """The folder of the store that is trained on."""
        return self._stores["trained"].path

    @property
    def corpus(self) -> str:
        """Both corpora, `emodb->table`; if they have the same name, with their folders, `table (a)->table (b)`."""
        return "->".join(self._names.values())

    @property
    def manifest_digest(self) -> str:
        """The sha256 of both manifests."""
        return " ".join(store.manifest_digest for store in self._stores.values())

    @property
    def segments(self) -> bool:
        """Whether `start` counts from the beginning of the turn's own `audio` in both stores."""
        return all(store.segments for store in self._stores.values())

    def place_turns(self) -> dict[str, TurnPlace]:
        """Find the place of every turn that has a dialogue, by id. In each store `start` may count from elsewhere."""
        rows = {side: [row for row in self.utterances if row.id.startswith(f"{side}:")] for side in self._stores}
        found = (place_turns(rows[side], segments=store.segments) for side, store in self._stores.items())
        return {turn: place for places in found for turn, place in places.items()}

    def encoders(self) -> list[str]:
        """List the encoders that both stores have."""
        return sorted(set.intersection(*(set(store.encoders()) for store in self._stores.values())))

    def transcripts(self) -> list[str]:
        """List the transcripts that both stores have."""
        return sorted(set.intersection(*(set(store.transcripts()) for store in self._stores.values())))

    def transcript(self, name: str) -> JoinedTranscript:
        """Open a transcript of both stores."""
        return join_transcripts(name, {side: store.transcript(name) for side, store in self._stores.items()})

    def default_features(self) -> list[str]:
        """List the features that both stores have."""
        first, second = (store.default_features() for store in self._stores.values())
        found = [name for name in first if name in second]
        if not found:
            raise Mismatch(
                "the two stores share no feature",
                expected=f"{', '.join(first)}, as in {self._names['trained']}",
                got=f"{', '.join(second)} in {self._names['tested']}",
                do="extract both with the same --encoder",
            )
        return found

    def kinds(self, encoder: str) -> list[str]:
        """List the features that an encoder has in both stores."""
        first, second = (store.kinds(encoder) for store in self._stores.values())
        return [kind for kind in first if kind in second]

    def modality(self, encoder: str) -> str:
        """Return `audio` or `text`."""
        return self._stores["trained"].modality(encoder)

    def available(self, features: Iterable[str]) -> list[str]:
        """List the ids that have every feature."""
        chosen = list(features)
        by_side = {side: store.available(chosen) for side, store in self._stores.items()}
        return [f"{side}:{utterance_id}" for side, ids in by_side.items() for utterance_id in ids]

    def failures(self, features: Iterable[str]) -> dict[str, str]:
        """Return the reason of each utterance that has no features, by id."""
        chosen = list(features)
        return self._merge(lambda store: store.failures(chosen))

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Return the row of each utterance in `utterances`, int64 (N,).

        Raises:
            UnknownName: an utterance is in neither store.
        """
        found = np.empty(len(ids), np.int64)
        for side, lines in split_ids(ids, self._stores, self.path).items():
            found[lines] = self._starts[side] + self._stores[side].rows(strip_side(ids, lines))
        return found

    def check_features(self, features: Sequence[str], rows: np.ndarray) -> None:
        """Check that the utterances at some rows have every feature, which is the same in both stores."""
        self._check_encoders(features)
        for side, lines in split_rows(rows, self._starts["tested"]).items():
            self._stores[side].check_features(features, rows[lines] - self._starts[side])

    @overload
    def matrix(self, features: Sequence[str], ids: Sequence[str]) -> tuple[np.ndarray, dict[str, int], list[str]]: ...
    @overload
    def matrix(self, features: Sequence[str], *, rows: np.ndarray) -> tuple[np.ndarray, dict[str, int], np.ndarray]: ...
    def matrix(
        self, features: Sequence[str], ids: Sequence[str] | None = None, *, rows: np.ndarray | None = None
    ) -> tuple[np.ndarray, dict[str, int], Any]:
        """Read rows of both stores, in the order of `ids` or `rows`.

        Raises:
            UnknownName: an utterance is in neither store.
            Mismatch: an encoder is not the same in both.
        """
        self._check_encoders(features)
        lines, found = self._read_sides(features, ids, rows)
        widths = next(iter(found.values()))[1]
        if any(one[1] != widths for one in found.values()):  # of imported features nothing else is known
            raise Mismatch(
                "the features of the two stores differ in width",
                expected=", ".join(f"{name} ({width})" for name, width in widths.items()),
                got="; ".join(
                    ", ".join(f"{name} ({width})" for name, width in one[1].items()) for one in found.values()
                ),
                do="import features of one encoder into both",
            )
        X = np.empty((sum(map(len, lines.values())), sum(widths.values())), np.float32)
        for side, (block, _) in found.items():
            X[lines[side]] = block
        return X, widths, rows if ids is None else list(ids)

    def frames(self, feature: str, ids: Sequence[str]) -> list[np.ndarray]:
        """Return all frames (T, D) of each utterance, in the order of `ids`.

        Raises:
            Mismatch: the encoder is not the same in both.
        """
        self._check_same(parse_feature(feature).encoder)
        found: dict[int, np.ndarray] = {}
        for side, numbers in split_ids(ids, self._stores, self.path).items():
            found |= dict(zip(numbers, self._stores[side].frames(feature, strip_side(ids, numbers)), strict=True))
        return [found[row] for row in range(len(ids))]

    def shape(self, feature: str) -> tuple[int, ...]:
        """Return the shape of a feature's columns."""
        return self._stores["trained"].shape(feature)

    def _read_sides(
        self, features: Sequence[str], ids: Sequence[str] | None, rows: np.ndarray | None
    ) -> tuple[dict[str, Any], dict[str, tuple[np.ndarray, dict[str, int]]]]:
        """Return the lines of each side that has any, and its matrix and widths."""
        if ids is not None:
            lines: dict[str, Any] = split_ids(ids, self._stores, self.path)
            found = {side: self._stores[side].matrix(features, strip_side(ids, own))[:2] for side, own in lines.items()}
            return lines, found
        places = check_rows(() if rows is None else rows, len(self.utterances))
        lines = split_rows(places, self._starts["tested"])
        return lines, {
            side: self._stores[side].matrix(features, rows=places[own] - self._starts[side])[:2]
            for side, own in lines.items()
        }

    def trained_on(self, encoder: str) -> frozenset[str]:
        """Find the utterances of both stores that the encoder was fine-tuned on, as ids."""
        return frozenset(self.exposure(encoder).known)

    def exposure(self, encoder: str) -> Exposure:
        """Return how each of these was recognized, and which utterances may be among them."""
        if encoder not in self._exposures:
            trained, tested = self._stores.values()
            found = {
                "trained": trained.exposure(encoder, other=tested.collect_contents(encoder)),
                "tested": tested.exposure(encoder, other=trained.collect_contents(encoder)),
            }
            known = {f"{side}:{row}": how for side, one in found.items() for row, how in one.known.items()}
            suspects = [f"{side}:{row}" for side, one in found.items() for row in one.suspects]
            notes = dict.fromkeys(note for one in found.values() for note in one.notes)
            self._exposures[encoder] = Exposure(known, tuple(suspects), tuple(notes))
        return self._exposures[encoder]

    def describe(self, encoder: str) -> dict[str, Any]:
        """Describe how the encoder's vectors were made. Whom it saw is known only if it is in both stores."""
        first, second = (store.describe(encoder) for store in self._stores.values())
        return first | ({"trained_on": UNKNOWN} if second.get("trained_on") == UNKNOWN else {})

    def contents(self, encoder: str) -> dict[str, str]:
        """Return the sha256 of what each vector was made from: the same for the same clip in both stores."""
        return self._merge(lambda store: store.contents(encoder))

    def _merge(self, read: Callable[[FeatureSource], Mapping[str, str]]) -> dict[str, str]:
        """Read a mapping by utterance id from both stores."""
        found = {side: read(store) for side, store in self._stores.items()}
        return {f"{side}:{row}": value for side, values in found.items() for row, value in values.items()}

    def digests(self, encoder: str) -> Mapping[str, str]:
        """Return the digests of both files, as one text by dataset."""
        first, second = (store.digests(encoder) for store in self._stores.values())
        return {name: f"{first[name]} {second.get(name, '')}" for name in first}

    def _check_encoders(self, features: Sequence[str]) -> None:
        for name in {parse_feature(feature).encoder for feature in features}:
            self._check_same(name)

    def _check_same(self, encoder: str) -> None:
        first, second = (store.describe(encoder) for store in self._stores.values())
        if is_imported(first) and is_imported(second):
            return  # of different files; the user gave both the same name
        changes = list_changes(first, second)
        if changes:
            raise Mismatch(
                f"encoder {encoder} is not the same in the two stores",
                expected=", ".join(f"{name} {one}" for name, (one, _) in sorted(changes.items())),
                got=", ".join(f"{name} {other}" for name, (_, other) in sorted(changes.items())),
                do="extract both with the same --encoder",
            )


def _name_corpora(trained: FeatureSource, tested: FeatureSource) -> list[str]:
    """Name both corpora. Two of the same name get the end of their folders' paths, as far as it differs."""
    names = [store.corpus for store in (trained, tested)]
    if names[0] != names[1]:
        return names
    parts = [store.path.resolve().parts for store in (trained, tested)]
    length = next((n for n in range(1, max(map(len, parts))) if parts[0][-n:] != parts[1][-n:]), 1)
    return [f"{name} ({'/'.join(part[-length:])})" for name, part in zip(names, parts, strict=True)]


def _check_disjoint(trained: FeatureSource, tested: FeatureSource) -> None:
    """Check that no utterance is in both stores: same id, clip, words and speaker.

    Labels may differ, since two stores may label an utterance differently. The check `clip-shared` finds the same clip
    under another id.
    """
    first, second = (
        {(row.id, row.audio, row.text, row.speaker): row.duration for row in store.utterances if row.audio or row.text}
        for store in (trained, tested)
    )
    both = [
        one for one in first.keys() & second.keys() if None in (first[one], second[one]) or first[one] == second[one]
    ]
    if both:
        raise Mismatch(
            f"{len(both)} of the {len(tested.utterances)} utterances of the test store are also in the training store, "
            f"{min(both)[0]} among them",
            do="give the store of another corpus by --test-store; to split one corpus, see: cli list protocols",
        )


def _find_scheme(store: FeatureSource, labels: str | None, other: str | None = None) -> Scheme:
    """Return a store's label scheme. A common one of the other store is used for both."""
    name = labels or (other if other in COMMON_SCHEMES else None)
    return schemes.choose_scheme(name, store.corpus, store.utterances)


def _rename(row: Utterance, side: str, label: str, shared: set[str]) -> Utterance:
    return dataclasses.replace(
        row,
        id=f"{side}:{row.id}",
        speaker=f"{side}:{row.speaker}" if row.speaker else "",
        dialogue=f"{side}:{row.dialogue}" if row.dialogue else "",
        label=label if label in shared else "",
        partition=TRAINED if side == "trained" else TESTED,
    )
