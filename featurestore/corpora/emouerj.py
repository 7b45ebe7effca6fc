"""emoUERJ: 8 Brazilian Portuguese actors, 10 sentences, 4 emotions, 377 clips."""

import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance

_EMOTIONS = {"a": "anger", "h": "happiness", "n": "neutral", "s": "sadness"}
_GENDERS = {"m": "M", "w": "F"}
CARD = CorpusCard(
    title="emoUERJ: an emotional speech database in Portuguese",
    licence="CC BY 4.0: https://zenodo.org/records/5427549",
    citation="Germano, Tcheou, Henriques and Gomes Junior, emoUERJ: an emotional speech database in Portuguese, Zenodo "
    "(2021), https://doi.org/10.5281/zenodo.5427549",
    source="https://zenodo.org/records/5427549",
    language="Portuguese",
    labels=_EMOTIONS,
    counts={"s": 100, "a": 94, "n": 92, "h": 91},
    speakers=8,
    schemes={"emouerj-4": _EMOTIONS},
    default_scheme="emouerj-4",
    version="377 clips",
    words="ten sentences, of which an actor chooses one for each clip",
    note="acted; the actors chose among the same ten sentences; names do not give the sentence, so neither text nor "
    "script is known, and folds by script are not possible",
)
LAYOUT = re.compile(r"(?P<speaker>(?P<gender>[mw])0[1-4])(?P<emotion>[ahns])(?P<take>\d\d)", re.IGNORECASE)


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder of the clips, or one above it.

    Raises:
        NotFound: there is no clip of emoUERJ.
    """
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="emoUERJ/w04a11.wav")


def sample(folder: Path) -> None:
    """Write a release of four actors with clips of noise: two of each of three emotions."""
    names = (
        f"{speaker}{emotion}{take:02}"
        for speaker in ("m01", "m02", "w01", "w02")
        for emotion in "ahn"
        for take in range(1, 3)
    )
    for number, name in enumerate(names):
        write_clip(folder / "emoUERJ" / f"{name}.wav", number, 44_100)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    name = {part: value.lower() for part, value in match.groupdict().items()}
    return Utterance(
        id=match[0].lower(),
        audio=clip,
        label=name["emotion"],
        speaker=name["speaker"],
        gender=_GENDERS[name["gender"]],
    )
