"""Draw the turns of the demo's speakers: label, sentence, prosody, votes and ratings, spoken by a synthesizer."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from featurestore.corpora._demo_espeak import Prosody
from featurestore.corpora._demo_moods import draw_moods
from featurestore.corpora._demo_texts import NEIGHBOURS, draw_sentence
from featurestore.corpora._demo_voice import colour, resample
from featurestore.corpora._iemocap_writer import DemoTurn

DIALOGUES = tuple(f"{worn}_{script}" for worn in "FM" for script in ("impro01", "impro02", "script01_1"))
_STRAY_VOTE = 0.3  # probability that the third rater chooses the neighbouring emotion


class Synthesizer(Protocol):
    """What speaks a text: eSpeak NG, or noise in a sample."""

    rate: int

    def say(self, text: str, voice: str, prosody: Prosody) -> NDArray[np.int16]:
        """Speak a text as samples (S,) at `rate` Hz."""
        ...


@dataclass(frozen=True)
class Speaker:
    """A speaker: a voice of eSpeak NG, words per minute, pitch (0 to 99)."""

    id: str
    voice: str
    rate: int
    pitch: int


SPEAKERS = (
    Speaker("Ses01F", "en-us+f2", 172, 46),
    Speaker("Ses01M", "en-us+m3", 165, 40),
    Speaker("Ses02F", "en-gb-x-rp+f3", 168, 50),
    Speaker("Ses02M", "en-gb-x-rp+m1", 172, 36),
    Speaker("Ses03F", "en-us+Annie", 165, 45),
    Speaker("Ses03M", "en-us+m7", 176, 42),
    Speaker("Ses04F", "en-gb-scotland+f1", 170, 44),
    Speaker("Ses04M", "en-gb-scotland+m2", 168, 44),
    Speaker("Ses05F", "en-us+linda", 174, 40),
    Speaker("Ses05M", "en-us+m5", 163, 38),
)
# Mean change of words per minute, pitch, pitch range and volume by emotion, relative to the speaker's (range 50 and
# volume 100 for all), then effort and breath, which small networks hear best. The spreads make emotions overlap.
_MANNERS = {
    "ang": (30, 4, 28, 30, 0.60, -3.9),
    "exc": (26, 20, 12, 20, 0.60, -1.6),
    "fru": (-12, -4, 22, 12, 0.0, -3.9),
    "hap": (-8, 20, 4, 5, 0.0, -1.6),
    "neu": (10, -3, -18, 0, -0.60, -3.9),
    "sad": (-30, -6, -24, -25, -0.60, -1.6),
}
_SPREADS = (18, 10, 18, 15, 0.22, 0.65)
_LIMITS = ((90, 0, 0, 30, -0.95, -7.0), (300, 99, 99, 190, 0.95, -0.5))
# mean valence, activation, dominance, 1 to 5
_RATINGS = {
    "ang": (1.9, 3.8, 4.0),
    "exc": (4.1, 3.9, 3.5),
    "fru": (2.2, 2.9, 3.3),
    "hap": (4.0, 3.2, 3.2),
    "neu": (3.0, 2.6, 3.0),
    "sad": (2.2, 2.1, 2.6),
}


def draw_dialogues(
    per_label: int, synthesizer: Synthesizer, random: np.random.Generator
) -> Iterator[tuple[str, list[DemoTurn]]]:
    """Draw the dialogues of all sessions, in which the two speakers of a session take turns.

    Args:
        per_label: turns of each speaker with each label.
        synthesizer: speaks the sentences.
        random: generator of every draw.

    Yields:
        The name of a dialogue and its turns.
    """
    sessions = tuple(dict.fromkeys(speaker.id[:5] for speaker in SPEAKERS))
    moods = {session: draw_moods(per_label, len(DIALOGUES), random) for session in sessions}  # before any sample
    for session in sessions:
        pair = [speaker for speaker in SPEAKERS if speaker.id[:5] == session]
        woman, man = (
            _draw_turns(speaker, moods[session][:, :, place], synthesizer, random) for place, speaker in enumerate(pair)
        )
        for dialogue in DIALOGUES:
            turns = zip(woman[dialogue], man[dialogue], strict=True)
            yield f"{session}{dialogue}", list(chain.from_iterable(turns))


def _draw_turns(
    speaker: Speaker, labels: NDArray[np.str_], synthesizer: Synthesizer, random: np.random.Generator
) -> dict[str, list[DemoTurn]]:
    """Draw all turns of a speaker by dialogue, whose labels are (dialogues, turns)."""
    return {
        dialogue: [
            _draw_turn(
                f"{speaker.id[:5]}{dialogue}_{speaker.id[5]}{number:03d}", str(label), speaker, synthesizer, random
            )
            for number, label in enumerate(row)
        ]
        for dialogue, row in zip(DIALOGUES, labels, strict=True)
    }


def _draw_turn(
    utterance_id: str, label: str, speaker: Speaker, synthesizer: Synthesizer, random: np.random.Generator
) -> DemoTurn:
    """Draw one turn, with words and manner independent given the label, so that both modalities help."""
    text = draw_sentence(label, random)
    means = np.array((speaker.rate, speaker.pitch, 50, 100, 0, 0)) + _MANNERS[label]
    *prosody, effort, breath = np.clip(random.normal(means, _SPREADS), *_LIMITS).tolist()
    spoken = synthesizer.say(text, speaker.voice, Prosody(*map(round, prosody)))
    wave = resample(spoken, synthesizer.rate)
    third = NEIGHBOURS[label] if random.random() < _STRAY_VOTE else label
    ratings = np.clip(np.rint(random.normal(_RATINGS[label], 0.5, (2, 3))), 1, 5).astype(int)  # (raters, 3)
    samples = colour(wave, effort, breath, random)
    return DemoTurn(utterance_id, label, text, (label, label, third), ratings.tolist(), samples)
