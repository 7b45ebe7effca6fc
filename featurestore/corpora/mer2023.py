"""MER2023, Multimodal Emotion Recognition Challenge 2023: Chinese, 6 emotions, 5,030 labelled clips."""

import math
import re
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, refuse_release, write_clip
from featurestore.corpora._listed_release import ListedRelease
from featurestore.manifest import Utterance

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
    language="Chinese",
    labels=_EMOTIONS,
    counts={"neutral": 1248, "angry": 1208, "happy": 1038, "sad": 730, "worried": 616, "surprise": 190},
    partitions={"train": 3373, "test1": 411, "test2": 412, "test3": 834},
    schemes={"mer2023-6": _EMOTIONS},
    default_scheme="mer2023-6",
    version="the 5,030 labelled clips",
    words="not known; the release has no transcript",
    note="test1 is of the track MER-MULTI, test2 of MER-NOISE with added noise, test3 of MER-SEMI; clips are videos; "
    "unlabelled clips are not read; speakers are not given",
)
LAYOUT = re.compile(r"sample(new)?_\d{8}|(train|test[123])-label\.csv", re.IGNORECASE)
_PARTS = ("train", "test1", "test2", "test3")
_COLUMNS = ("name", "discrete")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of train-label.csv and test1-label.csv to test3-label.csv.

    Args:
        root: the folder with mer2023train, test1, test2 and test-labels.

    Raises:
        NotFound: there is none of the label files, or one cannot be read.
        Mismatch: one of them has missing columns.
    """
    release = ListedRelease(root)
    if not any(release.has_table(f"{part}-label.csv") for part in _PARTS):
        raise refuse_release(root, CARD, "mer2023train/train-label.csv, mer2023train/train/sample_00002721.avi")
    tables = {part: release.read_table(f"{part}-label.csv", _COLUMNS) for part in _PARTS}
    listed = release.select_clips("name", ({**row, "part": part} for part, rows in tables.items() for row in rows))
    return release.complete([_to_utterance(row, release) for row in listed], CARD)


def sample(folder: Path) -> None:
    """Write a release with two clips of noise of each of two emotions in each part."""
    lists = {part: ["name,discrete,valence"] for part in _PARTS}
    for number in range(16):
        part, name, emotion = _PARTS[number % 4], f"sample_{number:08}", ("angry", "sad")[number // 4 % 2]
        inside = "mer2023train/" if part in ("train", "test3") else ""
        write_clip(folder / f"{inside}{part}" / f"{name}.wav", number, 44_100)
        lists[part].append(f"{name},{emotion},-1.5")
    for part, lines in lists.items():
        path = folder / ("mer2023train" if part == "train" else "test-labels") / f"{part}-label.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def _to_utterance(row: dict[str, str], release: ListedRelease) -> Utterance:
    return Utterance(
        id=row["name"],
        audio=release.find_clip(f"{row['name']}.avi"),
        label=row["discrete"],
        partition=row["part"],
        valence=_parse_valence(row, release),
    )


def _parse_valence(row: dict[str, str], release: ListedRelease) -> float | None:
    text = row.get("valence", "")
    valence = _parse_number(text)
    release.found.add(
        "valences that are not a number, left out", [f"{row['name']}: {text}"] if text and valence is None else []
    )
    return valence


def _parse_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
