"""TESS, Toronto Emotional Speech Set: two actresses say 200 words in 7 emotions, 2,800 clips."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "pleasant surprise",
    "sad": "sadness",
}
CARD = CorpusCard(
    title="TESS: Toronto Emotional Speech Set",
    licence="CC BY-NC-ND 4.0: https://doi.org/10.5683/SP2/E8H2MF",
    citation="Dupuis and Pichora-Fuller, Toronto Emotional Speech Set (TESS), University of Toronto, 2010, "
    "doi:10.5683/SP2/E8H2MF",
    source="https://doi.org/10.5683/SP2/E8H2MF",
    language="English",
    words="the same 200 words in every emotion, each after: Say the word",
    speakers=2,
    labels=_EMOTIONS,
    counts=dict.fromkeys(_EMOTIONS, 400),
    schemes={"tess-7": _EMOTIONS},
    default_scheme="tess-7",
    version="2,800 clips",
    published=list_emobox_results(
        "tess-7",
        {
            "wav2vec 2.0 base": (97.92, 97.92, 97.92),
            "WavLM large": (99.78, 99.78, 99.78),
            "Whisper large v3": (99.96, 99.96, 99.96),
        },
        "one fold, 700 clips in test; both speakers are in training and test",
    ),
    note="acted by two women, aged 26 (YAF) and 64 (OAF): a result on one unseen speaker says little about others, and "
    "a random split has both on both sides, as EmoBox's published fold has; the same words in every emotion, so the "
    "words tell nothing about it",
)
# One clip of the release begins with OA instead of OAF.
LAYOUT = re.compile(
    r"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)", re.IGNORECASE
)
_RATE = 24_414  # Hz; OAF_food_fear of the release has 96,000 Hz


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name: the names of its folders vary from copy to copy.

    Args:
        root: the folder with the clips, in folders or not.

    Raises:
        NotFound: there is no clip of TESS.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="OAF_angry/OAF_back_angry.wav",
        find_irregular=_find_irregular,
        rate=_RATE,
    )


def sample(folder: Path) -> None:
    """Write a release of both speakers with clips of noise: each says two words in four emotions."""
    names = (
        f"{speaker}_{emotion}/{speaker}_{word}_{emotion}"
        for speaker in ("OAF", "YAF")
        for emotion in ("angry", "neutral", "ps", "sad")
        for word in ("back", "yes")
    )
    for number, name in enumerate(names):
        write_clip(folder / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    speaker = "YAF" if match["speaker"].upper() == "YAF" else "OAF"
    word, emotion = match["word"].lower(), match["emotion"].lower()
    return Utterance(
        id=f"{speaker}_{word}_{emotion}",
        audio=clip,
        text=f"Say the word {word}.",
        label=emotion,
        speaker=speaker,
        gender="F",
        script=word,
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if PurePosixPath(row.audio).name.upper().startswith("OA_"):
        yield "clips whose name begins with OA, read as OAF"
