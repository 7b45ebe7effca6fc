"""Tones of two emotions: an example of a corpus in one file."""

import wave
from pathlib import Path

import numpy as np

from featurestore.corpora import CorpusCard, Reading, set_durations
from featurestore.errors import NotFound
from featurestore.manifest import Utterance

KIND = "corpora"

CARD = CorpusCard(
    title="Tones: sine waves that are louder in anger",
    licence="public domain",
    citation="none: the clips are generated",
    labels={"A": "anger", "N": "neutral"},
    counts={"A": 16, "N": 16},
    schemes={"tones-2": {"A": "anger", "N": "neutral"}},
    default_scheme="tones-2",
    note="generated, and far easier than speech",
)
_RATE = 16_000


def utterances(root: Path) -> Reading:
    """Read a release: one utterance per clip `SPEAKER-GENDER-LABEL-NUMBER.wav`.

    Four numbers of a speaker are one dialogue. Turns without a time are in the order of their rows, so rows are sorted
    by number.
    """
    clips = [path for path in sorted(root.glob("*.wav")) if path.stem.count("-") == 3]
    clips.sort(key=lambda clip: (clip.stem.split("-")[0], int(clip.stem.split("-")[3])))
    if not clips:
        raise NotFound(f"{root} is not a release of tones", expected="clips such as 1-F-A-0.wav", do="give its folder")
    return Reading(*set_durations(root, [_to_utterance(clip) for clip in clips]))


def sample(folder: Path) -> None:
    """Write a small release: four speakers of two genders, eight clips each."""
    folder.mkdir(parents=True, exist_ok=True)
    for speaker, gender in enumerate("FMFM"):
        for number in range(8):
            label = "AN"[number % 2]
            _write_clip(folder / f"{speaker}-{gender}-{label}-{number}.wav", 300 + 20 * speaker + number, label)


def _to_utterance(clip: Path) -> Utterance:
    speaker, gender, label, number = clip.stem.split("-")
    return Utterance(
        id=clip.stem,
        audio=clip.name,
        text=f"tone {number} of speaker {speaker}",
        label=label,
        speaker=speaker,
        gender=gender,
        session=speaker,
        dialogue=f"{speaker}-{int(number) // 4}",
    )


def _write_clip(path: Path, pitch: float, label: str) -> None:
    time = np.arange(int(0.3 * _RATE)) / _RATE
    samples = np.sin(2 * np.pi * pitch * time) * (0.8 if label == "A" else 0.2)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((samples * 2**15).astype("<i2").tobytes())
