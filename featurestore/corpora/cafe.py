"""CaFE, Canadian French Emotional speech dataset: 12 actors, 6 sentences, 7 emotions, 936 clips."""

import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.corpora._french_initials import FRENCH_INITIALS
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

CARD = CorpusCard(
    title="CaFE: Canadian French Emotional speech dataset",
    licence="CC BY-NC-SA 4.0: https://zenodo.org/record/1478765",
    citation="Gournay et al., A Canadian French Emotional Speech Dataset, ACM Multimedia Systems 2018, 399-402",
    source="https://zenodo.org/record/1478765",
    language="French",
    labels=FRENCH_INITIALS,
    counts={**dict.fromkeys(FRENCH_INITIALS, 144), "N": 72},
    speakers=12,
    schemes={"cafe-7": FRENCH_INITIALS},
    default_scheme="cafe-7",
    version="936 clips",
    words="the same six sentences in every emotion",
    published=list_emobox_results(
        "cafe-7",
        {
            "wav2vec 2.0 base": (42.76, 42.47, 41.03),
            "WavLM large": (62.20, 61.33, 61.14),
            "Whisper large v3": (69.43, 68.84, 68.06),
        },
        "three folds of four speakers each, none in both training and test",
    ),
    note="acted; the same six sentences in every emotion, so the words tell nothing about it; each emotion is weak (1) "
    "and strong (2), neutral has half as many clips",
)
LAYOUT = re.compile(r"(?P<actor>\d\d)-(?P<emotion>[CDJNPST])-(?P<intensity>[12])-(?P<sentence>[1-6])", re.IGNORECASE)
_SENTENCES = {
    "1": "Un cheval fou dans mon jardin",
    "2": "Deux ânes aigris au pelage brun",
    "3": "Trois cygnes aveugles au bord du lac",
    "4": "Quatre vieilles truies éléphantesques",
    "5": "Cinq pumas fiers et passionnés",
    "6": "Six ours aimants domestiqués",
}
_RATE = 48_000  # Hz
_FOLDERS = {"C": "Colère", "J": "Joie", "T": "Tristesse"}


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    The release has the same clips at 48 kHz and at 192 kHz. Where both are present, those at 48 kHz are used.

    Args:
        root: the folder CaFE_48k, or one above it.

    Raises:
        NotFound: there is no clip of CaFE.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="CaFE_48k/Joie/Fort/01-J-2-1.wav",
        find_irregular=_find_irregular,
        rate=_RATE,
        order=lambda clip: "192k" in clip.lower(),
    )


def sample(folder: Path) -> None:
    """Write a release of three actors with clips of noise: each says two sentences in three emotions."""
    names = (
        f"{_FOLDERS[emotion]}/Fort/{actor:02}-{emotion}-2-{sentence}.wav"
        for actor in (1, 2, 3)
        for emotion in _FOLDERS
        for sentence in (1, 2)
    )
    for number, name in enumerate(names):
        write_clip(folder / "CaFE_48k" / name, number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    return Utterance(
        id=match[0].upper(),
        audio=clip,
        text=_SENTENCES[match["sentence"]],
        label=match["emotion"].upper(),
        speaker=match["actor"],
        gender="M" if int(match["actor"]) % 2 else "F",
        script=match["sentence"],
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if not 1 <= int(row.speaker) <= CARD.speakers:
        yield "clips of an unknown actor"
