"""Hugging Face datasets: a folder of parquet, of arrow or of audio with metadata, or the name of one on the hub."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from featurestore.corpora import CorpusCard, FindingList, Reading, decode_reported, read_rows
from featurestore.corpora._dataset_clips import MARK, TABLE, unpack_dataset
from featurestore.corpora._dataset_files import CORPUS, DatasetFile, list_dataset_files
from featurestore.errors import NotFound, Unavailable, summarize_error
from featurestore.releases.optional_package import import_package
from featurestore.storage.checksum import hash_file
from featurestore.storage.parquet import load_pyarrow
from featurestore.tables.json_lines import parse_objects
from featurestore.tables.list_parts import join_parts
from featurestore.tables.table_reading import read_named_rows

CARD = CorpusCard(
    title="A dataset of Hugging Face",
    licence="that of the dataset",
    citation="that of the dataset",
    note="read from a dataset of Hugging Face",
    own=True,
)
LAYOUT = re.compile(r"(?!db\.).+\.parquet|dataset_(info|dict)\.json|" + re.escape(TABLE))
_USUAL = {
    "audio": ("file_name", "file", "path"),
    "label": ("emotion", "labels", "emotion_label", "major_emotion", "class"),
    "text": ("transcription", "transcript", "sentence", "utterance", "raw_text", "normalized_text"),
    "speaker": ("speaker_id", "spk_id", "actor", "actor_id"),
    "gender": ("sex",),
    "activation": ("arousal",),
    "partition": ("split",),
    "dialogue": ("dialogue_id", "dialog_id"),
}
_HUB_NAME = re.compile(r"(?P<name>[\w-][\w.-]*(/[\w.-]+)?)(:(?P<config>[\w.-]+))?")
_METADATA = ("metadata.csv", "metadata.jsonl")


def unpack(root: str, folder: Path) -> Path:
    """Write the clips that the tables of a dataset hold to files, once, and return their folder.

    Args:
        root: folder of the dataset, or its name on the hub, maybe with a configuration: `owner/name:config`. A dataset
            of the hub is not downloaded again while the folder holds it.
        folder: to write. A folder of audio files with metadata is returned as it is.

    Raises:
        NotFound: there is no dataset.
        BadValue: a file cannot be read, or there are several configurations.
        Unavailable: a package is not installed, or the hub cannot be reached.
    """
    path = Path(root)
    if not path.exists():
        match = _HUB_NAME.fullmatch(root)
        if not match:
            raise _refuse(path)
        return unpack_dataset({"hub": root}, folder, lambda aside: _download(match["name"], match["config"], aside))
    if (path / MARK).is_file() or _find_metadata(path):
        return path
    files = list_dataset_files(path)
    if not files:
        raise _refuse(path)
    described = [[file.path.relative_to(path).as_posix(), hash_file(file.path)] for file in files]
    return unpack_dataset({"files": described}, folder, lambda aside: files)


def utterances(root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Read one utterance per row.

    Args:
        root: folder that `unpack` returned.
        columns: name of a column of the manifest in the dataset, if it is not the same.

    Raises:
        NotFound: it is no such folder.
        BadValue: there are no labels, or rows that cannot be used.
    """
    found = FindingList()
    table = root / TABLE
    if table.is_file():
        rows = parse_objects(decode_reported(table, found), table)
    elif parts := _find_metadata(root):
        table = parts[0]
        rows = join_parts({_name_part(path): _read_metadata(path, root, found) for path in parts}, found)
    else:
        raise _refuse(root)
    return read_named_rows(root / table.name, rows, _USUAL, columns, found)


def sample(folder: Path) -> None:
    """Write a folder of parquet with clips of noise: two labels as numbers of classes, three speakers, two splits."""
    import json

    arrow, parquet = load_pyarrow()
    features = {
        "audio": {"sampling_rate": 16_000, "_type": "Audio"},
        "label": {"names": ["calm", "cross"], "_type": "ClassLabel"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (folder / "data").mkdir()
    for split, first in (("train", 0), ("test", 8)):
        rows = [_build_row(number) for number in range(first, first + 8)]
        table = arrow.Table.from_pylist(rows).replace_schema_metadata(metadata)
        parquet.write_table(table, folder / f"data/{split}-00000-of-00001.parquet")


def _build_row(number: int) -> dict[str, object]:
    """Return a made-up row with a clip of noise."""
    import io

    import numpy as np
    import soundfile

    noise = np.random.default_rng(number).normal(0, 0.1, 1600 + 16 * number)
    content = io.BytesIO()
    soundfile.write(content, noise, 16_000, format="WAV")
    audio = {"bytes": content.getvalue(), "path": f"{number:02}.wav"}
    return {"audio": audio, "label": number % 2, "speaker_id": f"s{number % 3}", "text": f"Line {number}."}


def _refuse(root: Path) -> NotFound:
    return NotFound(
        f"{root} is not a dataset of Hugging Face",
        expected="a folder with parquet files, one saved by save_to_disk, or one of audio files with metadata.csv; or "
        "the name of a dataset on the hub, owner/name",
        do="check the path or the name",
    )


def _download(name: str, config: str | None, folder: Path) -> Sequence[DatasetFile]:
    """Download a dataset and write it into a folder. Its code is not run, and its clips are not decoded."""
    datasets = import_package("datasets", CORPUS)
    try:
        datasets.load_dataset(name, config).save_to_disk(str(folder))
    except Exception as error:
        raise Unavailable(
            f"{name} is no folder, and cannot be loaded from the hub: {summarize_error(error)}",
            do="check the name, and the network; choose a configuration by owner/name:config",
        ) from None
    return list_dataset_files(folder)


def _find_metadata(root: Path) -> list[Path]:
    """Return the metadata of a folder of audio files, of each split if these have their own."""
    places = [root, *(sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else ())]
    return [folder / name for folder in places for name in _METADATA if (folder / name).is_file()]


def _name_part(path: Path) -> str:
    return path.parent.name


def _read_metadata(path: Path, root: Path, found: FindingList) -> list[dict[str, object]]:
    """Return the rows of a metadata file, with the paths of clips relative to the root."""
    if path.suffix == ".csv":
        rows: list[dict[str, object]] = [dict(row) for row in read_rows(path, ["file_name"], found)]
    else:
        rows = parse_objects(decode_reported(path, found), path)
    folder = path.parent.relative_to(root)
    return [{**row, "file_name": (folder / str(row.get("file_name") or "")).as_posix()} for row in rows]
