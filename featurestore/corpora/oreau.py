"""Oréau, French emotional speech in the classroom: 32 speakers, 7 emotions, 434 clips."""

import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, find_folder, read_named_clips, write_clip
from featurestore.corpora._french_initials import FRENCH_INITIALS
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

CARD = CorpusCard(
    title="Oréau: French emotional speech database",
    licence="see https://zenodo.org/record/4405783",
    citation="Kerkeni et al., French Emotional Speech Database - Oréau, Zenodo (2020), "
    "https://zenodo.org/record/4405783",
    source="https://zenodo.org/record/4405783",
    language="French",
    labels=FRENCH_INITIALS,
    counts={"C": 67, "D": 67, "J": 62, "N": 70, "P": 51, "S": 62, "T": 55},
    speakers=32,
    schemes={"oreau-7": FRENCH_INITIALS},
    default_scheme="oreau-7",
    version="second version: the 434 of 502 clips whose emotion listeners recognized",
    words="sentences of its own, 10 to 13, for each emotion: they give it away",
    published=list_emobox_results(
        "oreau-7",
        {
            "wav2vec 2.0 base": (40.14, 41.06, 39.23),
            "WavLM large": (65.54, 66.29, 65.67),
            "Whisper large v3": (84.48, 84.79, 85.01),
        },
        "one fold, 104 clips in test; all their 29 speakers are in training, too",
    ),
    note="acted by non-professionals; each emotion has sentences of its own, so a system that hears the words knows "
    "the emotion: cut folds by script; EmoBox's published fold shares 29 speakers between training and test",
)
LAYOUT = re.compile(
    r"(?P<speaker>\d\d)(?P<sentence>[a-z]\d\d)(?P<emotion>[CDJNPST])(?P<take>[a-z])",
    re.IGNORECASE,
)
_SEXES = ("f", "m")
_RATE = 44_100  # Hz


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name. The sex of the speaker is that of the folder, f or m.

    Args:
        root: the folder OréauFR_02, or one above it.

    Raises:
        NotFound: there is no clip of Oréau.
    """
    return read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="f/sessj/10a02Ja.wav", find_irregular=_find_irregular, rate=_RATE
    )


def sample(folder: Path) -> None:
    """Write a release of three speakers with clips of noise: each says two sentences of each of three emotions."""
    names = (
        f"{sex}/sess{emotion.lower()}/{speaker}{sentence}{emotion}a.wav"
        for speaker, sex in (("10", "f"), ("11", "f"), ("12", "m"))
        for emotion in "CJT"
        for sentence in ("a01", "a02")
    )
    for number, name in enumerate(names):
        write_clip(folder / "OréauFR_02" / name, number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    speaker, sentence, label = match["speaker"], match["sentence"].lower(), match["emotion"].upper()
    return Utterance(
        id=f"{speaker}{sentence}{label}{match['take'].lower()}",
        audio=clip,
        label=label,
        speaker=speaker,
        gender=find_folder(clip, _SEXES).upper(),
        script=f"{label}_{sentence}",
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if not row.gender:
        yield "clips in neither of the folders f and m, kept without a gender"
