"""RAVDESS, Ryerson Audio-Visual Database of Emotional Speech and Song: 24 actors, 8 emotions, 1,440 spoken clips."""

import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
CARD = CorpusCard(
    title="RAVDESS: Ryerson Audio-Visual Database of Emotional Speech and Song, its spoken part",
    licence="CC BY-NC-SA 4.0: https://zenodo.org/records/1188976",
    citation="Livingstone and Russo, The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), "
    "PLoS ONE 13(5) (2018) e0196391",
    source="https://zenodo.org/records/1188976",
    language="English",
    labels=_EMOTIONS,
    counts={"01": 96, **dict.fromkeys(list(_EMOTIONS)[1:], 192)},
    speakers=24,
    schemes={"ravdess-8": _EMOTIONS},
    default_scheme="ravdess-8",
    version="Audio_Speech_Actors_01-24: 1,440 clips",
    words="the same two sentences in every emotion",
    published=list_emobox_results(
        "ravdess-8",
        {
            "wav2vec 2.0 base": (54.33, 55.40, 53.99),
            "WavLM large": (72.00, 72.22, 71.42),
            "Whisper large v3": (75.32, 75.87, 75.19),
        },
        "six folds of four speakers each, none in both training and test",
    ),
    note="acted; the same two sentences in every emotion, so the words tell nothing about it; neutral has no strong "
    "intensity and half as many clips",
)
LAYOUT = re.compile(
    r"(?P<modality>0[1-3])-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<statement>0[12])-(?P<repetition>0[12])-(?P<actor>\d\d)"
)
_SPEECH, _AUDIO_ONLY = "01", "03"
_SENTENCES = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per spoken clip, by name.

    Args:
        root: the folder with Actor_01 to Actor_24, or one above it.

    Raises:
        NotFound: there is no clip of RAVDESS.
    """
    return read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="Actor_01/03-01-01-01-01-01-01.wav", find_irregular=_find_irregular
    )


def sample(folder: Path) -> None:
    """Write a release of four actors with clips of noise: each says two sentences in three emotions."""
    names = (
        f"03-01-{emotion}-01-{statement}-01-{actor:02}"
        for actor in range(1, 5)
        for emotion in ("01", "03", "04")
        for statement in _SENTENCES
    )
    for number, name in enumerate(names):
        write_clip(folder / f"Actor_{name[-2:]}" / f"{name}.wav", number, 48_000)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance | str:
    if match["channel"] != _SPEECH:
        return "songs, ignored: this corpus is the spoken part"
    if match["modality"] != _AUDIO_ONLY:
        return "videos, ignored: the same recordings are clips without a picture (03-…)"
    actor = int(match["actor"])
    return Utterance(
        id=match[0],
        audio=clip,
        text=_SENTENCES[match["statement"]],
        label=match["emotion"],
        speaker=match["actor"],
        gender="M" if actor % 2 else "F",
        script=match["statement"],
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if not 1 <= int(row.speaker) <= CARD.speakers:
        yield "clips of an unknown actor"
