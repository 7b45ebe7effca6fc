"""CASIA, the emotional part that is public: 4 Mandarin actors, the same 50 texts in 6 emotions, 1,200 clips."""

import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, find_folder, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "angry": "anger",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprise": "surprise",
}
CARD = CorpusCard(
    title="CASIA: Chinese emotional speech corpus of the Institute of Automation, Chinese Academy of Sciences",
    licence="see https://aistudio.baidu.com/aistudio/datasetdetail/209512",
    citation="Tao, Liu, Zhang and Jia, Design of speech corpus for Mandarin text to speech, Blizzard Challenge 2008 "
    "workshop",
    source="https://aistudio.baidu.com/aistudio/datasetdetail/209512",
    language="Mandarin Chinese",
    words="the same 50 texts in every emotion",
    speakers=4,
    labels=_EMOTIONS,
    counts=dict.fromkeys(_EMOTIONS, 200),
    schemes={"casia-6": _EMOTIONS},
    default_scheme="casia-6",
    version="public part, texts 201 to 250: 1,200 of the 9,600 clips",
    published=list_emobox_results(
        "casia-6",
        {
            "wav2vec 2.0 base": (39.56, 39.56, 34.86),
            "WavLM large": (52.12, 52.12, 46.55),
            "Whisper large v3": (59.58, 59.58, 56.27),
        },
        "four folds, one speaker tested in each",
        "leave-one-speaker-out",
    ),
    note="acted; the same texts in every emotion, so the words tell nothing about it; the copies in use have 1,200 of "
    "the 9,600 recordings",
)
_GENDERS = {"liuchanhg": "F", "wangzhe": "M", "zhaoquanyin": "F", "zhaozuoxiang": "M"}  # liuchanhg: so spelt
# A copy in one folder appends emotion and actor to the number: 201-sad-zhaoquanyin.wav
LAYOUT = re.compile(
    rf"(?P<text>20[1-9]|2[1-4]\d|250)(?:-(?P<emotion>{'|'.join(_EMOTIONS)})-(?P<actor>{'|'.join(_GENDERS)}))?",
    re.IGNORECASE,
)
_RATE = 16_000  # Hz, of the release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip. The actor and the emotion are folders above a clip.

    Args:
        root: the folder with a folder per actor, or one above it.

    Raises:
        NotFound: there is no clip of CASIA.
    """
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="wangzhe/neutral/201.wav", rate=_RATE)


def sample(folder: Path) -> None:
    """Write a release of four actors with clips of noise: each says two texts in three emotions."""
    names = (
        f"{actor}/{emotion}/{text}"
        for actor in _GENDERS
        for emotion in ("angry", "neutral", "sad")
        for text in (201, 250)
    )
    for number, name in enumerate(names):
        write_clip(folder / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance | str:
    actor = (match["actor"] or find_folder(clip, _GENDERS)).lower()
    emotion = (match["emotion"] or find_folder(clip, _EMOTIONS)).lower()
    if not actor or not emotion:
        return "clips in no folder of an actor and an emotion, ignored: who speaks, or how, is unknown"
    return Utterance(
        id=f"{actor}_{emotion}_{match['text']}",
        audio=clip,
        label=emotion,
        speaker=actor,
        gender=_GENDERS[actor],
        script=match["text"],
    )
