"""EmoV-DB: four English speakers read CMU Arctic sentences in up to 5 emotions, for synthesis, 6,893 clips."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    find_folder,
    find_optional,
    read_named_clips,
    read_text,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "amused": "amused",
    "anger": "anger",
    "disgust": "disgust",
    "neutral": "neutral",
    "sleepiness": "sleepiness",
}
CARD = CorpusCard(
    title="EmoV-DB: Emotional Voices Database",
    licence="for non-commercial purposes: https://github.com/numediart/EmoV-DB/blob/master/LICENSE.md",
    citation="Adigwe, Tits, El Haddad, Ostadabbas and Dutoit, The emotional voices database: towards controlling the "
    "emotion dimension in voice generation systems, arXiv:1806.09514, 2018",
    source="https://www.openslr.org/115/",
    language="English",
    words="CMU Arctic sentences, mostly the same in every emotion",
    speakers=4,
    labels=_EMOTIONS,
    counts={"amused": 1317, "anger": 1268, "disgust": 1019, "neutral": 1568, "sleepiness": 1721},
    schemes={"emov-db-5": _EMOTIONS},
    default_scheme="emov-db-5",
    version="sorted version, SLR115: 6,893 clips",
    published=list_emobox_results(
        "emov-db-5",
        {
            "wav2vec 2.0 base": (97.85, 98.03, 97.90),
            "WavLM large": (99.44, 99.47, 99.45),
            "Whisper large v3": (99.36, 99.37, 99.34),
        },
        "one fold, 1,719 clips in test; all four speakers are in both training and test",
    ),
    note="acted; josh has no anger and no disgust, so that a fold that tests on josh lacks classes; amused and sleepy "
    "clips have laughs and yawns around the sentence; one speaker is recorded at another rate than the others; EmoBox "
    "has 6,887 clips, since it names six pairs of clips alike, and its published fold shares all speakers",
)
LAYOUT = re.compile(
    rf"(?P<emotion>{'|'.join(_EMOTIONS)})_(?P<first>\d+)[-_](?P<last>\d+)_(?P<number>\d{{4}})", re.IGNORECASE
)
_GENDERS = {"bea": "F", "jenie": "F", "josh": "M", "sam": "M"}
_TEXTS = "cmuarctic.data"  # http://www.festvox.org/cmu_arctic/cmuarctic.data
_SENTENCE = re.compile(r'\(\s*arctic_a(?P<number>\d{4})\s+"(?P<text>.*)"\s*\)')
_UNCLEAR = "clips whose sentence number is outside the range in their name, so that either may be wrong"


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip.

    The speaker is the beginning of the name of a folder: `bea_Amused/` or `bea/Amused/`. The words are taken from
    `cmuarctic.data` of CMU Arctic, if that is in a folder of the release.

    Args:
        root: the folder with the folders of the speakers.

    Raises:
        NotFound: there is no clip of EmoV-DB.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="bea_Amused/amused_281-308_0285.wav",
        find_irregular=_find_irregular,
        complete=_add_texts,
    )


def sample(folder: Path) -> None:
    """Write a release of four speakers with clips of noise, and the sentences: each says two in three emotions."""
    names = (
        f"{speaker}_{style}/{emotion}_1-28_{sentence:04}"
        for speaker in _GENDERS
        for style, emotion in (("Amused", "amused"), ("Neutral", "neutral"), ("Sleepy", "sleepiness"))
        for sentence in (1, 2)
    )
    for number, name in enumerate(names):
        write_clip(folder / f"{name}.wav", number, 44_100 if name.startswith("bea") else 16_000)
    write_lines(folder / _TEXTS, (f'( arctic_a{sentence:04} "Sentence {sentence}." )' for sentence in (1, 2)))


def _to_utterance(match: re.Match[str], clip: str) -> Utterance | str:
    speaker = find_folder(clip, _GENDERS)
    if not speaker:
        return f"clips in no folder of a speaker ({', '.join(_GENDERS)}), ignored: who speaks is unknown"
    emotion = match["emotion"].lower()
    return Utterance(
        id=f"{speaker}_{emotion}_{match['first']}-{match['last']}_{match['number']}",
        audio=clip,
        label=emotion,
        speaker=speaker,
        gender=_GENDERS[speaker],
        script=match["number"],
    )


def _add_texts(rows: Sequence[Utterance], files: ReleaseFiles, found: FindingList) -> list[Utterance]:
    path = find_optional(files, _TEXTS, found, without="texts are empty")
    if not path:
        return list(rows)
    matches = map(_SENTENCE.fullmatch, map(str.strip, read_text(files, path, found).split("\n")))
    texts = {match["number"]: match["text"] for match in matches if match}
    found.add(f"clips of a sentence that {_TEXTS} does not have", (row.id for row in rows if row.script not in texts))
    return [replace(row, text=texts.get(row.script, "")) for row in rows]


def _find_irregular(row: Utterance) -> Iterator[str]:
    _, _, numbers, number = row.id.split("_")
    first, last = map(int, numbers.split("-"))
    if not first <= int(number) <= last:
        yield _UNCLEAR
