"""SUBESCO, SUST Bangla Emotional Speech Corpus: 20 actors, 10 sentences, 7 emotions, 7,000 clips."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "ANGRY": "angry",
    "DISGUST": "disgust",
    "FEAR": "fear",
    "HAPPY": "happy",
    "NEUTRAL": "neutral",
    "SAD": "sad",
    "SURPRISE": "surprise",
}
CARD = CorpusCard(
    title="SUBESCO: SUST Bangla Emotional Speech Corpus",
    licence="CC BY 4.0: https://zenodo.org/record/4526477",
    citation="Sultana et al., SUST Bangla Emotional Speech Corpus (SUBESCO): An audio-only emotional speech corpus for "
    "Bangla, PLoS ONE 16(4) (2021) e0250173",
    source="https://zenodo.org/record/4526477",
    language="Bangla",
    labels=_EMOTIONS,
    counts=dict.fromkeys(_EMOTIONS, 1000),
    speakers=20,
    schemes={"subesco-7": _EMOTIONS},
    default_scheme="subesco-7",
    version="7,000 clips",
    words="the same ten sentences in every emotion",
    published=list_emobox_results(
        "subesco-7",
        {
            "wav2vec 2.0 base": (51.25, 51.25, 50.91),
            "WavLM large": (65.33, 65.33, 65.09),
            "Whisper large v3": (73.05, 73.05, 72.94),
        },
        "five folds of four speakers each, none in both training and test",
    ),
    note="acted; the same ten sentences, five takes of each, in every emotion, so the words tell nothing about it; "
    "clips at 44.1 and at 48 kHz",
)
LAYOUT = re.compile(
    rf"(?P<sex>[FM])_(?P<number>\d\d)_(?P<actor>[A-Z]+)_S_(?P<sentence>\d+)_(?P<emotion>{'|'.join(_EMOTIONS)})"
    r"_(?P<take>\d)\]?",  # one clip of the release has the bracket
    re.IGNORECASE,
)


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Speakers are numbered by sex: F_10 is not M_10.

    Args:
        root: the folder with the clips, or one above it.

    Raises:
        NotFound: there is no clip of SUBESCO.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="F_10_FAHMEE_S_6_FEAR_5.wav",
        find_irregular=_find_irregular,
    )


def sample(folder: Path) -> None:
    """Write a release of three speakers with clips of noise: each says two sentences in three emotions."""
    names = (
        f"{speaker}_S_{sentence}_{emotion}_1"
        for speaker in ("F_01_AAA", "M_01_BBB", "F_02_CCC")
        for sentence in (1, 2)
        for emotion in ("ANGRY", "HAPPY", "SAD")
    )
    for number, name in enumerate(names):
        write_clip(folder / f"{name}.wav", number, 48_000)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    name = match[0].upper().removesuffix("]")
    return Utterance(
        id=name,
        audio=clip,
        label=match["emotion"].upper(),
        speaker=name[:4],
        gender=name[0],
        script=match["sentence"],
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if PurePosixPath(row.audio).stem.endswith("]"):
        yield "clips with a stray bracket in their name, kept"
