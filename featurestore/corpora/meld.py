"""MELD, Multimodal EmotionLines Dataset: dialogues of the series Friends, 7 emotions, 13,708 turns."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from featurestore.corpora import CorpusCard, Reading, get_stem, write_clip, write_lines
from featurestore.corpora._friends_tables import find_gender, name_episode, parse_time, read_series
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_conv_emotion_results, list_emobox_results

_EMOTIONS = {
    "neutral": "neutral",
    "joy": "joy",
    "surprise": "surprise",
    "anger": "anger",
    "sadness": "sadness",
    "disgust": "disgust",
    "fear": "fear",
}
CARD = CorpusCard(
    title="MELD: Multimodal EmotionLines Dataset",
    licence="GPL-3.0 of its repository, https://github.com/declare-lab/MELD; the clips are of a television series",
    citation="Poria et al., MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations, ACL 2019, "
    "527-536",
    source="https://github.com/declare-lab/MELD",
    language="English",
    labels=_EMOTIONS,
    counts={
        "neutral": 6436,
        "joy": 2308,
        "surprise": 1636,
        "anger": 1607,
        "sadness": 1002,
        "disgust": 361,
        "fear": 358,
    },
    schemes={"meld-7": _EMOTIONS},
    default_scheme="meld-7",
    version="MELD.Raw: 13,708 turns in 1,432 dialogues",
    words="a series' script: the words often say the emotion",
    speakers=304,
    sessions=190,
    partitions={"train": 9989, "dev": 1109, "test": 2610},
    published=(
        *list_conv_emotion_results(
            "meld-7",
            {"RoBERTa": 62.02, "RoBERTa DialogueRNN": 63.61, "RoBERTa COSMIC": 65.21},
            "official test part; the six leads are in training and test",
            "official",
        ),
        *list_emobox_results(
            "meld-7",
            {
                "wav2vec 2.0 base": (20.06, 45.17, 20.04),
                "WavLM large": (28.18, 49.31, 29.11),
                "Whisper large v3": (31.54, 51.89, 32.95),
            },
            "audio alone; official test part, 2,610 turns; the six leads are in training and test",
            "official",
        ),
    ),
    note="the six leads speak in all three parts, so the official split is not speaker-independent; laughter of the "
    "audience and music are in the clips; dialogue and utterance numbers begin again in each part, and 1,740 pairs "
    "of them stand in train and in test; train dia125_utt3 and dev dia110_utt7 have no usable clip, so that EmoBox "
    "counts 9,988, 1,108 and 2,610",
)
LAYOUT = re.compile(r"(?:final_videos_test)?dia\d+_utt\d+|(?:train|dev|test)_sent_emo\.csv", re.IGNORECASE)
_TABLES = {partition: f"{partition}_sent_emo.csv" for partition in ("train", "dev", "test")}
_NUMBERS = ("Dialogue_ID", "Utterance_ID")
_COLUMNS = (
    "Utterance",
    "Speaker",
    "Emotion",
    "Dialogue_ID",
    "Utterance_ID",
    "Season",
    "Episode",
    "StartTime",
    "EndTime",
)
_CLIP = re.compile(r"(?:final_videos_test)?dia(?P<dialogue>\d+)_utt(?P<turn>\d+)", re.IGNORECASE)
_PARTS = re.compile(r"train|dev|test")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of the three label files.

    Clips are named alike in all parts, so that the innermost folder with `train`, `dev` or `test` in its name says
    which part a clip is of.

    Args:
        root: the folder MELD.Raw, or one above it.

    Raises:
        NotFound: there is no label file.
        Mismatch: a label file cannot be parsed.
    """
    return read_series(root, CARD, _TABLES, _COLUMNS, _NUMBERS, _to_utterance, _to_id)


def sample(folder: Path) -> None:
    """Write a release of two dialogues per part with clips of noise and made-up words."""
    places = {"train": "train/train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    numbers = iter(range(100))
    for partition, place in places.items():
        lines = [",".join(("Sr No.", *_COLUMNS[:3], "Sentiment", *_COLUMNS[3:]))]
        for dialogue in range(2):
            for turn, (speaker, emotion) in enumerate(
                (("Joey", "joy"), ("Rachel", "neutral"), ("Ross", "anger"), ("The Waiter", "neutral"))
            ):
                write_clip(folder / place / f"dia{dialogue}_utt{turn}.wav", next(numbers))
                times = f'"00:0{dialogue}:0{turn},250","00:0{dialogue}:0{turn},750"'
                words = f'"Line {turn}, of {partition}."'
                lines.append(f"{turn},{words},{speaker},{emotion},neutral,{dialogue},{turn},1,{dialogue + 1},{times}")
        write_lines(folder / _TABLES[partition], lines)


def _to_utterance(partition: str, row: Mapping[str, str]) -> Utterance:
    dialogue = f"{partition}_dia{int(row['Dialogue_ID'])}"
    return Utterance(
        id=f"{dialogue}_utt{int(row['Utterance_ID'])}",
        text=row["Utterance"],
        label=row["Emotion"],
        speaker=row["Speaker"],
        gender=find_gender(row["Speaker"]),
        session=name_episode(row),
        dialogue=dialogue,
        partition=partition,
        start=parse_time(row["StartTime"]),
        end=parse_time(row["EndTime"]),
    )


def _to_id(path: str) -> str:
    """Return the id that a clip stands for, or an empty text if its name or folders do not say it."""
    match = _CLIP.fullmatch(get_stem(path))
    folders = reversed(PurePosixPath(path.lower()).parent.parts)
    part = next((parts[-1] for parts in map(_PARTS.findall, folders) if parts), "")
    return f"{part}_dia{int(match['dialogue'])}_utt{int(match['turn'])}" if match and part else ""
