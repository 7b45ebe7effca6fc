"""EmoFilm: English, Spanish and Italian utterances from films, dubbed and original, 5 emotions, 1,115 clips."""

import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance

_EMOTIONS = {"ans": "fear", "dis": "contempt", "gio": "happiness", "rab": "anger", "tri": "sadness"}
CARD = CorpusCard(
    title="EmoFilm: a multilingual emotional speech corpus from films",
    licence="granted on request, for research: https://zenodo.org/records/7665999",
    citation="Parada-Cabaleiro, Costantini, Batliner, Baird and Schuller, Categorical vs Dimensional Perception of "
    "Italian Emotional Speech, Interspeech 2018, 3638-3642",
    source="https://zenodo.org/records/7665999",
    language="English, Italian and Spanish",
    labels=_EMOTIONS,
    counts={"tri": 254, "gio": 240, "rab": 232, "ans": 221, "dis": 168},
    schemes={"emofilm-5": _EMOTIONS},
    default_scheme="emofilm-5",
    version="wav_corpus: 1,115 clips",
    words="lines of films without a transcript; a scene is there in up to three languages",
    note="acted; dis is contempt, not disgust; the last two letters of an id are the language; a scene keeps its "
    "number in other languages and takes, so folds must not share a script (gender, emotion and number); speakers are "
    "not in the names: the legend (xlsx) spells actors in several ways, leaves 22 clips without one, and is not read",
)
LAYOUT = re.compile(
    r"(?P<name>(?P<scene>(?P<gender>[fm])_(?P<emotion>ans|dis|gio|rab|tri)\d+)[a-z](?P<language>en|es|it))(_16k)?",
    re.IGNORECASE,
)


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder `wav_corpus`, or one above it.

    Raises:
        NotFound: there is no clip of EmoFilm.
    """
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="wav_corpus/f_gio204aes.wav")


def sample(folder: Path) -> None:
    """Write a release of three scenes of each of three emotions and either gender with clips of noise."""
    names = (
        f"{gender}_{emotion}{scene:03}a{language}"
        for gender in "fm"
        for emotion in ("ans", "gio", "rab")
        for scene, language in enumerate(("en", "es", "it"), 1)
    )
    for number, name in enumerate(names):
        write_clip(folder / "wav_corpus" / f"{name}.wav", number, 48_000)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    return Utterance(
        id=match["name"].lower(),
        audio=clip,
        label=match["emotion"].lower(),
        gender=match["gender"].upper(),
        script=match["scene"].lower(),
    )
