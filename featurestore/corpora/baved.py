"""BAVED, Basic Arabic Vocal Emotions Dataset: 60 speakers, 7 words, 3 levels of emotion, 1,935 clips."""

import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance

_LEVELS = {"0": "low", "1": "normal", "2": "high"}
_WORDS = ("اعجبني", "لم يعجبني", "هذا", "الفيلم", "رائع", "مقول", "سيئ")  # numbered from 0, spelt as in the release
CARD = CorpusCard(
    title="BAVED: Basic Arabic Vocal Emotions Dataset",
    licence="see https://github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
    citation="Basic Arabic Vocal Emotions Dataset, https://github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
    source="https://github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
    language="Arabic",
    labels=_LEVELS,
    counts={"0": 585, "1": 672, "2": 678},
    speakers=60,
    schemes={"baved-3": _LEVELS},
    default_scheme="baved-3",
    version="1,935 clips",
    words="the same seven words at every level",
    note="the labels are levels of emotion, not emotions: low is tired or down, normal is everyday speech, high is any "
    "strong emotion, positive or negative; one word a clip, the same at every level; 21 clips of speaker 46 are those "
    "of speaker 53, byte by byte, so folds that part the two share clips; the release counts 61 speakers, its "
    "names have 60; 44 of them are male",
)
LAYOUT = re.compile(
    r"(?P<speaker>\d+)-(?P<gender>[mf])-(?P<age>\d+)-(?P<word>[0-6])-(?P<level>[0-2])-(?P<record>\d+)", re.IGNORECASE
)
_RATE = 16_000  # Hz, of the release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder with 0 to 6, or one above it.

    Raises:
        NotFound: there is no clip of BAVED.
    """
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="3/101-m-20-3-0-45.wav", rate=_RATE)


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: each says two words at three levels."""
    names = (
        f"{speaker}-{'fm'[speaker % 2]}-20-{word}-{level}-{speaker * 10 + word}"
        for speaker in range(4)
        for word in (0, 2)
        for level in _LEVELS
    )
    for number, name in enumerate(names):
        write_clip(folder / name.split("-")[3] / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    return Utterance(
        id=match[0].lower(),
        audio=clip,
        text=_WORDS[int(match["word"])],
        label=match["level"],
        speaker=match["speaker"],
        gender=match["gender"].upper(),
        script=match["word"],
    )
