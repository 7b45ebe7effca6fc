"""M3ED, Multi-modal Multi-scene Multi-label Emotional Dialogue: 56 Chinese TV series, 7 emotions, 24,449 turns."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    build_reading,
    find_label_file,
    find_optional,
    format_votes,
    get_stem,
    get_text,
    keep_turn_order,
    parse_gender,
    read_json_object,
    read_text,
    refuse_release,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "Neutral": "neutral",
    "Anger": "anger",
    "Sad": "sad",
    "Happy": "happy",
    "Disgust": "disgust",
    "Surprise": "surprise",
    "Fear": "fear",
}
CARD = CorpusCard(
    title="M3ED: Multi-modal Multi-scene Multi-label Emotional Dialogue Database",
    licence="see https://github.com/AIM3-RUC/RUCM3ED; the clips are of television series",
    citation="Zhao et al., M3ED: Multi-modal Multi-scene Multi-label Emotional Dialogue Database, ACL 2022, 5699-5710",
    source="https://github.com/AIM3-RUC/RUCM3ED",
    language="Mandarin Chinese",
    labels=_EMOTIONS,
    schemes={"m3ed-7": _EMOTIONS},
    default_scheme="m3ed-7",
    version="annotation.json: 24,449 turns; 12 of their clips are empty",
    words="the dialogues of television series: the words often say the emotion",
    partitions={"train": 17427, "val": 2821, "test": 4201},
    published=list_emobox_results(
        "m3ed-7",
        {
            "wav2vec 2.0 base": (23.13, 43.20, 22.91),
            "WavLM large": (26.58, 44.86, 26.98),
            "Whisper large v3": (32.84, 49.42, 33.76),
        },
        "official test part without empty clips, 4,198 turns",
        "official",
    ),
    note="the label is the main emotion of a turn that may have several; two speakers per dialogue; no series, and so "
    "no speaker, is in two parts of the official split; EmoBox counts the 24,437 turns whose clip is not empty",
)
LAYOUT = re.compile(r"[A-Z]_[a-z]+_\d+_\d+|movie_list_(?:train|val|test|total)\.txt", re.IGNORECASE)
_CLIP = re.compile(r"[A-Z]_(?P<id>.+)", re.IGNORECASE)
_ANNOTATION = "annotation.json"
_LISTS = {partition: f"movie_list_{partition}.txt" for partition in ("train", "val", "test")}
_RATERS = ("EmoAnnotator1", "EmoAnnotator2", "EmoAnnotator3")
_TIME = re.compile(r"(\d+):(\d\d):(\d\d):(\d\d)")
_FRAMES_PER_SECOND = 25  # 00:00:00:01 to 00:00:01:03 is a clip of 1.08 s


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per turn of `annotation.json`.

    Args:
        root: the folder with annotation.json, splitInfo and modality_speech, or one above it.

    Raises:
        NotFound: there is no annotation.json, or it cannot be read.
        Mismatch: annotation.json is not JSON.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    annotation = find_label_file(files, [_ANNOTATION], found)
    if not annotation:
        raise refuse_release(root, CARD, _ANNOTATION)
    partitions = _read_partitions(files, found)
    rows = list(_read_shows(read_json_object(root / annotation), partitions, found))
    if not rows:
        raise refuse_release(root, CARD, f"{_ANNOTATION} of its turns")
    return build_reading(files, keep_turn_order(rows, found), CARD, found, to_id=_to_id)


def sample(folder: Path) -> None:
    """Write a release of two dialogues in each of three made-up series, with clips of noise."""
    shows: dict[str, Any] = {}
    numbers = iter(range(100))
    for show in ("yi", "er", "san"):
        shows[show] = {f"{show}_{number}": _build_dialogue(f"{show}_{number}") for number in (1, 2)}
        for dialogue in shows[show].values():
            for utterance_id, turn in dialogue["Dialog"].items():
                write_clip(folder / "modality_speech" / f"{turn['Speaker']}_{utterance_id}.wav", next(numbers))
    (folder / _ANNOTATION).write_text(json.dumps(shows, ensure_ascii=False, indent=1), "utf-8")
    for show, name in zip(shows, _LISTS.values(), strict=True):
        write_lines(folder / "splitInfo" / name, [show])


def _build_dialogue(name: str) -> dict[str, Any]:
    """Return a made-up dialogue."""
    turns = {}
    for number, emotion in enumerate(("Happy", "Anger", "Neutral", "Anger"), 1):
        turns[f"{name}_{number}"] = {
            "StartTime": f"00:00:0{number}:05",
            "EndTime": f"00:00:0{number}:10",
            "Text": f"第{number}句",
            "Speaker": "AB"[number % 2],
            "EmoAnnotation": dict.fromkeys((*_RATERS, "final_mul_emo", "final_main_emo"), emotion),
        }
    speakers = {"A": {"Name": "甲", "Gender": "female"}, "B": {"Name": "乙", "Gender": "male"}}
    return {"SpeakerInfo": speakers, "Dialog": turns}


def _read_partitions(files: ReleaseFiles, found: FindingList) -> dict[str, str]:
    """Return the part of the official split by series."""
    partitions: dict[str, str] = {}
    for partition, name in _LISTS.items():
        path = find_optional(files, name, found, without="partitions are empty")
        text = read_text(files, path, found) if path else ""
        partitions |= dict.fromkeys(text.split(), partition)
    return partitions


def _read_shows(shows: dict[str, Any], partitions: dict[str, str], found: FindingList) -> Iterator[Utterance]:
    for show, dialogues in shows.items():
        found.add("series that are in no part of the official split", [] if show in partitions else [show])
        for dialogue, content in _list_objects(dialogues, show, found):
            for utterance_id, turn in _list_objects(content.get("Dialog"), dialogue, found):
                row = _to_utterance(utterance_id, turn, _find_speaker(content, turn))
                speaker = f"{show}_{row.speaker}" if row.speaker else ""
                found.add("turns of a speaker without a name, kept without a speaker", [] if speaker else [row.id])
                partition = partitions.get(show, "")
                yield replace(row, speaker=speaker, session=show, dialogue=dialogue, partition=partition)


def _to_utterance(utterance_id: str, turn: dict[str, Any], speaker: object) -> Utterance:
    """Return what the entries of a turn and of its speaker say."""
    emotions = turn.get("EmoAnnotation")
    return Utterance(
        id=utterance_id,
        text=get_text(turn, "Text"),
        label=get_text(emotions, "final_main_emo"),
        speaker=get_text(speaker, "Name"),
        gender=parse_gender(get_text(speaker, "Gender")),
        start=_parse_time(get_text(turn, "StartTime")),
        end=_parse_time(get_text(turn, "EndTime")),
        votes=format_votes(_list_votes(emotions)),
    )


def _list_objects(entries: object, where: str, found: FindingList) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects in a JSON object by name, and report whatever is none."""
    if not isinstance(entries, dict):
        found.add("entries that are no JSON object, ignored", [where])
        return
    for name, entry in entries.items():
        if isinstance(entry, dict):
            yield name, entry
        else:
            found.add("entries that are no JSON object, ignored", [name])


def _find_speaker(dialogue: dict[str, Any], turn: dict[str, Any]) -> object:
    """Return what is known of the speaker of a turn."""
    speakers = dialogue.get("SpeakerInfo")
    return speakers.get(get_text(turn, "Speaker")) if isinstance(speakers, dict) else None


def _list_votes(emotions: object) -> Iterator[dict[str, Any]]:
    for rater in _RATERS:
        if label := get_text(emotions, rater):
            yield {"rater": rater, "labels": [label]}


def _parse_time(text: str) -> float | None:
    """Return a time in the recording of the dialogue, in seconds, or None if the text is not one."""
    match = _TIME.fullmatch(text)
    if not match:
        return None
    hours, minutes, seconds, frames = map(int, match.groups())
    return 3600 * hours + 60 * minutes + seconds + frames / _FRAMES_PER_SECOND


def _to_id(path: str) -> str:
    """Return the id that a clip stands for: its name after the letter of the speaker."""
    match = _CLIP.fullmatch(get_stem(path))
    return match["id"] if match else ""
