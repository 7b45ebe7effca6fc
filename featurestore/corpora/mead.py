"""MEAD, Multi-view Emotional Audio-visual Dataset: 48 English speakers, 8 emotions, 31,729 clips of audio."""

import re
from pathlib import Path, PurePosixPath

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "angry": "angry",
    "contempt": "contempt",
    "disgusted": "disgusted",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprised": "surprised",
}
CARD = CorpusCard(
    title="MEAD: Multi-view Emotional Audio-visual Dataset",
    licence="for research, by its terms of use: https://github.com/uniBruce/Mead",
    citation="Wang et al., MEAD: A Large-scale Audio-visual Dataset for Emotional Talking-face Generation, ECCV 2020",
    source="https://wywu.github.io/projects/MEAD/MEAD.html",
    language="English",
    labels=_EMOTIONS,
    counts={
        "sad": 4306,
        "happy": 4294,
        "disgusted": 4284,
        "surprised": 4270,
        "fear": 4251,
        "contempt": 4215,
        "angry": 4193,
        "neutral": 1916,
    },
    speakers=48,
    schemes={"mead-8": _EMOTIONS},
    default_scheme="mead-8",
    version="audio of the 48 released speakers, as listed by EmoBox 08280f2: 31,729 clips",
    words="read sentences; the release has no transcript",
    published=list_emobox_results(
        "mead-8",
        {
            "wav2vec 2.0 base": (72.17, 73.57, 72.32),
            "WavLM large": (81.27, 82.03, 81.43),
            "Whisper large v3": (76.35, 77.34, 76.55),
        },
        "one fold, 7,929 clips in test, of all 48 speakers",
    ),
    note="acted at three levels of intensity (the third part of an id), neutral at one; not all of the paper's 60 "
    "speakers are released; the sentence of a clip is not known, so folds by script are not possible",
)
_NUMBER = re.compile(r"\d{3}")  # no LAYOUT: other corpora have such names, too
_FOLDERS = re.compile(
    rf"(.*/)?(?P<speaker>[MW]\d{{3}})/audio/(?P<emotion>{'|'.join(_EMOTIONS)})/level_(?P<level>[1-3])", re.IGNORECASE
)
_VIDEO_FOLDER = re.compile(r"(.*/)?video/.*", re.IGNORECASE)
_VIDEOS = "videos, ignored: the same recordings are in the folders audio"
_ELSEWHERE = "clips in other folders than SPEAKER/audio/EMOTION/level_1 to 3, ignored"
_GENDERS = {"M": "M", "W": "F"}


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip of the folders `audio`, by the names of its folders.

    Args:
        root: the folder with M003 to W040, or one above it.

    Raises:
        NotFound: there is no clip of MEAD.
    """
    return read_named_clips(root, CARD, _NUMBER, _to_utterance, example="W019/audio/angry/level_1/020.m4a")


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: two of each of three emotions."""
    names = (
        f"{speaker}/audio/{emotion}/level_1/{take:03}"
        for speaker in ("M003", "M005", "W009", "W011")
        for emotion in ("angry", "happy", "neutral")
        for take in range(1, 3)
    )
    for number, name in enumerate(names):
        write_clip(folder / f"{name}.wav", number, 48_000)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance | str:
    folder = PurePosixPath(clip).parent.as_posix()
    found = _FOLDERS.fullmatch(folder)
    if not found:
        return _VIDEOS if _VIDEO_FOLDER.fullmatch(folder) else _ELSEWHERE
    speaker, emotion = found["speaker"].upper(), found["emotion"].lower()
    return Utterance(
        id=f"{speaker}_{emotion}_{found['level']}_{match[0]}",
        audio=clip,
        label=emotion,
        speaker=speaker,
        gender=_GENDERS[speaker[0]],
    )
