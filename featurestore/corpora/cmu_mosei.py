"""CMU-MOSEI, Multimodal Opinion Sentiment and Emotion Intensity: video monologues, 6 emotions, 22,860 segments."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    build_reading,
    find_label_file,
    keep_turn_order,
    parse_number,
    read_rows,
    refuse_release,
    write_clip,
    write_lines,
)
from featurestore.corpora._mosei_texts import read_segment_texts
from featurestore.manifest import Utterance

_EMOTIONS = {"0": "happy", "1": "sad", "2": "anger", "3": "surprise", "4": "disgust", "5": "fear"}
CARD = CorpusCard(
    title="CMU-MOSEI: CMU Multimodal Opinion Sentiment and Emotion Intensity",
    licence="CC BY-NC 4.0 as republished by audEERING; see https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK",
    citation="Zadeh et al., Multimodal Language Analysis in the Wild: CMU-MOSEI Dataset and Interpretable Dynamic "
    "Fusion Graph, ACL 2018, 2236-2246",
    source="https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK",
    language="English",
    labels=_EMOTIONS,
    counts={"0": 14279, "1": 3731, "2": 2694, "3": 428, "4": 1278, "5": 450},
    schemes={"cmu-mosei-6": _EMOTIONS},
    default_scheme="cmu-mosei-6",
    version="CMU_MOSEI_Labels.csv: 22,860 segments of 3,225 videos in the official split",
    words="spontaneous opinions: the words often say the emotion",
    speakers=3225,
    partitions={"train": 16327, "dev": 1871, "test": 4662},
    note="the truth has several emotions per segment, each with an intensity: the label is the winner alone, and 62 % "
    "of the segments are happy; it must not be compared with figures on the several emotions; a speaker is a video: "
    "one person may have several",
)
LAYOUT = re.compile(r"CMU_MOSEI_Labels\.csv", re.IGNORECASE)
_LABELS = "CMU_MOSEI_Labels.csv"
_COLUMNS = ("file", "index", "start", "end", "label6", "split")
_PARTITIONS = {"0": "train", "1": "dev", "2": "test"}


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of the label file.

    Args:
        root: the folder with CMU_MOSEI_Labels.csv, Audio and Transcript, or one above it.

    Raises:
        NotFound: there is no label file, or it cannot be read.
        Mismatch: it cannot be parsed.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    labels = find_label_file(files, [_LABELS], found)
    if not labels:
        raise refuse_release(root, CARD, _LABELS)
    segments = sorted(_read_segments(root / labels, found), key=_order)
    texts = read_segment_texts(files, segments, found)
    rows = keep_turn_order([replace(row, text=texts.get(row.id, "")) for row in segments], found)
    return build_reading(files, rows, CARD, found)


def sample(folder: Path) -> None:
    """Write a release of six videos with four segments each, with clips of noise."""
    lines, texts = [",".join(("", *_COLUMNS))], defaultdict(list)
    for number in range(24):
        video, index, partition = f"-Video_{number // 4:04}", number % 4, number // 8
        place = folder / "Audio" / "Segmented_Audio" / _PARTITIONS[str(partition)]
        write_clip(place / f"{video}_{index}.wav", number)
        lines.append(f"{number},{video},{index},{index}.25,{index}.75,{number % 3},{partition}")
        texts[video].append(f"{video}___{3 - index}___{index}.25___{index}.750___ line {index} of the video")
    for video, segments in texts.items():
        write_lines(folder / "Transcript" / "Segmented" / "Combined" / f"{video}.txt", segments)
    write_lines(folder / _LABELS, lines)


def _read_segments(path: Path, found: FindingList) -> Iterator[Utterance]:
    for row in read_rows(path, _COLUMNS, found):
        utterance_id = f"{row['file']}_{row['index']}"
        if row["split"] not in _PARTITIONS:
            found.add("segments that are in no part of the official split and have no clip, ignored", [utterance_id])
            continue
        yield Utterance(
            id=utterance_id,
            label=row["label6"],
            speaker=row["file"],
            dialogue=row["file"],
            partition=_PARTITIONS[row["split"]],
            start=parse_number(row["start"]),
            end=parse_number(row["end"]),
        )


def _order(row: Utterance) -> tuple[str, float]:
    """Sort the segments of a video by time: their numbers do not follow it."""
    return row.dialogue, row.start or 0.0
