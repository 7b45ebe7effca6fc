"""URDU: spontaneous speech of 29 speakers in Urdu talk shows, 4 emotions, 400 clips."""

import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}
CARD = CorpusCard(
    title="URDU: emotional utterances from Urdu talk shows",
    licence="for research: https://github.com/siddiquelatif/URDU-Dataset",
    citation="Latif, Qayyum, Usman and Qadir, Cross lingual speech emotion recognition: Urdu vs. Western languages, "
    "FIT 2018, 88-93, arXiv:1812.10411",
    source="https://github.com/siddiquelatif/URDU-Dataset",
    language="Urdu",
    words="whatever was said on the shows; there are no transcripts",
    speakers=29,
    labels=_EMOTIONS,
    counts=dict.fromkeys(_EMOTIONS, 100),
    schemes={"urdu-4": _EMOTIONS},
    default_scheme="urdu-4",
    version="400 clips of 29 named speakers; 38 according to its paper",
    published=list_emobox_results(
        "urdu-4",
        {
            "wav2vec 2.0 base": (87.50, 87.50, 87.57),
            "WavLM large": (86.61, 86.61, 86.64),
            "Whisper large v3": (82.52, 82.52, 82.41),
        },
        "one fold, 100 clips in test; 18 of their 19 speakers are in training, too",
    ),
    note="spontaneous, from YouTube; 26 of the 29 speakers have clips of one emotion alone, so that voices give it "
    "away where a split shares speakers: EmoBox's published fold shares 18 of its 19 test speakers with training; "
    "speakers are unbalanced: one has 80 clips and nine have two",
)
LAYOUT = re.compile(r"(?P<speaker>S(?P<gender>[FM])\d+)_F\d+_(?P<emotion>[AHNS])\d+", re.IGNORECASE)
_RATE = 44_100  # Hz, of the release
_SAMPLED = ("SF1", "SF6", "SM4", "SM5")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder with Angry, Happy, Neutral and Sad, or one above it.

    Raises:
        NotFound: there is no clip of URDU.
    """
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="Angry/SM1_F10_A010.wav", rate=_RATE)


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: each has two clips of three emotions."""
    names = (
        f"{emotion}/{speaker}_F{number}_{emotion[0]}{2 * place + number:03}"
        for emotion in ("Angry", "Happy", "Sad")
        for place, speaker in enumerate(_SAMPLED)
        for number in (1, 2)
    )
    for number, name in enumerate(names):
        write_clip(folder / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    return Utterance(
        id=match[0].upper(),
        audio=clip,
        label=match["emotion"].upper(),
        speaker=match["speaker"].upper(),
        gender=match["gender"].upper(),
    )
