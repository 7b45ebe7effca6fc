"""TurEV-DB, Turkish Emotion-Voice Database: 6 speakers, 82 words, 4 emotions, 1,735 clips."""

import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {"hl": "sad", "kz": "angry", "mt": "happy", "sk": "calm"}
_FOLDERS = {"hl": "Sad", "kz": "Angry", "mt": "Happy", "sk": "Calm"}
CARD = CorpusCard(
    title="TurEV-DB: Turkish Emotion-Voice Database",
    licence="CC BY-NC-ND 4.0: https://github.com/Xeonen/TurEV-DB",
    citation="Canpolat, Ormanoğlu and Zeyrek, Turkish Emotion Voice Database (TurEV-DB), SLTU-CCURL 2020, 368-375",
    source="https://github.com/Xeonen/TurEV-DB",
    language="Turkish",
    labels=_EMOTIONS,
    counts={"kz": 487, "hl": 483, "sk": 408, "mt": 357},
    speakers=6,
    schemes={"turev-db-4": _EMOTIONS},
    default_scheme="turev-db-4",
    version="Sound Source: 1,735 clips",
    words="the same 82 words in every emotion",
    published=list_emobox_results(
        "turev-db-4",
        {
            "wav2vec 2.0 base": (67.19, 68.01, 67.19),
            "WavLM large": (79.50, 80.09, 79.51),
            "Whisper large v3": (81.32, 81.58, 81.31),
        },
        "one fold, 432 clips in test; all six speakers are in both training and test",
    ),
    note="acted; one word a clip and the same words in every emotion, so they tell nothing about it; calm is not "
    "neutral; speaker 1157 has neither calm nor happy clips, so leave-one-speaker-out lacks classes; names spell the "
    "words without Turkish letters, so the text is left empty; EmoBox's published fold shares all six speakers between "
    "training and test",
)
LAYOUT = re.compile(r"(?P<speaker>\d{4})_(?P<emotion>hl|kz|mt|sk)_(?P<word>[a-z]+)(?P<take>\d?)", re.IGNORECASE)
_RATE = 44_100  # Hz, of the release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder `Sound Source`, or one above it.

    Raises:
        NotFound: there is no clip of TurEV-DB.
    """
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="Sound Source/Calm/1984_sk_eger.wav", rate=_RATE)


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: each says two words in three emotions."""
    names = (
        f"{speaker}_{emotion}_{word}"
        for speaker in ("1234", "1358", "1984", "6783")
        for emotion in ("kz", "mt", "sk")
        for word in ("eger", "kedi")
    )
    for number, name in enumerate(names):
        write_clip(folder / "Sound Source" / _FOLDERS[name[5:7]] / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    return Utterance(
        id=match[0].lower(),
        audio=clip,
        label=match["emotion"].lower(),
        speaker=match["speaker"],
        script=match["word"].lower(),
    )
