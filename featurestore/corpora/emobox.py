"""EmoBox's lists of a corpus: jsonl files of each fold, whose test parts are the folds of the protocol official."""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from featurestore.corpora import CorpusCard, FindingList, Reading, decode_reported, write_clip, write_lines
from featurestore.corpora._emobox_clips import describe_clips
from featurestore.errors import BadValue, NotFound, quote
from featurestore.tables.json_lines import parse_json_lines
from featurestore.tables.table_reading import read_named_rows

CARD = CorpusCard(
    title="Lists of EmoBox",
    licence="that of the corpus",
    citation='Ma et al. 2024, "EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark"',
    note="folds as EmoBox has published them; those of some corpora share speakers between training and test",
    own=True,
)
LAYOUT = re.compile(r"(?P<corpus>.+)_(?P<part>train|valid|test)_fold_(?P<fold>\d+)\.jsonl")
_USUAL = {"id": ("key",), "audio": ("wav",), "label": ("emo",), "duration": ("length",)}
_TECHNICAL = frozenset({"dataset", "type", "sample_rate", "num_frame", "task", "channel"})
_PARTS = {"train": "train", "valid": "dev", "test": "test"}
_OTHER_LISTS = "lists of another name than EmoBox's, ignored"
_NO_FOLDS = "folds whose test parts are not each utterance once; partitions are left empty"
_NO_TRAINING = "folds without a list of training; the protocol official trains on all other folds"
_OTHER_TRAINING = "folds whose training part is not that of all other folds, which the protocol official trains on"
_SEVERAL_PARTS = "utterances in several parts of the fold; the last of training, dev and test is kept"

Fold = dict[str, list[str]]  # ids by part


def utterances(root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Read the lists of one corpus. The test part of each fold becomes a partition, if there are several folds.

    Speakers are not in the lists. If the clips are there, and the corpus is known by name, its own reader tells them.

    Args:
        root: folder of the lists of one corpus, `EmoBox/data/NAME`. Clips are as in EmoBox, `EmoBox/downloads/NAME`.
        columns: name of a manifest column in the lists, if it is not the same.

    Raises:
        NotFound: there are no lists.
        BadValue: there are lists of several corpora, or rows that cannot be used.
    """
    found = FindingList()
    lists = _find_lists(root, found)
    name = str(lists[0][0]["corpus"])
    rows, folds = _read_lists(lists, found)
    partitions = _choose_partitions(folds, found)
    clips = describe_clips(root, name, [str(row.get("wav", "")) for row in rows.values()], found)
    complete = [
        row | {"partition": partitions.get(key, "")} | clips.get(str(row.get("wav", "")), {})
        for key, row in rows.items()
    ]
    return read_named_rows(root / f"{name}.jsonl", complete, _USUAL, columns, found)


def sample(folder: Path) -> None:
    """Write the lists of two folds with clips of noise: two labels, eight clips."""
    rows = []
    for number in range(8):
        name = f"downloads/calls/{number}.wav"
        write_clip(folder / name, number)
        label = ("calm", "cross")[number % 2]
        row = {"key": f"calls-{number}", "dataset": "calls", "wav": name, "emo": label, "channel": 1}
        rows.append(json.dumps(row | {"length": round(0.1 + 0.001 * number, 6)}))
    for fold, tested in ((1, rows[:4]), (2, rows[4:])):
        target = folder / f"data/calls/fold_{fold}"
        parts = {"train": [row for row in rows if row not in tested], "test": tested}
        for part, own in parts.items():
            write_lines(target / f"calls_{part}_fold_{fold}.jsonl", own)


def _find_folder(root: Path, lists: Sequence[tuple[re.Match[str], Path]], name: str) -> Path:
    """Return the folder that holds the lists of one corpus, which are usually in one folder per fold."""
    folder = Path(os.path.commonpath([path.parent.parent for match, path in lists if match["corpus"] == name]))
    return folder if folder.is_relative_to(root) else root


def _find_lists(root: Path, found: FindingList) -> list[tuple[re.Match[str], Path]]:
    """Return the lists of a corpus with the match of their name, by fold and part."""
    paths = sorted(path for path in root.rglob("*_fold*.jsonl") if not path.name.startswith("."))
    lists = [(match, path) for path in paths if (match := LAYOUT.fullmatch(path.name)) and path.is_file()]
    found.add(_OTHER_LISTS, [path.name for path in paths if not LAYOUT.fullmatch(path.name)])
    _check_names(root, lists)
    return sorted(lists, key=lambda one: (int(one[0]["fold"]), list(_PARTS).index(one[0]["part"])))


def _check_names(root: Path, lists: Sequence[tuple[re.Match[str], Path]]) -> None:
    """Raise an error unless there are lists of one corpus."""
    names = sorted({match["corpus"] for match, _ in lists})
    if not names:
        raise NotFound(
            f"{root} holds no lists of EmoBox",
            expected="a folder with fold_1/NAME_train_fold_1.jsonl, fold_1/NAME_test_fold_1.jsonl and so on",
            do="give the folder of one corpus, EmoBox/data/NAME",
        )
    if len(names) > 1:
        raise BadValue(
            f"{root} holds the lists of {len(names)} corpora",
            expected="one",
            got=", ".join(names),
            do=f"give the folder of one: cli prepare emobox {quote(_find_folder(root, lists, names[0]))}",
        )


def _read_lists(
    lists: Sequence[tuple[re.Match[str], Path]], found: FindingList
) -> tuple[dict[str, dict[str, Any]], dict[str, Fold]]:
    """Return each row by its key, in the order of the lists, and the keys of each part of each fold."""
    rows: dict[str, dict[str, Any]] = {}
    folds: dict[str, Fold] = {}
    for match, path in lists:
        lines = parse_json_lines(decode_reported(path, found), path, {})
        own = [{name: value for name, value in line.cells.items() if name not in _TECHNICAL} for line in lines]
        keys = [row.get("key") or row.get("wav") or f"{path.name}, {number}" for number, row in enumerate(own, 1)]
        rows |= {key: row for key, row in zip(keys, own, strict=True) if key not in rows}
        folds.setdefault(f"fold_{match['fold']}", {}).setdefault(match["part"], []).extend(keys)
    return rows, folds


def _choose_partitions(folds: Mapping[str, Fold], found: FindingList) -> dict[str, str]:
    """Return the partition of each utterance: the fold that tests it, or its part of the only fold."""
    if len(folds) == 1:
        (fold,) = folds.values()
        counts = Counter(key for keys in fold.values() for key in set(keys))
        found.add(_SEVERAL_PARTS, [key for key, count in counts.items() if count > 1])
        return {key: _PARTS[part] for part in _PARTS for key in fold.get(part, ())}
    every = {key for fold in folds.values() for keys in fold.values() for key in keys}
    tested = Counter(key for fold in folds.values() for key in set(fold.get("test", ())))
    if set(tested) != every or any(count > 1 for count in tested.values()):
        missing, twice = len(every - set(tested)), sum(count > 1 for count in tested.values())
        found.add(_NO_FOLDS, [f"{', '.join(folds)}: {missing:,} utterances in no test part, {twice:,} in several"])
        return {}
    found.add(_NO_TRAINING, [name for name, fold in folds.items() if "train" not in fold])
    trained = {name: fold for name, fold in folds.items() if "train" in fold}
    found.add(_OTHER_TRAINING, [name for name, fold in trained.items() if not _trains_on_others(fold, every)])
    return {key: name for name, fold in folds.items() for key in fold.get("test", ())}


def _trains_on_others(fold: Fold, every: set[str]) -> bool:
    return {key for part, keys in fold.items() if part != "test" for key in keys} == every - set(fold.get("test", ()))
