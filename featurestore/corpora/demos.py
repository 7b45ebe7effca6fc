"""DEMoS, Database of Elicited Mood in Speech: 68 Italian speakers, 8 emotions with guilt, 9,697 clips."""

import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance

_EMOTIONS = {
    "col": "guilt",
    "dis": "disgust",
    "gio": "happiness",
    "neu": "neutral",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
CARD = CorpusCard(
    title="DEMoS: Database of Elicited Mood in Speech",
    licence="granted on request by a signed agreement, for research: https://zenodo.org/records/2544829",
    citation="Parada-Cabaleiro, Costantini, Batliner, Schmitt and Schuller, DEMoS: an Italian emotional speech corpus. "
    "Elicitation methods, machine learning, and perception, Language Resources and Evaluation 54 (2020) 341-383",
    source="https://zenodo.org/records/2544829",
    language="Italian",
    labels=_EMOTIONS,
    counts={
        "dis": 1678,
        "tri": 1530,
        "rab": 1477,
        "gio": 1395,
        "pau": 1156,
        "col": 1129,
        "sor": 1000,
        "neu": 332,
    },
    speakers=68,
    schemes={"demos-8": _EMOTIONS},
    default_scheme="demos-8",
    version="DEMOS and NEU: 9,697 clips",
    words="elicited speech; the release has no transcript",
    note="induced, not acted; an id begins with PR for the 1,564 prototypical clips (59 speakers) and with NP for the "
    "others; figures on the prototypical ones are not to be compared with figures on all; neutral has 332 clips",
)
LAYOUT = re.compile(
    r"((?P<typicality>NP|PR)_)?(?P<gender>[fm])_(?P<speaker>\d\d)_(?P<emotion>col|dis|gio|neu|pau|rab|sor|tri)"
    r"(?P<number>\d+)(?P<part>[a-z])",
    re.IGNORECASE,
)


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder with DEMOS and NEU, or one above it.

    Raises:
        NotFound: there is no clip of DEMoS.
    """
    return read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="DEMOS/PR_m_23_tri00a.wav", find_irregular=_find_irregular
    )


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: two of each of three emotions."""
    names = (
        f"{'NEU/' if emotion == 'neu' else 'DEMOS/NP_'}{'fm'[speaker % 2]}_{speaker:02}_{emotion}{take:02}b"
        for speaker in range(1, 5)
        for emotion in ("gio", "neu", "rab")
        for take in range(2)
    )
    for number, name in enumerate(names):
        write_clip(folder / f"{name}.wav", number, 44_100)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    typicality = f"{match['typicality'].upper()}_" if match["typicality"] else ""
    return Utterance(
        id=typicality + match[0][len(typicality) :].lower(),
        audio=clip,
        label=match["emotion"].lower(),
        speaker=match["speaker"],
        gender=match["gender"].upper(),
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if row.label != "neu" and not row.id.startswith(("NP_", "PR_")):
        yield "emotional clips whose name does not say whether they are prototypical (PR) or not (NP)"
