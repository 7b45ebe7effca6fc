"""MER2023, Multimodal Emotion Recognition Challenge 2023: Chinese, 6 emotions, 5,030 labelled clips."""

import re
from pathlib import Path

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    build_reading,
    has_tables,
    parse_number,
    read_tables,
    refuse_release,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "angry": "angry",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprise": "surprise",
    "worried": "worried",
}
CARD = CorpusCard(
    title="MER2023: dataset of the Multimodal Emotion Recognition Challenge 2023",
    licence="granted on request by a signed agreement, for research: http://www.merchallenge.cn/datasets",
    citation="Lian et al., MER 2023: Multi-label Learning, Modality Robustness, and Semi-Supervised Learning, ACM "
    "Multimedia 2023, 9610-9614",
    source="http://www.merchallenge.cn/datasets",
    language="Mandarin Chinese",
    labels=_EMOTIONS,
    counts={"neutral": 1248, "angry": 1208, "happy": 1038, "sad": 730, "worried": 616, "surprise": 190},
    partitions={"train": 3373, "test1": 411, "test2": 412, "test3": 834},
    schemes={"mer2023-6": _EMOTIONS},
    default_scheme="mer2023-6",
    version="labelled part: 5,030 clips",
    words="not known; the release has no transcript",
    published=list_emobox_results(
        "mer2023-6",
        {
            "wav2vec 2.0 base": (40.40, 46.78, 40.73),
            "WavLM large": (48.17, 54.77, 49.36),
            "Whisper large v3": (61.22, 65.23, 62.29),
        },
        "the 411 clips of test1 alone",
    ),
    note="test1 is of the track MER-MULTI, test2 of MER-NOISE with added noise, test3 of MER-SEMI; clips are videos; "
    "unlabelled clips are not read; speakers are not given",
)
LAYOUT = re.compile(r"sample(new)?_\d{8}|(train|test[123])-label\.csv", re.IGNORECASE)
_TABLES = {part: f"{part}-label.csv" for part in ("train", "test1", "test2", "test3")}
_COLUMNS = ("name", "discrete")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of train-label.csv and test1-label.csv to test3-label.csv.

    Args:
        root: the folder with mer2023train, test1, test2 and test-labels.

    Raises:
        NotFound: there is none of the label files, or one cannot be read.
        Mismatch: one of them has missing columns.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    if not has_tables(files, _TABLES):
        raise refuse_release(root, CARD, "mer2023train/train-label.csv, mer2023train/train/sample_00002721.avi")
    rows = [_to_utterance(row, part, found) for part, row, _ in read_tables(files, _TABLES, _COLUMNS, found)]
    return build_reading(files, rows, CARD, found)


def sample(folder: Path) -> None:
    """Write a release with two clips of noise of each of two emotions in each part."""
    lists = {part: ["name,discrete,valence"] for part in _TABLES}
    for number in range(16):
        part, name, emotion = list(_TABLES)[number % 4], f"sample_{number:08}", ("angry", "sad")[number // 4 % 2]
        inside = "mer2023train/" if part in ("train", "test3") else ""
        write_clip(folder / f"{inside}{part}" / f"{name}.wav", number, 44_100)
        lists[part].append(f"{name},{emotion},-1.5")
    for part, lines in lists.items():
        write_lines(folder / ("mer2023train" if part == "train" else "test-labels") / _TABLES[part], lines)


def _to_utterance(row: dict[str, str], part: str, found: FindingList) -> Utterance:
    text = row.get("valence", "")
    valence = parse_number(text)
    if text and valence is None:
        found.add("valences that are not a number, left out", [f"{row['name']}: {text}"])
    return Utterance(id=row["name"], label=row["discrete"], partition=part, valence=valence)
