"""MESD, Mexican Emotional Speech Database: single words by women, men and children, 6 emotions, 862 clips."""

import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "Anger": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happiness": "happiness",
    "Neutral": "neutral",
    "Sadness": "sadness",
}
CARD = CorpusCard(
    title="MESD: Mexican Emotional Speech Database",
    licence="CC BY 4.0: https://doi.org/10.17632/cy34mh68j9.5",
    citation="Duville, Alonso-Valerdi and Ibarra-Zarate, Mexican Emotional Speech Database based on semantic, "
    "frequency, familiarity, concreteness, and cultural shaping of affective prosody, Data 6(12) (2021) 130",
    source="https://doi.org/10.17632/cy34mh68j9.5",
    language="Spanish",
    words="corpus A: the same 24 words in every emotion; corpus B: most words in one emotion alone",
    labels=_EMOTIONS,
    counts={**dict.fromkeys(_EMOTIONS, 144), "Anger": 143, "Neutral": 143},
    schemes={"mesd-6": _EMOTIONS},
    default_scheme="mesd-6",
    version="version 5: 862 clips, 864 according to its description",
    published=list_emobox_results(
        "mesd-6",
        {
            "wav2vec 2.0 base": (62.93, 62.89, 62.85),
            "WavLM large": (62.54, 62.49, 62.33),
            "Whisper large v3": (69.78, 69.67, 69.64),
        },
        "one fold, 214 clips in test; every kind of voice is in both training and test",
    ),
    note="acted by 3 women, 2 men and 6 children, but names tell only the kind of voice: there are no "
    "speaker-independent folds, and published splits share voices; script-disjoint keeps a word on one side; "
    "the words of corpus B were chosen for their emotion and tell it",
)
LAYOUT = re.compile(
    rf"(?P<emotion>{'|'.join(_EMOTIONS)})_(?P<voice>[FMC])_(?P<corpus>[AB])_(?P<word>\w+)", re.IGNORECASE
)
_WORDS_OF_A = re.compile(
    "abajo|adios|antes|arriba|ayer|basta_ya|de_nada|delante|dentro|derecha|detras|fuera|gracias|hola|hoy|izquierda|"
    "lento|no|nunca|por_favor|pronto|rapido|si|tarde"
)
_RATE = 48_000  # Hz, of the release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name. Speakers are unknown and left empty.

    Args:
        root: the folder with the clips, or one above it.

    Raises:
        NotFound: there is no clip of MESD.
    """
    return read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="Anger_F_A_abajo.wav", find_irregular=_find_irregular, rate=_RATE
    )


def sample(folder: Path) -> None:
    """Write a release with clips of noise: each kind of voice says four words in three emotions."""
    names = (
        f"{emotion}_{voice}_{word}"
        for emotion in ("Anger", "Neutral", "Sadness")
        for voice in "FMC"
        for word in ("A_hoy", "A_por_favor", "B_danza", "B_ira")
    )
    for number, name in enumerate(names):
        write_clip(folder / "Mexican Emotional Speech Database (MESD)" / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    emotion, voice, corpus = match["emotion"].capitalize(), match["voice"].upper(), match["corpus"].upper()
    word = match["word"].lower()
    return Utterance(
        id=f"{emotion}_{voice}_{corpus}_{word}",
        audio=clip,
        text=word.replace("_", " "),
        label=emotion,
        gender="" if voice == "C" else voice,
        script=word,
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if "_A_" in row.id and not _WORDS_OF_A.fullmatch(row.script):
        yield "clips of corpus A with another word than its 24; what is said may be one of them"
