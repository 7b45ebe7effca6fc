"""Polish Emotional Speech, Gdańsk University of Technology: 5 speakers, 6 commands, 3 emotions, 450 clips."""

import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {"a": "anger", "n": "neutral", "s": "fear"}
_WORDS = ("nie", "oddaj", "podaj", "stop", "tak", "trzymaj")
_SOURCE = "https://mostwiedzy.pl/en/open-research-data/emotions-in-polish-speech-recordings,11190523461146169-0"
CARD = CorpusCard(
    title="Polish Emotional Speech (Gdańsk): emotions in Polish speech recordings",
    licence=f"see {_SOURCE}",
    citation=f"Emotions in Polish speech recordings, Gdańsk University of Technology, MOST Wiedzy, {_SOURCE}",
    source=_SOURCE,
    language="Polish",
    labels=_EMOTIONS,
    counts=dict.fromkeys(_EMOTIONS, 150),
    speakers=5,
    schemes={"polish-3": _EMOTIONS},
    default_scheme="polish-3",
    version="450 clips",
    words="the same six commands in every emotion",
    published=list_emobox_results(
        "polish-3",
        {
            "wav2vec 2.0 base": (67.35, 67.35, 66.76),
            "WavLM large": (79.29, 79.29, 79.02),
            "Whisper large v3": (83.27, 83.27, 82.77),
        },
        "five folds, one speaker tested in each",
        "leave-one-speaker-out",
    ),
    note="acted; one word a clip and the same six words in every emotion, so the words tell nothing about it; "
    "the letter s is fear; the names do not give the speakers' gender",
)
LAYOUT = re.compile(
    rf"(?P<speaker>[a-z]\d)\.(?P<emotion>[ans])_(?P<word>{'|'.join(_WORDS)})_(?P<take>\d)", re.IGNORECASE
)
_RATE = 44_100  # Hz, of the release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder of the clips, or one above it.

    Raises:
        NotFound: there is no clip of the corpus.
    """
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="m3.s_trzymaj_5.wav", rate=_RATE)


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: each says two words in three emotions."""
    names = (
        f"m{speaker}.{emotion}_{word}_1" for speaker in range(1, 5) for emotion in _EMOTIONS for word in _WORDS[:2]
    )
    for number, name in enumerate(names):
        write_clip(folder / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    name = {part: value.lower() for part, value in match.groupdict().items()}
    return Utterance(
        id=match[0].lower(),
        audio=clip,
        text=name["word"],
        label=name["emotion"],
        speaker=name["speaker"],
        script=name["word"],
    )
