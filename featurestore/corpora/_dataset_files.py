"""List and read the files of a Hugging Face dataset: parquet, or arrow as saved by `save_to_disk`."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, quote, summarize_error
from featurestore.storage.parquet import load_pyarrow

CORPUS = "hugging-face"
_ROWS = 16  # rows in memory at a time, with the bytes of their clips
_SHARD = re.compile(r"(?P<split>.+?)(?:-\d+-of-\d+.*)?")
_NOT_AUDIO = frozenset({"Image", "Video", "Pdf"})


@dataclass(frozen=True)
class DatasetFile:
    """A file of a dataset.

    Args:
        path: the file.
        split: the split that it is a part of.
        features: features of its columns as JSON, empty if the file has them itself.
    """

    path: Path
    split: str
    features: Mapping[str, Any] = field(default_factory=dict)


def list_dataset_files(root: Path) -> list[DatasetFile]:
    """Return the files of a dataset in order, or none if a folder holds no dataset in parquet or arrow.

    Raises:
        BadValue: there are several configurations, or a description of the dataset cannot be read.
    """
    if (root / "dataset_dict.json").is_file():
        splits = _read_json(root / "dataset_dict.json").get("splits") or []
        return [file for split in splits for file in _list_saved(root / str(split), str(split))]
    if (root / "state.json").is_file():
        return list(_list_saved(root, str(_read_json(root / "state.json").get("_split") or "all")))
    return _list_parquet(root)


def read_batches(file: DatasetFile) -> Iterator[tuple[list[dict[str, Any]], Mapping[str, Any]]]:
    """Yield the rows of a file a few at a time, with the features of their columns.

    Raises:
        Unavailable: pyarrow is not installed.
        BadValue: the file cannot be read.
    """
    arrow, _ = load_pyarrow()
    try:
        batches = _read_parquet(file.path) if file.path.suffix == ".parquet" else _read_stream(file.path)
        for batch in batches:
            features = file.features or _read_features(batch.schema.metadata or {})
            for start in range(0, batch.num_rows, _ROWS):
                yield batch.slice(start, _ROWS).to_pylist(), features
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise BadValue(
            f"{file.path} cannot be read: {summarize_error(error)}",
            expected="a parquet file, or an arrow file written by datasets",
            do="download it again; a file of a few hundred bytes is a pointer of git LFS: git lfs pull",
        ) from None


def find_class_names(features: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of the classes of each column that holds their numbers."""
    return {
        name: [str(one) for one in feature["names"]]
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
    }


def find_clip(value: object, feature: object) -> dict[str, Any]:
    """Return a clip as its bytes and path, or as its samples, or an empty dictionary for any other value.

    Args:
        value: of a column. Bytes alone are a clip only in a column of audio.
        feature: of the column, as JSON.
    """
    kind = feature.get("_type") if isinstance(feature, dict) else ""
    if isinstance(value, bytes) and kind == "Audio":
        return {"bytes": value, "path": ""}
    if not isinstance(value, dict) or kind in _NOT_AUDIO:
        return {}
    has_samples = isinstance(value.get("array"), list) and isinstance(value.get("sampling_rate"), int)
    return value if has_samples or isinstance(value.get("bytes", ""), bytes | None) else {}


def _list_saved(folder: Path, split: str) -> Iterator[DatasetFile]:
    features = _read_json(folder / "dataset_info.json").get("features") or {}
    for one in _read_json(folder / "state.json").get("_data_files") or []:
        yield DatasetFile(folder / Path(str(one["filename"])).name, split, features)


def _list_parquet(root: Path) -> list[DatasetFile]:
    paths = sorted(path for path in root.rglob("*.parquet") if path.is_file() and not path.name.startswith("."))
    places = {path: _name_split(path) for path in paths}
    folders: dict[str, set[Path]] = {}
    for split, folder in places.values():
        folders.setdefault(split, set()).add(folder)
    if several := sorted({folder for own in folders.values() if len(own) > 1 for folder in own}):
        raise BadValue(
            f"{root} holds several configurations of a dataset",
            expected="the files of one",
            got=", ".join(folder.relative_to(root).as_posix() for folder in several),
            do=f"give the folder of one: cli prepare {CORPUS} {quote(several[0])}",
        )
    features = _read_card(root) if paths else {}
    return [DatasetFile(path, split, features) for path, (split, _) in places.items()]


def _name_split(path: Path) -> tuple[str, Path]:
    """Return the split of a parquet file, and the folder of its configuration.

    The hub has `data/train-00000-of-00002.parquet`, and `default/train/0000.parquet` where it converted a dataset.
    """
    if path.stem.isdigit():
        return path.parent.name, path.parent.parent
    match = _SHARD.fullmatch(path.stem)
    return (match["split"] if match else path.stem), path.parent


def _read_card(root: Path) -> dict[str, Any]:
    """Return the classes that the dataset's card, README.md, names, for files that do not have them."""
    from huggingface_hub import metadata_load

    path = next((one / "README.md" for one in (root, root.parent) if (one / "README.md").is_file()), None)
    try:
        data = metadata_load(path) if path else None
    except Exception:
        return {}
    info = (data or {}).get("dataset_info")
    listed = info[0] if isinstance(info, list) and len(info) == 1 else info
    columns = listed.get("features") if isinstance(listed, dict) else None
    return dict(_convert(one) for one in columns or () if isinstance(one, dict) and "name" in one)


def _convert(column: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name and the feature of a column of a card, as the JSON of a file has it."""
    kind = column.get("dtype")
    names = kind.get("class_label", {}).get("names", {}) if isinstance(kind, dict) else {}
    if names:
        ordered = [names[key] for key in sorted(names, key=int)] if isinstance(names, dict) else list(names)
        return str(column["name"]), {"_type": "ClassLabel", "names": ordered}
    return str(column["name"]), {"_type": str(kind).capitalize()}


def _read_parquet(path: Path) -> Iterator[Any]:
    _, parquet = load_pyarrow()
    with parquet.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_ROWS)


def _read_stream(path: Path) -> Iterator[Any]:
    arrow, _ = load_pyarrow()
    with arrow.memory_map(str(path)) as source, arrow.ipc.open_stream(source) as stream:
        yield from stream


def _read_features(metadata: Mapping[bytes, bytes]) -> Mapping[str, Any]:
    found = json.loads(metadata.get(b"huggingface", b"{}"))
    features = found.get("info", {}).get("features") if isinstance(found, dict) else None
    return features if isinstance(features, dict) else {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadValue(
            f"{path} cannot be read: {error}", expected="a JSON object", do="save the dataset again"
        ) from None
    return content if isinstance(content, dict) else {}
