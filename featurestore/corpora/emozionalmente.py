"""Emozionalmente: 431 Italian amateurs, 18 sentences, 7 emotions, 6,902 clips, five votes on each."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Published,
    Reading,
    ReleaseFiles,
    build_reading,
    find_label_file,
    find_optional,
    format_votes,
    get_stem,
    parse_gender,
    read_rows,
    refuse_release,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "joy": "joy",
    "neutrality": "neutrality",
    "sadness": "sadness",
    "surprise": "surprise",
}
_PAPER = (
    "Catania, Wilke and Garzotto, Emozionalmente: A Crowdsourced Corpus of Simulated Emotional Speech in Italian, IEEE "
    "Transactions on Audio, Speech and Language Processing 33 (2025) 1142-1155"
)
_RECIPE = "ESPnet, recipe egs3/emozionalmente/cls, README: https://github.com/espnet/espnet"
CARD = CorpusCard(
    title="Emozionalmente: a crowdsourced corpus of simulated emotional speech in Italian",
    licence="CC BY 4.0: https://zenodo.org/records/6569824",
    citation=_PAPER,
    source="https://zenodo.org/records/6569824",
    language="Italian",
    labels=_EMOTIONS,
    counts=dict.fromkeys(_EMOTIONS, 986),
    speakers=431,
    partitions={"train": 4366, "dev": 1202, "test": 1334},
    schemes={"emozionalmente-7": _EMOTIONS},
    default_scheme="emozionalmente-7",
    version="version 1.1 of 2024: 6,902 clips; version 1.0 has the same clips and no split",
    words="the same 18 sentences in every emotion",
    note="acted by amateurs on their own devices; the label is the emotion that was meant; the same sentences in every "
    "emotion, so the words tell nothing about it; three of the 18 sentences are EMOVO's, too; version 1.1 has an "
    "official speaker-disjoint split, and other toolkits use splits of their own",
    published=(
        Published(
            "wav2vec 2.0, fine-tuned",
            "unweighted_average_recall",
            0.8245,
            "emozionalmente-7",
            f"{_PAPER}, as quoted by {_RECIPE}",
            "official test part, 1,334 clips; settings chosen on the dev part",
            "official",
        ),
        Published(
            "frozen WavLM Base+, Transformer encoder",
            "unweighted_average_recall",
            0.7303,
            "emozionalmente-7",
            _RECIPE,
            "official test part, 1,334 clips",
            "official",
        ),
        *list_emobox_results(
            "emozionalmente-7",
            {
                "wav2vec 2.0 base": (56.69, 56.69, 56.64),
                "WavLM large": (75.00, 75.00, 74.97),
                "Whisper large v3": (76.91, 76.91, 76.90),
            },
            "a fold of EmoBox's own and not the official one, 1,722 clips in test; whether it shares "
            "speakers is not said",
        ),
    ),
)
LAYOUT = re.compile(r"16\d{11}")  # time of the recording, in milliseconds: September 2020 to November 2023
_SPLIT = re.compile(r"(?:.*/)?split/(?P<part>train|dev|val[a-z]*|test)\.csv", re.IGNORECASE)
_SAMPLES, _USERS, _EVALUATIONS = "samples.csv", "users.csv", "evaluations.csv"
_COLUMNS = ("file_name", "actor", "emotion_expressed", "sentence")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of samples.csv.

    Args:
        root: the folder with audio and metadata.

    Raises:
        NotFound: there is no samples.csv, or a label file cannot be read.
        Mismatch: a label file has missing columns.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    samples = find_label_file(files, [_SAMPLES], found)
    if not samples:
        raise refuse_release(root, CARD, "metadata/samples.csv, audio/1613655062436.wav")
    tables = _Tables(_read_genders(files, found), _read_votes(files, found), _read_split(files, found))
    rows = [_to_utterance(row, tables) for row in read_rows(root / samples, _COLUMNS, found)]
    _report_gaps(rows, tables, found)
    return build_reading(files, rows, CARD, found)


def sample(folder: Path) -> None:
    """Write a release of four actors with clips of noise: each says a sentence in three emotions."""
    tables = {
        _SAMPLES: ["file_name,sentence,sentence_language,actor,emotion_expressed"],
        _USERS: ["username,gender,age,mother_tongue", *(f"actor{n},{'fe' * (n % 2)}male,30,italian" for n in range(4))],
        _EVALUATIONS: ["file_name,evaluator,audio_quality,emotion_recognized"],
        **{f"split/{part}.csv": ["file_name"] for part in ("train", "dev", "test")},
    }
    for number in range(12):
        clip, emotion = f"1613655062{number:03}.wav", ("anger", "joy", "sadness")[number % 3]
        write_clip(folder / "audio" / clip, number)
        tables[_SAMPLES].append(f"{clip},Tornerà a casa presto,italian,actor{number // 3},{emotion}")
        tables[_EVALUATIONS] += [f"{clip},rater{rater},good,{emotion}" for rater in range(5)]
        tables[f"split/{('train', 'train', 'dev', 'test')[number // 3]}.csv"].append(clip)
    for name, lines in tables.items():
        write_lines(folder / "metadata" / name, lines)


@dataclass(frozen=True)
class _Tables:
    """Gender by user; votes and part of the split by clip, without its suffix."""

    genders: Mapping[str, str]
    votes: Mapping[str, Sequence[Mapping[str, object]]]
    parts: Mapping[str, str]


def _to_utterance(row: Mapping[str, str], tables: _Tables) -> Utterance:
    clip = get_stem(row["file_name"])
    return Utterance(
        id=clip,
        text=row["sentence"],
        label=row["emotion_expressed"],
        speaker=row["actor"],
        gender=parse_gender(tables.genders.get(row["actor"], "")),
        script=row["sentence"],
        partition=tables.parts.get(clip, ""),
        votes=format_votes(tables.votes.get(clip, ())),
    )


def _read_genders(files: ReleaseFiles, found: FindingList) -> dict[str, str]:
    """Return the gender of each user as the release has it: female, male or other."""
    path = find_optional(files, _USERS, found, without="genders are empty")
    rows = read_rows(files.root / path, ("username", "gender"), found) if path else []
    return {row["username"]: row["gender"] for row in rows}


def _read_votes(files: ReleaseFiles, found: FindingList) -> dict[str, list[Mapping[str, object]]]:
    """Return the votes on each clip, in the order of the file."""
    path = find_optional(files, _EVALUATIONS, found, without="votes are empty")
    columns = ("file_name", "evaluator", "emotion_recognized")
    votes: dict[str, list[Mapping[str, object]]] = defaultdict(list)
    for row in read_rows(files.root / path, columns, found) if path else []:
        votes[get_stem(row["file_name"])].append({"rater": row["evaluator"], "labels": [row["emotion_recognized"]]})
    return dict(votes)


def _read_split(files: ReleaseFiles, found: FindingList) -> dict[str, str]:
    """Return the part of the official split that each clip is in: train, dev or test. Version 1.0 has none."""
    parts: dict[str, str] = {}
    for match in filter(None, map(_SPLIT.fullmatch, files.paths)):
        name = match["part"].lower()
        part = "dev" if name.startswith("val") else name
        for row in read_rows(files.root / match[0], ("file_name",), found):
            if parts.setdefault(get_stem(row["file_name"]), part) != part:
                found.add("clips in two parts of the split; the first one is used", [row["file_name"]])
    return parts


def _report_gaps(rows: Sequence[Utterance], tables: _Tables, found: FindingList) -> None:
    """Report what one label file has and another one lacks. A file that is missing is reported already."""
    genders = {row.speaker: tables.genders.get(row.speaker, "") for row in rows} if tables.genders else {}
    ids = {row.id for row in rows}
    for what, where in {
        "actors that users.csv gives no gender": [one for one, gender in genders.items() if not gender],
        "actors whose gender is neither female nor male, left empty": [
            one for one, gender in genders.items() if gender and not parse_gender(gender)
        ],
        "clips without a vote": [row.id for row in rows if tables.votes and not row.votes],
        "clips in no part of the split": [row.id for row in rows if tables.parts and not row.partition],
        "clips that evaluations.csv or the split has and samples.csv has not": [
            one for one in {**tables.votes, **tables.parts} if one not in ids
        ],
    }.items():
        found.add(what, where)
