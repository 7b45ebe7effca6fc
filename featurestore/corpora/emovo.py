"""EMOVO, Italian emotional speech: 6 actors, 14 sentences, 7 emotions, 588 clips."""

import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, read_named_clips, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "neu": "neutral",
    "dis": "disgust",
    "gio": "joy",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
CARD = CorpusCard(
    title="EMOVO: Italian emotional speech database",
    licence="for research: http://voice.fub.it/activities/corpora/emovo/index.html",
    citation="Costantini et al., EMOVO Corpus: an Italian Emotional Speech Database, LREC 2014, 3501-3504",
    source="http://voice.fub.it/activities/corpora/emovo/index.html",
    language="Italian",
    labels=_EMOTIONS,
    counts=dict.fromkeys(_EMOTIONS, 84),
    speakers=6,
    schemes={"emovo-7": _EMOTIONS},
    default_scheme="emovo-7",
    version="588 clips",
    words="the same fourteen sentences in every emotion",
    published=list_emobox_results(
        "emovo-7",
        {
            "wav2vec 2.0 base": (31.07, 31.07, 27.24),
            "WavLM large": (48.82, 48.82, 44.16),
            "Whisper large v3": (57.82, 57.82, 56.06),
        },
        "six folds, one speaker tested in each",
        "leave-one-speaker-out",
    ),
    note="acted; the same fourteen sentences in every emotion, five of them without meaning, so the words tell nothing "
    "about it; six actors, so an average over speakers is wide",
)
_SENTENCES = {
    "b1": "Gli operai si alzano presto.",
    "b2": "I vigili sono muniti di pistola.",
    "b3": "La cascata fa molto rumore.",
    "l1": "L'autunno prossimo Tony partirà per la Spagna nella prima metà di ottobre.",
    "l2": "Ora prendo la felpa di là ed esco per fare una passeggiata.",
    "l3": "Un attimo dopo s'è incamminato ... ed è inciampato.",
    "l4": "Vorrei il numero telefonico del Signor Piatti.",
    "n1": "La casa forte vuole col pane.",
    "n2": "La forza trova il passo e l'aglio rosso.",
    "n3": "Il gatto sta scorrendo nella pera.",
    "n4": "Insalata pastasciutta coscia d'agnello limoncello.",
    "n5": "Uno quarantatré dieci mille cinquantasette venti.",
    "d1": "Sabato sera cosa farà?",
    "d2": "Porti con te quella cosa?",
}
LAYOUT = re.compile(
    rf"(?P<emotion>{'|'.join(_EMOTIONS)})-(?P<sex>[fm])(?P<number>[1-3])-(?P<sentence>{'|'.join(_SENTENCES)})",
    re.IGNORECASE,
)
_RATE = 48_000  # Hz


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder with f1 to m3, or one above it.

    Raises:
        NotFound: there is no clip of EMOVO.
    """
    return read_named_clips(root, CARD, LAYOUT, _to_utterance, example="f1/neu-f1-b1.wav", rate=_RATE)


def sample(folder: Path) -> None:
    """Write a release of three actors with clips of noise: each says two sentences in three emotions."""
    names = (
        f"{emotion}-{actor}-{sentence}"
        for actor in ("f1", "f2", "m1")
        for emotion in ("neu", "gio", "tri")
        for sentence in ("b1", "n2")
    )
    for number, name in enumerate(names):
        write_clip(folder / name[4:6] / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    name, sentence = match[0].lower(), match["sentence"].lower()
    return Utterance(
        id=name,
        audio=clip,
        text=_SENTENCES[sentence],
        label=match["emotion"].lower(),
        speaker=f"{match['sex']}{match['number']}".lower(),
        gender=match["sex"].upper(),
        script=sentence,
    )
