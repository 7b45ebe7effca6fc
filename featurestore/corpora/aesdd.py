"""AESDD, Acted Emotional Speech Dynamic Database: 6 Greek actors, 20 sentences, 5 emotions, 605 clips."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness"}
CARD = CorpusCard(
    title="AESDD: Acted Emotional Speech Dynamic Database",
    licence="public: http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
    citation="Vryzas et al., Speech Emotion Recognition for Performance Interaction, Journal of the Audio Engineering "
    "Society 66(6) (2018) 457-467",
    source="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
    language="Greek",
    labels=_EMOTIONS,
    counts={"a": 121, "d": 122, "f": 120, "h": 119, "s": 123},
    speakers=6,
    schemes={"aesdd-5": _EMOTIONS},
    default_scheme="aesdd-5",
    version="605 clips of six speakers; s05 (3) cannot be decoded, and the database grows",
    words="the same nineteen sentences in every emotion, and one improvised",
    published=list_emobox_results(
        "aesdd-5",
        {
            "wav2vec 2.0 base": (67.59, 67.65, 67.61),
            "WavLM large": (84.40, 84.49, 84.19),
            "Whisper large v3": (79.13, 79.18, 79.13),
        },
        "one fold, 149 clips in test; speakers are in both training and test",
    ),
    note="acted; nineteen of the twenty sentences are the same in every emotion, one is improvised; the sex of the "
    "speakers is not given; EmoBox's published fold shares all speakers between training and test",
)
LAYOUT = re.compile(r"(?P<emotion>[adfhs])(?P<sentence>\d\d) ?\((?P<actor>\d\d?)\)(?P<take>[ab]?)", re.IGNORECASE)
_RATE = 44_100  # Hz
_REGULAR = re.compile(r".\d\d \(\d\)")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder with `anger` to `sadness`, or one above it.

    Raises:
        NotFound: there is no clip of AESDD.
    """
    return read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="anger/a03 (3).wav", find_irregular=_find_irregular, rate=_RATE
    )


def sample(folder: Path) -> None:
    """Write a release of three actors with clips of noise: each says two sentences in three emotions."""
    names = (
        f"{_EMOTIONS[emotion]}/{emotion}{sentence} ({actor}).wav"
        for actor in (1, 2, 3)
        for emotion in "ahs"
        for sentence in ("01", "02")
    )
    for number, name in enumerate(names):
        write_clip(folder / name, number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    label, sentence, actor = match["emotion"].lower(), match["sentence"], str(int(match["actor"]))
    return Utterance(
        id=f"{label}{sentence}_{actor}{match['take'].lower()}",
        audio=clip,
        label=label,
        speaker=actor,
        script=sentence,
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if not _REGULAR.fullmatch(PurePosixPath(row.audio).stem):
        yield "clips with an irregular name, such as (01) for (1) or a letter for a second take, kept"
