"""Write the clips that the tables of a dataset hold as bytes to files, and a table beside them."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from featurestore.corpora._dataset_files import DatasetFile, find_class_names, find_clip, read_batches
from featurestore.errors import Mismatch
from featurestore.storage.atomic import flush
from featurestore.storage.json_files import find_object
from featurestore.storage.lock import lock_folder

TABLE, MARK = "unpacked.jsonl", "unpacked.json"
_HEADS = (
    (b"RIFF", ".wav"),
    (b"RF64", ".wav"),
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"ID3", ".mp3"),
    (b"\xff\xfb", ".mp3"),
    (b"\xff\xf3", ".mp3"),
    (b"\xff\xf2", ".mp3"),
    (b"FORM", ".aiff"),
    (b"\x1aE\xdf\xa3", ".webm"),
)
_LONGEST = 100  # letters of a clip's name
_NOT_IN_NAMES = re.compile(r"[^\w .()+-]")


def unpack_dataset(
    source: Mapping[str, Any], folder: Path, list_files: Callable[[Path], Sequence[DatasetFile]]
) -> Path:
    """Write the clips and the table of a dataset into a folder, unless it holds those of the same source.

    The folder appears in one step. What a killed process has left is removed.

    Args:
        source: what identifies the dataset, as JSON.
        folder: to write.
        list_files: returns the files of the dataset; it may write files into the given folder, which is then removed.

    Returns:
        The folder.

    Raises:
        Mismatch: the folder holds something else.
    """
    mark = find_object(folder / MARK)
    if mark == source:
        return folder
    if mark is None:
        _check_absent(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock_folder(folder.parent, work="unpacking of a dataset"):
        aside = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            _write_all(list_files(aside / "files"), aside / "clips")
            (aside / "clips" / MARK).write_text(json.dumps(source), encoding="utf-8")
            flush(aside / "clips")
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(aside / "clips", folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return folder


def _check_absent(folder: Path) -> None:
    if folder.exists():
        raise Mismatch(
            f"{folder} is not a folder of unpacked clips",
            expected=f"no such folder, or one with {MARK}",
            do="remove it, or choose another --store",
        )


def _write_all(files: Sequence[DatasetFile], folder: Path) -> None:
    folder.mkdir(parents=True)
    several = len({file.split for file in files}) > 1
    taken: set[str] = set()
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as table:
        for file in files:
            for row in _unpack_rows(file, folder, taken):
                row |= {"partition": file.split} if several and "partition" not in row else {}
                table.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _unpack_rows(file: DatasetFile, folder: Path, taken: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file with names of classes for their numbers, and paths for clips."""
    for rows, features in read_batches(file):
        classes = find_class_names(features)
        for row in rows:
            yield {
                name: _write_clip(clip, file, name, folder, taken)
                if (clip := find_clip(value, features.get(name)))
                else _name_class(value, classes.get(name))
                for name, value in row.items()
            }


def _name_class(value: Any, names: Sequence[str] | None) -> Any:
    if isinstance(value, bytes):
        return None
    if names is None or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None  # -1 is an unknown class


def _write_clip(value: Mapping[str, Any], file: DatasetFile, column: str, folder: Path, taken: set[str]) -> str:
    """Write a clip and return its path in the folder, or the path of a clip that is not in the table."""
    content, path = value.get("bytes"), str(value.get("path") or "")
    if content is None and value.get("array") is None:
        return str(file.path.parent / path) if path else ""
    suffix = ".wav" if content is None else _find_suffix(content, path)
    place = _choose_name(path, suffix, PurePosixPath(_clean(file.split)), column, taken)
    target = folder / place
    target.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        _write_samples(target, value)
    else:
        target.write_bytes(content)
    return place


def _write_samples(path: Path, value: Mapping[str, Any]) -> None:
    import numpy as np
    import soundfile

    samples = np.asarray(value["array"], dtype=np.float32)
    soundfile.write(path, samples.T if samples.ndim > 1 else samples, int(value["sampling_rate"]), subtype="FLOAT")


def _find_suffix(content: bytes, path: str) -> str:
    """Return the suffix of the format that the bytes are in, else that of the path."""
    known = next((suffix for head, suffix in _HEADS if content.startswith(head)), "")
    return known or (".m4a" if content[4:8] == b"ftyp" else _clean(PurePosixPath(path).suffix))


def _choose_name(path: str, suffix: str, folder: PurePosixPath, column: str, taken: set[str]) -> str:
    """Return a path that no other clip has, named after that in the dataset if it has one."""
    stem = _clean(PurePosixPath(path.replace("\\", "/")).stem) or column
    place, number = f"{folder / stem}{suffix}", 1
    while place.casefold() in taken:
        number += 1
        place = f"{folder / stem}-{number}{suffix}"
    taken.add(place.casefold())
    return place


def _clean(name: str) -> str:
    """Return a name that is one on every disk."""
    return _NOT_IN_NAMES.sub("_", name).strip(" ")[:_LONGEST].lstrip(".") if name.strip(".") else ""
