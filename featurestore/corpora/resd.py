"""RESD, Russian Emotional Speech Dialogs: 50 acted dialogues of two, 7 emotions, 1,396 clips."""

import re
from pathlib import Path

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Published,
    Reading,
    ReleaseFiles,
    build_reading,
    get_stem,
    has_tables,
    read_tables,
    refuse_release,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "anger": "anger",
    "disgust": "disgust",
    "enthusiasm": "enthusiasm",
    "fear": "fear",
    "happiness": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
}
_ANIEMORE = (
    "model card, https://huggingface.co/Aniemore/wav2vec2-xlsr-53-russian-emotion-recognition (README at 030e91f)"
)
_ANIEMORE_NOTE = (
    "280 clips, as many of each label as in the official test part, which has clips of all 50 dialogues that training "
    "has; the card does not say how the epoch was chosen"
)
CARD = CorpusCard(
    title="RESD: Russian Emotional Speech Dialogs",
    licence="MIT: https://huggingface.co/datasets/Aniemore/resd",
    citation="Amentes, Lubenets and Davidchuk, Aniemore: open library to analyse emotions in human speech (2022), "
    "https://huggingface.co/datasets/Aniemore/resd",
    source="https://huggingface.co/datasets/Aniemore/resd_annotated",
    language="Russian",
    labels=_EMOTIONS,
    counts={
        "fear": 223,
        "anger": 219,
        "happiness": 218,
        "enthusiasm": 198,
        "neutral": 191,
        "disgust": 185,
        "sadness": 162,
    },
    partitions={"train": 1116, "test": 280},
    schemes={"resd-7": _EMOTIONS},
    default_scheme="resd-7",
    version="1,396 clips",
    words="free speech; the words may give the emotion away",
    published=tuple(
        Published("Aniemore, XLSR-53 fine-tuned", metric, 0.72, "resd-7", _ANIEMORE, _ANIEMORE_NOTE, "official")
        for metric in ("unweighted_average_recall", "accuracy", "macro_f1")
    )
    + list_emobox_results(
        "resd-7",
        {
            "wav2vec 2.0 base": (52.82, 53.39, 52.90),
            "WavLM large": (55.87, 56.47, 55.82),
            "Whisper large v3": (54.98, 55.54, 54.99),
        },
        "official test part, 280 clips; all 50 dialogues are in both training and test",
        "official",
    ),
    note="acted dialogues, each of two given emotions; the official test part has clips of all 50 dialogues that "
    "training has, so its figures are not of unseen speakers: prefer folds by dialogue; speakers and the order of the "
    "turns are not given",
)
LAYOUT = re.compile(
    rf"(?P<dialogue>\d\d)_({'|'.join(_EMOTIONS)})_({'|'.join(_EMOTIONS)})[ _][adefhns]_(?P<number>\d+)", re.IGNORECASE
)
_TABLES = {part: f"{part}.csv" for part in ("train", "test")}
_COLUMNS = ("path", "emotion")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of train.csv and test.csv, by dialogue.

    Args:
        root: the folder with train.csv and test.csv.

    Raises:
        NotFound: there is neither of the two, or one cannot be read.
        Mismatch: one of them has missing columns.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    if not has_tables(files, _TABLES):
        raise refuse_release(root, CARD, "train.csv, test.csv, train/happiness_enthusiasm_32")
    rows = [_to_utterance(row, part) for part, row, _ in read_tables(files, _TABLES, _COLUMNS, found)]
    found.add("clips whose name does not give the dialogue", (row.id for row in rows if not row.dialogue))
    return build_reading(files, sorted(rows, key=lambda row: row.id), CARD, found, to_id=_to_id)


def sample(folder: Path) -> None:
    """Write a release of four dialogues with clips of noise: three turns of each of two emotions."""
    lists = {part: ["name,path,emotion"] for part in _TABLES}
    names = (
        (f"{one}_{dialogue:02}", f"{dialogue:02}_{one}_{emotion[0]}_{turn}0", emotion)
        for dialogue, one in ((12, "anger_neutral"), (13, "neutral_fear"), (14, "anger_fear"), (15, "fear_neutral"))
        for emotion in one.split("_")
        for turn in range(10, 13)
    )
    for number, (dialogue, name, emotion) in enumerate(names):
        part = "test" if number % 3 == 2 else "train"
        write_clip(folder / part / dialogue / f"{name}.wav", number)
        lists[part].append(f"{name},{dialogue}/{name}.wav,{emotion}")
    for part, lines in lists.items():
        write_lines(folder / _TABLES[part], lines)


def _to_utterance(row: dict[str, str], part: str) -> Utterance:
    match = LAYOUT.fullmatch(get_stem(row["path"]))
    return Utterance(
        id=_to_id(row["path"]), label=row["emotion"], dialogue=match["dialogue"] if match else "", partition=part
    )


def _to_id(path: str) -> str:
    return get_stem(path).replace(" ", "_")  # in the names of dialogues 2 to 11
