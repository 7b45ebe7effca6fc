"""CREMA-D, Crowd-sourced Emotional Multimodal Actors Dataset: 91 actors, 12 sentences, 6 emotions, 7,442 clips."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    find_optional,
    parse_gender,
    read_named_clips,
    read_rows,
    write_clip,
    write_lines,
)
from featurestore.corpora._crema_d_votes import read_votes
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
CARD = CorpusCard(
    title="CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset",
    licence="Open Database License 1.0 and Database Contents License 1.0: "
    "https://github.com/CheyneyComputerScience/CREMA-D",
    citation="Cao, Cooper, Keutmann, Gur, Nenkova and Verma, CREMA-D: Crowd-sourced Emotional Multimodal Actors "
    "Dataset, IEEE Transactions on Affective Computing 5(4) (2014) 377-390",
    source="https://github.com/CheyneyComputerScience/CREMA-D",
    language="English",
    words="the same twelve sentences in every emotion",
    speakers=91,
    labels=_EMOTIONS,
    counts={**dict.fromkeys(_EMOTIONS, 1271), "NEU": 1087},
    schemes={"crema-d-6": _EMOTIONS},
    default_scheme="crema-d-6",
    version="AudioWAV: 7,442 clips",
    published=list_emobox_results(
        "crema-d-6",
        {
            "wav2vec 2.0 base": (61.95, 61.90, 61.75),
            "WavLM large": (74.50, 74.32, 74.39),
            "Whisper large v3": (76.75, 76.48, 76.60),
        },
        "one fold, 1,856 clips in test; all 91 speakers are in both training and test",
    ),
    note="acted; labels are the acted emotions: what raters chose, often another one, is in the column votes; three "
    "recordings occur twice, under two emotions; the same twelve sentences in every emotion, so the words tell nothing "
    "about it; there is no official split, and EmoBox's published fold shares all 91 speakers",
)
_SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
LAYOUT = re.compile(
    rf"(?P<actor>1\d{{3}})_(?P<sentence>{'|'.join(_SENTENCES)})_(?P<emotion>{'|'.join(_EMOTIONS)})_(?:LO|MD|HI|XX)",
    re.IGNORECASE,
)
_ACTORS = range(1001, 1092)
_PRESENTED_TO_RATERS = (".mp3", ".flv")  # some are wrong, according to the release
_WITHOUT_SPEECH = "1076_MTI_SAD_XX"
_WITH_LEVELS = "IEO"
_RATE = 16_000  # Hz, of AudioWAV
_DEMOGRAPHICS, _RESPONSES = "VideoDemographics.csv", "finishedResponses.csv"


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per WAV file, by name.

    The gender of an actor is taken from `VideoDemographics.csv`, and votes from `finishedResponses.csv`, where the copy
    has them.

    Args:
        root: the folder with AudioWAV, or AudioWAV itself.

    Raises:
        Mismatch: one of the tables is damaged.
        NotFound: there is no clip of CREMA-D.
    """
    return read_named_clips(
        root,
        CARD,
        LAYOUT,
        _to_utterance,
        example="AudioWAV/1001_DFA_ANG_XX.wav",
        find_irregular=_find_irregular,
        complete=_add_tables,
        rate=_RATE,
    )


def sample(folder: Path) -> None:
    """Write a release of four actors with clips of noise: each says two sentences in three emotions."""
    names = [
        f"{actor}_{sentence}_{emotion}_XX"
        for actor in _ACTORS[:4]
        for sentence in ("DFA", "TAI")
        for emotion in ("ANG", "NEU", "SAD")
    ]
    for number, name in enumerate(names):
        write_clip(folder / "AudioWAV" / f"{name}.wav", number, _RATE)
    actors = (f"{actor},{20 + actor % 10},{('Female', 'Male')[actor % 2]}" for actor in _ACTORS[:4])
    write_lines(folder / _DEMOGRAPHICS, ("ActorID,Age,Sex", *actors))
    votes = (f"rater{n},{n},{name},{name.split('_')[2][0]},50" for name in names for n in (1, 2, 3))
    write_lines(folder / _RESPONSES, ("localid,queryType,clipName,respEmo,respLevel", *votes))


def _to_utterance(match: re.Match[str], clip: str) -> Utterance | str:
    if PurePosixPath(clip).suffix.lower() in _PRESENTED_TO_RATERS:
        return "mp3 and video files, ignored: they were presented to raters; the recordings are WAV files"
    sentence = match["sentence"].upper()
    return Utterance(
        id=match[0].upper(),
        audio=clip,
        text=_SENTENCES[sentence],
        label=match["emotion"].upper(),
        speaker=match["actor"],
        script=sentence,
    )


def _add_tables(rows: Sequence[Utterance], files: ReleaseFiles, found: FindingList) -> list[Utterance]:
    """Add genders and votes."""
    demographics = find_optional(files, _DEMOGRAPHICS, found, without="genders are empty")
    responses = find_optional(files, _RESPONSES, found, without="votes are empty")
    genders = _read_genders(files.root / demographics, found) if demographics else {}
    votes = read_votes(files.root / responses, found) if responses else {}
    ids = {row.id for row in rows}
    found.add("clips that were rated, without an audio file", (clip for clip in votes if clip not in ids))
    if demographics:
        found.add(f"actors without a sex in {_DEMOGRAPHICS}", sorted({row.speaker for row in rows} - set(genders)))
    if responses:
        found.add(f"clips without a response in {_RESPONSES}", (row.id for row in rows if row.id not in votes))
    return [replace(row, gender=genders.get(row.speaker, ""), votes=votes.get(row.id, "")) for row in rows]


def _read_genders(path: Path, found: FindingList) -> Mapping[str, str]:
    rows = read_rows(path, ("ActorID", "Sex"), found)
    return {row["ActorID"]: gender for row in rows if (gender := parse_gender(row["Sex"]))}


def _find_irregular(row: Utterance) -> Iterator[str]:
    if int(row.speaker) not in _ACTORS:
        yield "clips of an unknown actor"
    if row.id == _WITHOUT_SPEECH:
        yield "clips without speech, according to the release, kept: leave them out of an evaluation"
    if not row.id.endswith("_XX") and row.script != _WITH_LEVELS:
        yield f"clips with a level of intensity, although only sentence {_WITH_LEVELS} has levels"
