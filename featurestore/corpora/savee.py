"""SAVEE, Surrey Audio-Visual Expressed Emotion: four British men, TIMIT sentences, 7 emotions, 480 clips."""

import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, find_folder, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
CARD = CorpusCard(
    title="SAVEE: Surrey Audio-Visual Expressed Emotion",
    licence="free of charge for research, on registration: http://kahlan.eps.surrey.ac.uk/savee/",
    citation="Haq and Jackson, Speaker-dependent audio-visual emotion recognition, AVSP 2009, 53-58",
    source="http://kahlan.eps.surrey.ac.uk/savee/",
    language="English",
    words="of 15 sentences of an emotion, 3 occur in every emotion, 2 also as neutral, 10 in this one alone",
    speakers=4,
    labels=_EMOTIONS,
    counts={**dict.fromkeys(_EMOTIONS, 60), "n": 120},
    schemes={"savee-7": _EMOTIONS},
    default_scheme="savee-7",
    version="480 clips",
    published=list_emobox_results(
        "savee-7",
        {
            "wav2vec 2.0 base": (44.89, 49.83, 42.07),
            "WavLM large": (66.74, 70.80, 66.37),
            "Whisper large v3": (74.07, 77.24, 75.31),
        },
        "four folds, one speaker tested in each",
        "leave-one-speaker-out",
    ),
    note="acted by four men; all of them say the same sentences, most of which occur in one emotion alone, so that a "
    "text score says which sentence it is; a sentence's number is counted within its emotion and is no script",
)
LAYOUT = re.compile(r"(?:(?P<speaker>DC|JE|JK|KL)_)?(?P<emotion>sa|su|[adfhn])(?P<number>\d\d)", re.IGNORECASE)
_SPEAKERS = ("DC", "JE", "JK", "KL")
_SENTENCES = {**dict.fromkeys(_EMOTIONS, 15), "n": 30}
_RATE = 44_100  # Hz, of the release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip.

    The speaker is the folder of a clip in the original release, and the beginning of its name in a flat copy.

    Args:
        root: the folder with DC, JE, JK and KL or with the flat clips, or one above it.

    Raises:
        NotFound: there is no clip of SAVEE.
    """
    return read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="AudioData/DC/a01.wav", find_irregular=_find_irregular, rate=_RATE
    )


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: each says two sentences in three emotions."""
    names = (f"{speaker}/{emotion}{n:02}" for speaker in _SPEAKERS for emotion in ("a", "n", "sa") for n in (1, 2))
    for number, name in enumerate(names):
        write_clip(folder / "AudioData" / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance | str:
    speaker = (match["speaker"] or find_folder(clip, _SPEAKERS)).upper()
    if not speaker:
        return f"clips in no folder of a speaker ({', '.join(_SPEAKERS)}), ignored: who speaks is unknown"
    emotion = match["emotion"].lower()
    return Utterance(id=f"{speaker}_{emotion}{match['number']}", audio=clip, label=emotion, speaker=speaker, gender="M")


def _find_irregular(row: Utterance) -> Iterator[str]:
    if not 1 <= int(row.id[-2:]) <= _SENTENCES[row.label]:
        yield "clips of a sentence that the corpus does not have"
