"""nEMO, emotional speech in Polish: 9 actors, 90 sentences, 6 emotions, 4,481 clips."""

import re
from collections.abc import Sequence
from pathlib import Path

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Published,
    Reading,
    ReleaseFiles,
    add_listed,
    find_label_file,
    get_stem,
    parse_gender,
    read_named_clips,
    read_rows,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance

_EMOTIONS = {emotion: emotion for emotion in ("anger", "fear", "happiness", "neutral", "sadness", "surprised")}
CARD = CorpusCard(
    title="nEMO: Dataset of Emotional Speech in Polish",
    licence="CC BY-NC-SA 4.0: https://github.com/amu-cai/nEMO",
    citation="Christop, nEMO: Dataset of Emotional Speech in Polish, LREC-COLING 2024, 12111-12116",
    source="https://github.com/amu-cai/nEMO",
    language="Polish",
    labels=_EMOTIONS,
    counts={"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprised": 669},
    speakers=9,
    schemes={"nemo-6": _EMOTIONS},
    default_scheme="nemo-6",
    version="4,481 clips",
    words="the same ninety sentences in every emotion",
    published=(
        Published(
            "random forest on MFCCs",
            "accuracy",
            0.8395,
            "nemo-6",
            "Christop, nEMO: Dataset of Emotional Speech in Polish, LREC-COLING 2024, as summarized by "
            "https://www.sciencestack.ai/paper/2404.06292",
            "best of three classifiers; the summary does not say how clips were held out, nor whether training and "
            "test share speakers",
        ),
    ),
    note="acted; the same ninety sentences in every emotion and of every actor, so the words tell nothing about it; no "
    "official split; speaker MP0 has half as many clips as most of the others",
)
LAYOUT = re.compile(rf"(?P<speaker>[A-Z]{{2}}\d)_(?P<emotion>{'|'.join(_EMOTIONS)})_(?P<sentence>\d+)", re.IGNORECASE)
_RATE = 24_000  # Hz
_LIST = "data.tsv"
_COLUMNS = ("file_id", "emotion", "raw_text", "gender")
_TWICE = "utterances that are listed twice; the first row is used"
_UNKNOWN = "rows of data.tsv with an unknown file_id, emotion or gender, which is ignored"


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name, with the text and gender of `data.tsv`.

    Args:
        root: the folder with `data.tsv` and `samples`, or one above it.

    Raises:
        NotFound: there is no clip of nEMO.
        Mismatch: `data.tsv` has missing columns.
    """
    return read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="samples/WR0_surprised_64.wav", complete=_add_list, rate=_RATE
    )


def sample(folder: Path) -> None:
    """Write a release of three speakers with clips of noise: each says two made-up sentences in three emotions."""
    rows = ["\t".join((*_COLUMNS[:3], "normalized_text", "speaker_id", "gender", "age"))]
    for number, (speaker, gender) in enumerate((("AA0", "female"), ("BB0", "male"), ("CC0", "female"))):
        for place, emotion in enumerate(("anger", "neutral", "sadness")):
            for sentence in (1, 2):
                name = f"{speaker}_{emotion}_{sentence}.wav"
                text = f"To jest zdanie numer {sentence}"
                rows.append("\t".join((name, emotion, f"{text}.", text.lower(), f"        {speaker}", gender, "30")))
                write_clip(folder / "samples" / name, 6 * number + 2 * place + sentence, _RATE)
    write_lines(folder / _LIST, rows)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    return Utterance(
        id=_identify(match),
        audio=clip,
        label=match["emotion"].lower(),
        speaker=match["speaker"].upper(),
        script=match["sentence"],
    )


def _identify(match: re.Match[str]) -> str:
    return f"{match['speaker'].upper()}_{match['emotion'].lower()}_{match['sentence']}"


def _add_list(rows: Sequence[Utterance], files: ReleaseFiles, found: FindingList) -> list[Utterance]:
    return add_listed(rows, _read_list(files, found), _LIST, found)


def _read_list(files: ReleaseFiles, found: FindingList) -> dict[str, Utterance]:
    """Return the text, emotion and gender of each utterance in data.tsv, by id."""
    path = find_label_file(files, [_LIST], found)
    listed: dict[str, Utterance] = {}
    for row in read_rows(files.root / path, _COLUMNS, found, delimiter="\t", quoted=False) if path else []:
        match = LAYOUT.fullmatch(get_stem(row["file_id"]))
        label, gender = _EMOTIONS.get(row["emotion"].lower(), ""), parse_gender(row["gender"])
        found.add(_UNKNOWN, [] if match and label and gender else [row["file_id"]])
        utterance_id = _identify(match) if match else row["file_id"]
        found.add(_TWICE, [utterance_id] if utterance_id in listed else [])
        listed.setdefault(utterance_id, Utterance(utterance_id, text=row["raw_text"], label=label, gender=gender))
    return listed
