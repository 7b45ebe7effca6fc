"""ASVP-ESD, realistic emotional sounds from the web: 131 actors, 12 emotions, 5,140 of 13,964 clips speech."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "01": "boredom",
    "02": "neutral",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
    "09": "excited",
    "10": "pleasure",
    "11": "pain",
    "12": "disappointment",
}
_BREATH, _UNKNOWN = "13", "17"
_SPEECH = {f"01-{code}": meaning for code, meaning in _EMOTIONS.items()}
_SOUNDS = {f"02-{code}": meaning for code, meaning in {**_EMOTIONS, _BREATH: "breath"}.items()}
CARD = CorpusCard(
    title="ASVP-ESD: Audio, Speech and Vision Processing lab Emotional Sound Database",
    licence="see https://zenodo.org/record/7132783",
    citation="Tientcheu Touko Landry et al., ASVP-ESD: A dataset and its benchmark for emotion recognition using both "
    "speech and non-speech utterances (2020)",
    source="https://zenodo.org/record/7132783",
    language="Chinese, English, French, Russian and others",
    labels={
        **_SPEECH,
        f"01-{_UNKNOWN}": "speech with an undefined emotion code",
        **{code: f"non-speech, {meaning}" for code, meaning in _SOUNDS.items()},
    },
    counts={
        **dict(zip(_SPEECH, (98, 1314, 613, 551, 1064, 170, 190, 492, 270, 35, 54, 288), strict=True)),
        f"01-{_UNKNOWN}": 1,
        **dict(zip(_SOUNDS, (450, 284, 1255, 2143, 389, 1010, 709, 1094, 131, 330, 780, 77, 172), strict=True)),
    },
    speakers=131,
    schemes={
        "asvp-esd-12": {**_SPEECH, f"01-{_UNKNOWN}": None, **dict.fromkeys(_SOUNDS)},
        "asvp-esd-sounds": {**_SPEECH, f"01-{_UNKNOWN}": None, **_SOUNDS},
    },
    default_scheme="asvp-esd-12",
    version="ASVP-ESD-Update: 13,964 clips, of which 1,339 in Bonus",
    words="the speech is not scripted; most clips are laughter, crying and other sounds without words",
    published=list_emobox_results(
        "asvp-esd-sounds",
        {
            "wav2vec 2.0 base": (48.99, 59.12, 49.78),
            "WavLM large": (56.31, 65.91, 56.83),
            "Whisper large v3": (61.14, 71.52, 62.08),
        },
        "one fold, 3,487 clips in test; all their actors are in training, too; the folds have "
        "13 labels, EmoBox's list of corpora counts 12",
    ),
    note="a label is the vocal channel (01 speech, 02 non-speech) and the emotion; asvp-esd-12 is the speech alone, "
    "asvp-esd-sounds all; from films, television and the web, not acted for it; an actor is a number in the file name, "
    "and some numbers (0, 150, 200) stand for voices of several ages, so hardly for one person; EmoBox's published "
    "fold shares all 131 actors between training and test, and counts non-speech in",
)
LAYOUT = re.compile(
    rf"03-(?P<channel>0[12])-(?P<emotion>{'|'.join(_EMOTIONS)}|{_BREATH}|{_UNKNOWN})"
    r"-\d+-\d+-(?P<actor>\d+)(?: ?-\d+){2,6}"
)
_FIELDS = 9  # the last three are age, source and language; numbers that tell similar names apart may follow
_RATE = 16_000  # Hz
_ACTOR_FOLDER = re.compile(r"actor_(\d+)", re.IGNORECASE)


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder with Audio and Bonus, or one above it.

    Raises:
        NotFound: there is no clip of ASVP-ESD.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="Audio/actor_36/03-01-04-01-12-36-03-03-01.wav",
        find_irregular=_find_irregular,
        rate=_RATE,
    )


def sample(folder: Path) -> None:
    """Write a release of three actors with clips of noise: each speaks in three emotions, and laughs."""
    for number, actor in enumerate(("01", "02", "103")):
        for place, kind in enumerate(("01-02", "01-03", "01-05", "02-03")):
            for statement in (1, 2):
                name = f"03-{kind}-01-{statement:02}-{actor}-02-02-01"
                path = folder / "Audio" / f"actor_{int(actor)}" / f"{name}.wav"
                write_clip(path, 8 * number + 2 * place + statement, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    actor = int(match["actor"])
    return Utterance(
        id=match[0].replace(" ", ""),
        audio=clip,
        label=f"{match['channel']}-{match['emotion']}",
        speaker=str(actor),
        gender="F" if actor % 2 else "M",
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    path = PurePosixPath(row.audio)
    if row.label.startswith("02"):
        yield "clips without speech (laughter, crying, breath …), kept with labels of their own, 02-…"
    if row.label not in {**_SPEECH, **_SOUNDS}:
        yield "clips with an undefined emotion code, kept with their label"
    if len(row.id.split("-")) < _FIELDS:
        yield "clips with a field missing in their name: age, source or language; kept"
    if " " in path.stem:
        yield "clips with a space in their name, kept"
    folder = _ACTOR_FOLDER.fullmatch(path.parent.name)
    if folder and folder[1] != row.speaker:
        yield "clips of another actor than their folder's, which is ignored"
