"""JL-Corpus: four New Zealand English speakers, 5 main and 5 secondary emotions, 2,400 clips."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    read_named_clips,
    read_text,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_MAIN = {"angry": "anger", "excited": "excited", "happy": "happiness", "neutral": "neutral", "sad": "sadness"}
_SECONDARY = {name: name for name in ("anxious", "apologetic", "assertive", "concerned", "encouraging")}
CARD = CorpusCard(
    title="JL-Corpus: emotional speech in New Zealand English, for human-robot interaction",
    licence="CC0 1.0: https://www.kaggle.com/datasets/tli725/jl-corpus",
    citation="James, Tian and Watson, An open source emotional speech corpus for human robot interaction applications, "
    "Interspeech 2018",
    source="https://www.kaggle.com/datasets/tli725/jl-corpus",
    language="English",
    words="the same sentences in the five main emotions; sentences of their own in each secondary emotion",
    speakers=4,
    labels={**_MAIN, **_SECONDARY},
    counts=dict.fromkeys({**_MAIN, **_SECONDARY}, 240),
    schemes={
        "jl-corpus-10": {**_MAIN, **_SECONDARY},
        "jl-corpus-5": {**_MAIN, **dict.fromkeys(_SECONDARY)},
    },
    default_scheme="jl-corpus-10",
    version="raw corpus, unchecked and unannotated: 2,400 clips",
    published=list_emobox_results(
        "jl-corpus-10",
        {
            "wav2vec 2.0 base": (45.27, 45.27, 40.73),
            "WavLM large": (60.86, 60.86, 57.34),
            "Whisper large v3": (66.71, 66.71, 65.19),
        },
        "four folds, one speaker tested in each; the folds have ten labels, EmoBox's list of corpora counts five",
        "leave-one-speaker-out",
    ),
    note="acted; a secondary emotion has its own sentences, so a text score on all ten emotions says which sentences "
    "they are: compare texts on jl-corpus-5; nkululeko counts excited as happy",
)
LAYOUT = re.compile(
    rf"(?P<speaker>(?P<gender>fe)?male[12])_(?P<emotion>{'|'.join(CARD.labels)})_(?P<sentence>\d+)[ab]_\d",
    re.IGNORECASE,
)
_RATE = 44_100  # Hz, of the release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name. Its words are in the text file beside it.

    Args:
        root: the folder with the clips and their texts, or one above it.

    Raises:
        NotFound: there is no clip of JL-Corpus.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="Raw JL corpus (unchecked and unannotated)/JL(wav+txt)/female1_angry_1a_1.wav",
        complete=_add_texts,
        rate=_RATE,
    )


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise: each says two sentences in three emotions."""
    names = (
        f"{speaker}_{emotion}_{sentence}a_1"
        for speaker in ("female1", "female2", "male1", "male2")
        for emotion in ("angry", "anxious", "neutral")
        for sentence in (1, 2)
    )
    for number, name in enumerate(names):
        clip = folder / "Raw JL corpus (unchecked and unannotated)" / "JL(wav+txt)" / f"{name}.wav"
        write_clip(clip, number, _RATE)
        write_lines(clip.with_suffix(".txt"), [f"Sentence {name.split('_')[2]}."])


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    return Utterance(
        id=match[0].lower(),
        audio=clip,
        label=match["emotion"].lower(),
        speaker=match["speaker"].lower(),
        gender="F" if match["gender"] else "M",
        script=match["sentence"],  # a and b may be readings of one sentence
    )


def _add_texts(rows: Sequence[Utterance], files: ReleaseFiles, found: FindingList) -> list[Utterance]:
    completed = [replace(row, text=_read_words(row, files, found)) for row in rows]
    found.add("clips without words in a text file beside them", (row.id for row in completed if not row.text))
    return completed


def _read_words(row: Utterance, files: ReleaseFiles, found: FindingList) -> str:
    path = files.find(PurePosixPath(row.audio).with_suffix(".txt").as_posix())
    return " ".join(read_text(files, path, found).split()) if path else ""
