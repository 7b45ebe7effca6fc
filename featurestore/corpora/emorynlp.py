"""EmoryNLP, emotion detection in the series Friends: dialogues of seasons 1 to 4, 7 emotions, 9,489 turns."""

import re
from collections.abc import Mapping
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, write_clip, write_lines
from featurestore.corpora._friends_tables import find_gender, join_speakers, name_episode, parse_time, read_series
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_conv_emotion_results

_EMOTIONS = {
    "Neutral": "neutral",
    "Joyful": "joyful",
    "Scared": "scared",
    "Mad": "mad",
    "Peaceful": "peaceful",
    "Powerful": "powerful",
    "Sad": "sad",
}
CARD = CorpusCard(
    title="EmoryNLP: Emotion Detection on TV Show Transcripts",
    licence="Apache-2.0 of its repository, https://github.com/emorynlp/emotion-detection; the clips are of a "
    "television series",
    citation="Zahiri and Choi, Emotion Detection on TV Show Transcripts with Sequence-Based Convolutional Neural "
    "Networks, AAAI Workshop on Affective Content Analysis 2018",
    source="https://github.com/declare-lab/MELD/tree/master/data/emorynlp",
    language="English",
    labels=_EMOTIONS,
    counts={
        "Neutral": 3095,
        "Joyful": 2099,
        "Scared": 1184,
        "Mad": 968,
        "Peaceful": 831,
        "Powerful": 717,
        "Sad": 595,
    },
    schemes={"emorynlp-7": _EMOTIONS},
    default_scheme="emorynlp-7",
    version="with times and clips, by the makers of MELD: 9,489 of the 12,606 turns",
    words="a series' script: the words often say the emotion",
    speakers=259,
    sessions=97,
    partitions={"train": 7551, "dev": 954, "test": 984},
    published=list_conv_emotion_results(
        "emorynlp-7",
        {"RoBERTa": 37.29, "RoBERTa DialogueRNN": 37.44, "RoBERTa COSMIC": 38.11},
        "test part; whether it is that of the text release (1,328 turns) or of the clips (984) is not said; the six "
        "leads are in training and test",
    ),
    note="the six leads speak in all three parts, so the official split is not speaker-independent; joyful, mad and "
    "scared are wider than happy, angry and fearful elsewhere; season 4, episode 4, scene 3, turns 8 to 10 of the "
    "training part have no usable clip, so that others count 7,548",
)
LAYOUT = re.compile(r"sea\d+_ep\d+_sc\d+_utt\d+|emorynlp_(?:train|dev|test)_final\.csv", re.IGNORECASE)
_TABLES = {partition: f"emorynlp_{partition}_final.csv" for partition in ("train", "dev", "test")}
_NUMBERS = ("Season", "Episode", "Scene_ID", "Utterance_ID")
_COLUMNS = ("Utterance", "Speaker", "Emotion", *_NUMBERS)
_NAME = re.compile(r"'([^']+)'|\"([^\"]+)\"")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of the three label files.

    Args:
        root: the folder with the label files, or one above it.

    Raises:
        NotFound: there is no label file.
        Mismatch: a label file cannot be parsed.
    """
    return read_series(root, CARD, _TABLES, _COLUMNS, _NUMBERS, _to_utterance)


def sample(folder: Path) -> None:
    """Write a release of two scenes per part with clips of noise and made-up words."""
    numbers = iter(range(100))
    for episode, (partition, name) in enumerate(_TABLES.items(), 1):
        lines = ["Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode,Start_Time,End_Time"]
        for scene in (1, 2):
            for turn, (speaker, emotion) in enumerate(
                (("Joey Tribbiani", "Joyful"), ("Monica Geller", "Mad"), ("Ross Geller", "Neutral"), ("Ryan", "Mad")), 1
            ):
                clip = f"sea1_ep{episode}_sc{scene}_utt{turn}.wav"
                write_clip(folder / f"emorynlp_{partition}_splits" / clip, next(numbers))
                times = f"00:0{scene}:0{turn}.250,00:0{scene}:0{turn}.750"
                lines.append(f"\"Line {turn}, again.\",['{speaker}'],{emotion},{scene},{turn},1,{episode},{times}")
        write_lines(folder / name, lines)


def _to_utterance(partition: str, row: Mapping[str, str]) -> Utterance:
    season, episode, scene, turn = (int(row[column]) for column in _NUMBERS)
    dialogue = f"sea{season}_ep{episode}_sc{scene}"
    speaker = join_speakers(first or second for first, second in _NAME.findall(row["Speaker"]))
    return Utterance(
        id=f"{dialogue}_utt{turn}",
        text=row["Utterance"],
        label=row["Emotion"],
        speaker=speaker,
        gender=find_gender(speaker),
        session=name_episode(row),
        dialogue=dialogue,
        partition=partition,
        start=_find_time(row, "Start"),
        end=_find_time(row, "End"),
    )


def _find_time(row: Mapping[str, str], name: str) -> float | None:
    """Return a time, whose column has two spellings in copies."""
    return parse_time(row.get(f"{name}_Time") or row.get(f"{name}Time") or "")
