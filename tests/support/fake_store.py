"""Provide a feature store in memory: a corpus of random vectors with the interface of the real store."""

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmarks.evaluation.fold_features import FoldFeatures
from featurestore.exposure import Contents, Exposure
from featurestore.head_inputs import make_turns, place_turns
from featurestore.manifest import Utterance
from featurestore.spec import parse_feature

LABELS = ("ang", "hap", "sad")
PLACES = {"ang": 0, "hap": 1, "joy": 1, "sad": 2, "bored": 2}  # which column a label raises
WIDTHS = {"audio.mean": 6, "text.mean": 4, "text.logits": 3}
SEQUENCES = {"audio.frames": 5, "text.frames": 3}  # dimensions
LAYERS = {"audio.layers": (3, 4), "text.layers": (2, 4)}
TURNS = 6  # of a speaker in a dialogue


def corpus(per_speaker=12, sessions=3):
    """Make a manifest: two speakers per session, labels in turn, and one utterance per speaker without a label."""
    rows = []
    for session in range(1, sessions + 1):
        for gender in "FM":
            speaker = f"Ses{session:02}{gender}"
            for number in range(per_speaker):
                label = LABELS[number % 3]
                rows.append(
                    Utterance(
                        f"{speaker}_{number:03}", label=label, speaker=speaker, session=str(session), gender=gender
                    )
                )
            rows.append(Utterance(f"{speaker}_none", speaker=speaker, session=str(session)))
    return tuple(rows)


def conversations():
    """Make the same manifest with dialogues of two speakers and with transcripts."""
    return tuple(
        replace(row, dialogue=f"{row.session}_{number % 13 // TURNS % 2}", text=f"I am {row.label}.")
        for number, row in enumerate(corpus())
    )


def base(feature):
    """Return the name that a user asks for: text@1.mean is text.mean."""
    return re.sub("@[^.]*", "", feature)


@dataclass
class FakeStore:
    """Vectors that depend on the label; `failed` utterances have none, `lacking` ones none of a modality."""

    utterances: tuple[Utterance, ...] = field(default_factory=corpus)
    corpus: str = "fake"
    failed: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, dict[str, str]] = field(default_factory=dict)  # by modality and id, why
    tuned: dict[str, frozenset[str]] = field(default_factory=dict)
    spread: float = 0.5
    path: Path = Path("nowhere")
    manifest_digest: str = "0" * 64
    same: frozenset[str] = frozenset()  # ids whose clip is one and the same
    extra: tuple[str, ...] = ()  # feature files beside audio and text: text@1

    def default_features(self):
        return list(WIDTHS)

    def encoders(self):
        return ["audio", "text", *self.extra]

    def kinds(self, encoder):
        name = encoder.partition("@")[0]
        return [one.partition(".")[2] for one in (*WIDTHS, *SEQUENCES, *LAYERS) if one.startswith(f"{name}.")]

    def modality(self, encoder):
        return encoder.partition("@")[0]

    def contents(self, encoder):
        return {row.id: "one" if row.id in self.same else f"{self.corpus} {row.id}" for row in self.utterances}

    def digests(self, encoder):
        return {"id": "0", **{kind: str(self.spread) for kind in self.kinds(encoder)}}

    def available(self, features):
        missing = self.failures(features)
        return [row.id for row in self.utterances if row.id not in missing]

    def failures(self, features):
        modalities = {self.modality(parse_feature(feature).encoder) for feature in features}
        return {
            one: why for modality in modalities for one, why in self.lacking.get(modality, {}).items()
        } | self.failed

    def rows(self, ids):
        places = {row.id: place for place, row in enumerate(self.utterances)}
        return np.array([places[one] for one in ids], np.int64)

    def check_features(self, features, rows):
        self.matrix(features, rows=rows)

    def matrix(self, features, ids=None, *, rows=None):
        if ids is None:
            return *self.matrix(features, [self.utterances[row].id for row in rows])[:2], rows
        available = set(self.available(features))
        known = {row.id: row for row in self.utterances if row.id in available}
        rows = [
            np.concatenate([self._vector(known[utterance_id], feature) for feature in features]) for utterance_id in ids
        ]
        widths = {name: math.prod(self.shape(name)) for name in features}
        return np.array(rows, np.float32).reshape(len(ids), -1), widths, list(ids)

    segments = False

    def shape(self, feature):
        return LAYERS.get(base(feature)) or (WIDTHS[base(feature)],)

    def frames(self, feature, ids):
        """Return one to four frames of each utterance, which its label raises."""
        available = set(self.available([feature]))
        known = {row.id: row for row in self.utterances if row.id in available}
        width = SEQUENCES[base(feature)]
        return [
            np.resize(self._vector(known[one], feature, width), (1 + number % 4, width)).astype(np.float32)
            for number, one in enumerate(ids)
        ]

    def trained_on(self, encoder):
        return frozenset(self.tuned.get(encoder, frozenset()))

    def exposure(self, encoder, other=None):
        return Exposure(dict.fromkeys(self.tuned.get(encoder, ()), "id"))

    def collect_contents(self, encoder):
        return Contents(self.contents(encoder), {})

    def describe(self, encoder):
        return {"class": "fake", "checkpoint": encoder}

    def _vector(self, utterance, feature, width=None):
        encoder = parse_feature(feature).encoder
        seed = [len(encoder), *(encoder.encode() if "@" in encoder else ()), *utterance.id.encode()]
        vector = np.random.default_rng(seed).normal(scale=self.spread, size=width or math.prod(self.shape(feature)))
        if utterance.label:
            vector[PLACES[utterance.label]] += 1.0
        return vector


def read_rows(features):
    """Return what a head is given of a few utterances, with their dialogues and words."""
    store, specs = FakeStore(conversations(), spread=2.0), tuple(map(parse_feature, features))
    ids = [row.id for row in store.utterances][:50]
    turns = make_turns(ids, place_turns(store.utterances))
    return replace(FoldFeatures(specs, specs).read(store, ids), turns=turns, words=tuple(ids))
