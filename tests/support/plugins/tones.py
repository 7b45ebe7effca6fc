"""Tones of two emotions, 32 clips: an example of a corpus in one file."""

import re
import wave
from pathlib import Path

import numpy as np

from featurestore.corpora import CorpusCard, Reading, read_named_clips
from featurestore.manifest import Utterance

KIND = "corpora"

CARD = CorpusCard(
    title="Tones: sine waves that are louder in anger",
    licence="public domain",
    citation="none: the clips are generated",
    source="https://example.org/tones",
    language="none",
    labels={"A": "anger", "N": "neutral"},
    counts={"A": 16, "N": 16},
    speakers=4,
    schemes={"tones-2": {"A": "anger", "N": "neutral"}},
    default_scheme="tones-2",
    words="a number, which tells nothing about the emotion",
    note="generated, and far easier than speech",
)
LAYOUT = re.compile(r"(?P<speaker>\d)-(?P<gender>[FM])-(?P<label>[AN])-(?P<number>\d)", re.IGNORECASE)
_RATE = 16_000


def utterances(root: Path) -> Reading:
    """Read a release: one utterance per clip `SPEAKER-GENDER-LABEL-NUMBER.wav`."""
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="1-F-A-0.wav")


def sample(folder: Path) -> None:
    """Write a small release: four speakers of two genders, eight clips each."""
    folder.mkdir(parents=True, exist_ok=True)
    for speaker, gender in enumerate("FMFM"):
        for number in range(8):
            label = "AN"[number % 2]
            _write_clip(folder / f"{speaker}-{gender}-{label}-{number}.wav", 300 + 20 * speaker + number, label)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    """Return a clip as an utterance.

    Four numbers of a speaker are one dialogue. Turns without a time are in the order of their rows, which are sorted by
    id, so the number comes before the label.
    """
    speaker, gender, label, number = match[0].upper().split("-")
    return Utterance(
        id=f"{speaker}-{number}-{label}",
        audio=clip,
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
