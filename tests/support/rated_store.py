"""Provide a feature store in memory with the shape of IEMOCAP and ratings of valence, activation and dominance."""

from dataclasses import dataclass, field, replace

import numpy as np

from featurestore.manifest import Utterance
from tests.support.fake_store import WIDTHS, FakeStore, base

TARGETS = ("valence", "activation", "dominance")
LABELS = ("ang", "hap", "exc", "neu", "sad", "fru", "xxx")
SHOWS = {"audio.mean": (1, 2), "text.mean": (0,), "text.logits": (0,)}  # the ratings in the first columns of a feature


def rate(turns=16, sessions=5, seed=0):
    """Make a manifest of two speakers in each session. One turn of each speaker has no ratings, one no dominance."""
    rng = np.random.default_rng(seed)
    return tuple(
        _rate_turn(f"Ses{session:02}{gender}", number, session, gender, rng)
        for session in range(1, sessions + 1)
        for gender in "FM"
        for number in range(turns)
    )


def _rate_turn(speaker, number, session, gender, rng):
    own, halves = f"{speaker}_impro0{1 + number // 8}", np.arange(2, 11) / 2  # means of two raters, 1 to 5
    valence, activation, dominance = (float(value) for value in rng.choice(halves, 3))
    row = Utterance(
        f"{own}_{gender}{number:03}",
        text=f"{own} {rng.integers(10**9)}",
        label=LABELS[number % len(LABELS)],
        speaker=speaker,
        gender=gender,
        session=str(session),
        dialogue=own,
        valence=valence,
        activation=activation,
        dominance=(activation + dominance) / 2,
    )
    if number == 3:
        return replace(row, valence=None, activation=None, dominance=None)
    return replace(row, dominance=None) if number == 5 else row


@dataclass
class RatedStore(FakeStore):
    """Vectors that depend on the ratings: audio tells activation and dominance, text tells valence."""

    utterances: tuple[Utterance, ...] = field(default_factory=rate)
    corpus: str = "rated"
    spread: float = 0.5

    def _vector(self, utterance, feature, width=None):
        rng = np.random.default_rng([len(feature), *utterance.id.encode()])
        vector = rng.normal(scale=self.spread, size=width or WIDTHS[base(feature)])
        for column, place in enumerate(SHOWS[base(feature)]):
            vector[column] += getattr(utterance, TARGETS[place]) or 0.0
        return vector
