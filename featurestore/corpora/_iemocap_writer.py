"""Write a dialogue in the layout of the IEMOCAP release: evaluation, transcript, one wav file per turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000  # Hz
PAUSE = 0.35  # seconds between two turns
_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"
_EMOTIONS = {
    "ang": "Anger",
    "exc": "Excited",
    "fru": "Frustration",
    "hap": "Happiness",
    "neu": "Neutral state",
    "sad": "Sadness",
}


@dataclass(frozen=True)
class DemoTurn:
    """A made-up turn of a dialogue.

    Args:
        id: utterance id, such as `Ses01F_impro01_M000`.
        label: label code.
        text: what is said.
        votes: label code that each of three raters chose.
        ratings: valence, activation and dominance, 1 to 5, by each of two raters.
        samples: (S,) at 16 kHz.
    """

    id: str
    label: str
    text: str
    votes: Sequence[str]
    ratings: Sequence[tuple[int, int, int]]
    samples: "NDArray[np.int16]"


def write_dialogue(root: Path, dialogue: str, turns: Sequence[DemoTurn]) -> None:
    """Write one dialogue, such as `Ses01F_impro01`, into the release in the folder `root`."""
    import soundfile

    session = root / f"Session{int(dialogue[3:5])}"
    spans = dict(_lay_out(turns))
    evaluations = [_HEADER, "", *(_format_evaluation(turn, *spans[turn.id]) for turn in turns)]
    words = [f"{turn.id} [{spans[turn.id][0]:08.4f}-{spans[turn.id][1]:08.4f}]: {turn.text}" for turn in turns]
    for folder, lines in {"EmoEvaluation": evaluations, "transcriptions": words}.items():
        path = session / "dialog" / folder / f"{dialogue}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    clips = session / "sentences" / "wav" / dialogue
    clips.mkdir(parents=True, exist_ok=True)
    for turn in turns:
        soundfile.write(clips / f"{turn.id}.wav", turn.samples, RATE, subtype="PCM_16")


def _lay_out(turns: Sequence[DemoTurn]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield each turn's id with its start and end in seconds into the dialogue."""
    now = 2.0
    for turn in turns:
        end = now + len(turn.samples) / RATE
        yield turn.id, (now, end)
        now = end + PAUSE


def _format_evaluation(turn: DemoTurn, start: float, end: float) -> str:
    import numpy as np

    means = ", ".join(f"{mean:.4f}" for mean in np.mean(turn.ratings, axis=0))
    lines = [f"[{start:.4f} - {end:.4f}]\t{turn.id}\t{turn.label}\t[{means}]"]
    lines += [f"C-E{number}:\t{_EMOTIONS[vote]};\t()" for number, vote in enumerate(turn.votes, 2)]
    lines += [
        f"A-E{number}:\tval {valence}; act {activation}; dom  {dominance};\t()"
        for number, (valence, activation, dominance) in enumerate(turn.ratings, 3)
    ]
    return "\n".join(lines) + "\n"
