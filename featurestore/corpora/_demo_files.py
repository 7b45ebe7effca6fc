"""The files of one dialogue as the IEMOCAP release has them: evaluation, transcript, one wav per turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from featurestore.corpora._demo_voice import RATE

PAUSE = 0.35  # seconds between two turns
_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"
_WORDS = {
    "ang": "Anger",
    "exc": "Excited",
    "fru": "Frustration",
    "hap": "Happiness",
    "neu": "Neutral state",
    "sad": "Sadness",
}


@dataclass(frozen=True)
class Spoken:
    """One turn as it is written: times in seconds into the dialogue, samples (S,) at 16 kHz.

    Args:
        votes: the label that each of three listeners heard.
        ratings: valence, activation, dominance, 1 to 5, of each of two listeners.
    """

    id: str
    label: str
    text: str
    votes: Sequence[str]
    ratings: Sequence[tuple[int, int, int]]
    samples: NDArray[np.int16]


def write_dialogue(root: Path, dialogue: str, turns: Sequence[Spoken]) -> None:
    """Writes one dialogue of the release whose folder is `root`."""
    session = root / f"Session{int(dialogue[3:5])}"
    spans = dict(_spans(turns))
    evaluations = [_HEADER, "", *(_evaluation(turn, *spans[turn.id]) for turn in turns)]
    words = [f"{turn.id} [{spans[turn.id][0]:08.4f}-{spans[turn.id][1]:08.4f}]: {turn.text}" for turn in turns]
    for folder, lines in {"EmoEvaluation": evaluations, "transcriptions": words}.items():
        path = session / "dialog" / folder / f"{dialogue}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    clips = session / "sentences" / "wav" / dialogue
    clips.mkdir(parents=True, exist_ok=True)
    for turn in turns:
        soundfile.write(clips / f"{turn.id}.wav", turn.samples, RATE, subtype="PCM_16")


def _spans(turns: Sequence[Spoken]) -> Iterator[tuple[str, tuple[float, float]]]:
    now = 2.0
    for turn in turns:
        end = now + len(turn.samples) / RATE
        yield turn.id, (now, end)
        now = end + PAUSE


def _evaluation(turn: Spoken, start: float, end: float) -> str:
    means = ", ".join(f"{mean:.4f}" for mean in np.mean(turn.ratings, axis=0))
    lines = [f"[{start:.4f} - {end:.4f}]\t{turn.id}\t{turn.label}\t[{means}]"]
    lines += [f"C-E{number}:\t{_WORDS[vote]};\t()" for number, vote in enumerate(turn.votes, 2)]
    lines += [
        f"A-E{number}:\tval {valence}; act {activation}; dom  {dominance};\t()"
        for number, (valence, activation, dominance) in enumerate(turn.ratings, 3)
    ]
    return "\n".join(lines) + "\n"
