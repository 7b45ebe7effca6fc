"""ESD, Emotional Speech Dataset: 10 Chinese and 10 English speakers, 350 sentences each, 5 emotions, 35,000 clips."""

import re
from collections.abc import Sequence
from pathlib import Path

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    add_listed,
    find_folder,
    find_label_files,
    read_named_clips,
    read_text,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {emotion: emotion.lower() for emotion in ("Neutral", "Angry", "Happy", "Sad", "Surprise")}
CARD = CorpusCard(
    title="ESD: Emotional Speech Dataset",
    licence="granted on request, for research: https://github.com/HLTSingapore/Emotional-Speech-Data",
    citation="Zhou et al., Emotional voice conversion: Theory, databases and ESD, Speech Communication 137 (2022) 1-18",
    source="https://github.com/HLTSingapore/Emotional-Speech-Data",
    language="Mandarin Chinese (speakers 0001 to 0010) and English (0011 to 0020)",
    labels=_EMOTIONS,
    counts=dict.fromkeys(_EMOTIONS, 7000),
    speakers=20,
    schemes={"esd-5": _EMOTIONS},
    default_scheme="esd-5",
    version="35,000 clips",
    words="the same 350 sentences in every emotion",
    published=list_emobox_results(
        "esd-5",
        {
            "wav2vec 2.0 base": (69.17, 69.27, 68.66),
            "WavLM large": (79.14, 79.14, 78.87),
            "Whisper large v3": (84.62, 84.62, 84.33),
        },
        "five folds of four speakers each, English and Chinese together",
    ),
    note="acted; the same 350 sentences of a language in every emotion and of every speaker, so the words tell nothing "
    "about it; two languages: cut folds by speaker or by script, and look at each language alone; the split of some "
    "copies shares all 20 speakers between training and test",
)
LAYOUT = re.compile(r"(?P<speaker>00(?:0[1-9]|1\d|20))_(?P<number>\d{6})")
_FEMALE = ("0001", "0002", "0003", "0007", "0009", "0015", "0016", "0017", "0018", "0019")  # ReadMe.txt of the release
_LAST_CHINESE = 10
_RATE = 16_000  # Hz
_SENTENCES = 350
_PARTS = {"train": "train", "evaluation": "dev", "test": "test"}  # by folder; the evaluation part is for development
_CHINESE = {"中立": "Neutral", "生气": "Angry", "快乐": "Happy", "伤心": "Sad", "惊喜": "Surprise"}
_LABELS = {**{label.lower(): label for label in _EMOTIONS}, **_CHINESE}
_LIST = re.compile(r"00\d\d\.txt", re.IGNORECASE)
_LINE = re.compile(rf"(?P<id>{LAYOUT.pattern})\s+(?P<text>\S.*?)\s+(?P<label>\S+)")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, with the texts and labels of `0001/0001.txt` to `0020/0020.txt`.

    Args:
        root: the folder with 0001 to 0020, or one above it.

    Raises:
        NotFound: there is no clip of ESD.
    """
    return read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="0001/Angry/0001_000351.wav", complete=_add_lists, rate=_RATE
    )


def sample(folder: Path) -> None:
    """Write a release of a Chinese and two English speakers with clips of noise, two sentences in three emotions."""
    emotions = {"Neutral": 0, "Angry": 1, "Sad": 3}
    labels = {label: word for word, label in _CHINESE.items()}
    for place, speaker in enumerate(("0001", "0011", "0012")):
        lines = []
        for emotion, block in emotions.items():
            for sentence in (1, 2):
                name = f"{speaker}_{_SENTENCES * block + sentence:06}"
                label = labels[emotion] if int(speaker) <= _LAST_CHINESE else emotion
                lines.append(f"{name}\tSentence number {sentence}.\t{label}")
                write_clip(folder / speaker / emotion / f"{name}.wav", 8 * place + 2 * block + sentence, _RATE)
        write_lines(folder / speaker / f"{speaker}.txt", lines)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    speaker = match["speaker"]
    language = "zh" if int(speaker) <= _LAST_CHINESE else "en"
    return Utterance(
        id=match[0],
        audio=clip,
        label=find_folder(clip, _EMOTIONS),
        speaker=speaker,
        gender="F" if speaker in _FEMALE else "M",
        # clips are numbered by emotion, each block in the same order of sentences
        script=f"{language}{(int(match['number']) - 1) % _SENTENCES + 1:03}",
        partition=_PARTS.get(find_folder(clip, _PARTS), ""),
    )


def _add_lists(rows: Sequence[Utterance], files: ReleaseFiles, found: FindingList) -> list[Utterance]:
    paths = find_label_files(files, _LIST, found)
    listed = {row.id: row for path in paths for row in _read_list(files, path, found)}
    return add_listed(rows, listed, "SPEAKER.txt", found)


def _read_list(files: ReleaseFiles, path: str, found: FindingList) -> list[Utterance]:
    """Return the text and label of each utterance of a speaker."""
    rows = []
    for number, line in enumerate(read_text(files, path, found).split("\n"), 1):
        match = _LINE.fullmatch(line.strip())
        label = _LABELS.get(match["label"].lower(), "") if match else ""
        found.add(
            "lines of label files without an id, a text and a known label, ignored",
            [f"{path}, line {number}"] if line.strip() and not label else [],
        )
        if match and label:
            rows.append(Utterance(match["id"], text=match["text"], label=label))
    return rows
