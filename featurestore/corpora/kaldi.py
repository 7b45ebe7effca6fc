"""Kaldi data folders: wav.scp, segments, text, utt2spk, spk2gender, and a file of labels by utterance."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from featurestore.corpora import CorpusCard, FindingList, Reading, decode_reported, write_clip, write_lines
from featurestore.errors import NotFound
from featurestore.tables.clip_places import locate_clips
from featurestore.tables.list_parts import join_parts
from featurestore.tables.table_reading import read_named_rows

CARD = CorpusCard(
    title="A Kaldi data folder",
    licence="that of the data",
    citation="that of the data",
    note="read from a Kaldi data folder",
    own=True,
)
LAYOUT = re.compile(r"wav\.scp")
_USUAL = {
    "label": ("utt2emo", "utt2emotion", "utt2label", "emotion", "utt2class"),
    "speaker": ("utt2spk",),
    "gender": ("spk2gender", "utt2gender"),
    "dialogue": ("utt2dialogue",),
    "session": ("utt2session",),
    "duration": ("utt2dur",),
}
_EXPECTED = ("text", "utt2spk", "spk2gender")
# made for Kaldi itself, or read apart
_NO_COLUMN = re.compile(r"segments|spk2utt|reco2.*|utt2num_frames|frame_shift|.*\.(scp|txt|md)")
_COMMANDS = "recordings that wav.scp makes by a command, which is not run; write them to files first"
_ARCHIVES = "recordings in an archive of Kaldi, which is not read; write them to files first"
_MISSING = "files of a data folder that are missing or empty"
_NOT_LISTED = "utterances that a file of the data folder does not have"
_NO_RECORDING = "segments whose recording is not in wav.scp, ignored"
_NOTHING = "utterances with neither a recording that can be read nor a text, ignored"
_BROKEN = "lines with too few fields, ignored"


def utterances(root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Read a data folder, or several of them as the partitions of a corpus. Commands in wav.scp are never run.

    Args:
        root: folder that holds wav.scp, or whose subfolders do.
        columns: file that holds a column of the manifest by utterance or by speaker, such as `label=utt2emo`.

    Raises:
        NotFound: no folder has a wav.scp.
        BadValue: there are no labels, or rows that cannot be used.
    """
    found = FindingList()
    lists = [root / "wav.scp"] if (root / "wav.scp").is_file() else sorted(root.glob("*/wav.scp"))
    folders = [path.parent for path in lists if path.is_file()]
    if not folders:
        raise NotFound(
            f"{root} is not a Kaldi data folder",
            expected="a folder with wav.scp, or with folders that have one",
            do="give the folder that holds wav.scp",
        )
    parts = {folder.name: list(_read_folder(folder, root, found)) for folder in folders}
    path = root / lists[0].relative_to(root).parts[0]
    return read_named_rows(path, join_parts(parts, found), _USUAL, columns, found, segments=True)


def sample(folder: Path) -> None:
    """Write a data folder: two recordings of noise, twelve segments, three speakers, two labels."""
    lines: dict[str, list[str]] = {name: [] for name in ("wav.scp", "segments", "text", "utt2spk", "utt2emo")}
    for number in range(2):
        write_clip(folder / f"wav/call-{number}.wav", 600 + number)
        lines["wav.scp"].append(f"call-{number} wav/call-{number}.wav")
    for number in range(12):
        speaker, name = f"s{number % 3}", f"s{number % 3}-{number:02}"
        start = 0.1 * (number // 2)
        lines["segments"].append(f"{name} call-{number % 2} {start:.2f} {start + 0.1:.2f}")
        lines["text"].append(f"{name} Line {number}.")
        lines["utt2spk"].append(f"{name} {speaker}")
        lines["utt2emo"].append(f"{name} {('calm', 'cross')[number % 2]}")
    lines["spk2gender"] = ["s0 f", "s1 m", "s2 f"]
    for name, content in lines.items():
        write_lines(folder / name, content)


def _read_folder(folder: Path, root: Path, found: FindingList) -> Iterator[dict[str, object]]:
    """Yield the rows of one data folder."""
    recordings = _find_recordings(folder, root, found)
    columns = {path.name: dict(_read_pairs(path, found)) for path in _list_columns(folder)}
    found.add(_MISSING, [name for name in _EXPECTED if not columns.get(name)])
    speakers = columns.get("utt2spk", {})
    for utterance_id, place in _list_utterances(folder, recordings, found):
        keys = {name: speakers.get(utterance_id, "") if name.startswith("spk2") else utterance_id for name in columns}
        row = {"id": utterance_id, **place, **{name: columns[name].get(key) for name, key in keys.items()}}
        absent = [name for name in columns if columns[name] and row[name] is None]
        found.add(_NOT_LISTED, [f"{name}: {utterance_id}" for name in absent])
        if place["audio"] or row.get("text"):
            yield row
        else:
            found.add(_NOTHING, [utterance_id])


def _find_recordings(folder: Path, root: Path, found: FindingList) -> dict[str, str]:
    """Return the path of each recording, empty if it cannot be read."""
    entries = dict(_read_pairs(folder / "wav.scp", found))
    commands = [name for name, entry in entries.items() if entry.endswith("|")]
    archives = [name for name, entry in entries.items() if re.search(r"\.ark:\d+$", entry)]
    found.add(_COMMANDS, commands)
    found.add(_ARCHIVES, archives)
    files = {name: entry for name, entry in entries.items() if name not in {*commands, *archives}}
    places = locate_clips(root, files.values(), folder)
    return dict.fromkeys(entries, "") | {name: places[entry] for name, entry in files.items()}


def _list_utterances(
    folder: Path, recordings: Mapping[str, str], found: FindingList
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each utterance with its audio, start and end: those of `segments`, or all recordings."""
    if not (folder / "segments").is_file():
        for name, path in recordings.items():
            yield name, {"audio": path}
        return
    for utterance_id, rest in _read_pairs(folder / "segments", found):
        recording, *times = rest.split()
        if len(times) < 2:
            found.add(_BROKEN, [f"segments: {utterance_id}"])
        elif recording not in recordings:
            found.add(_NO_RECORDING, [utterance_id])
        else:
            # Kaldi writes -1 for the end of the recording
            end = "" if times[1].startswith("-1") else times[1]
            yield utterance_id, {"audio": recordings[recording], "start": times[0], "end": end}


def _list_columns(folder: Path) -> list[Path]:
    names = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in names if not _NO_COLUMN.fullmatch(path.name))


def _read_pairs(path: Path, found: FindingList) -> Iterator[tuple[str, str]]:
    """Yield the first field of each line and the rest of it."""
    for number, line in enumerate(decode_reported(path, found).split("\n"), 1):
        fields = line.split(maxsplit=1)
        if len(fields) == 2:
            yield fields[0], fields[1].strip()
        elif fields and path.name in ("wav.scp", "segments"):
            found.add(_BROKEN, [f"{path.name}, line {number}"])
