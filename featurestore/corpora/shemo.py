"""ShEMO, Sharif Emotional Speech Database: 87 speakers of Persian radio plays, 6 emotions, 3,000 clips."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    add_listed,
    find_label_file,
    find_label_files,
    get_text,
    parse_gender,
    read_named_clips,
    read_text,
    write_clip,
)
from featurestore.errors import Mismatch
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {"A": "angry", "F": "fearful", "H": "happy", "N": "neutral", "S": "sad", "W": "surprised"}
CARD = CorpusCard(
    title="ShEMO: Sharif Emotional Speech Database",
    licence="free of charge for academic purposes: https://github.com/mansourehk/ShEMO",
    citation="Mohamad Nezami et al., ShEMO: a large-scale validated database for Persian speech emotion detection, "
    "Language Resources and Evaluation 53(1) (2019) 1-16",
    source="https://github.com/mansourehk/ShEMO",
    language="Persian",
    labels=_EMOTIONS,
    counts={"A": 1042, "F": 32, "H": 203, "N": 1160, "S": 362, "W": 201},
    speakers=87,
    schemes={
        "shemo-6": _EMOTIONS,
        "shemo-5": {**_EMOTIONS, "F": None},
        "shemo-4": {**_EMOTIONS, "F": None, "W": None},
    },
    default_scheme="shemo-6",
    version="3,000 clips",
    words="lines of radio plays, each said once: they may say something about the emotion",
    published=list_emobox_results(
        "shemo-6",
        {
            "wav2vec 2.0 base": (56.34, 78.96, 57.34),
            "WavLM large": (71.72, 87.13, 73.55),
            "Whisper large v3": (80.23, 89.55, 82.94),
        },
        "2,838 of the 3,000 clips; one fold, 707 of them in test; all their 83 speakers are in training, too",
    ),
    note="semi-natural, labelled by vote of twelve listeners; unbalanced: 32 clips are fearful; EmoBox has 2,838 of "
    "the clips, and its published fold shares all 83 speakers of the test part with training",
)
# in capitals, as in the release: other corpora have such names in small letters
LAYOUT = re.compile(r"[FM]\d\d[AFHNSW]\d\d(?:\.ort|\.tra)?|shemo\.json")
_NAME = re.compile(r"(?P<sex>[FM])(?P<number>\d\d)(?P<emotion>[AFHNSW])\d\d", re.IGNORECASE)
_JSON = "shemo.json"
_TEXT = re.compile(rf"(?P<id>{_NAME.pattern})\.ort", re.IGNORECASE)
_LABELS = {meaning: code for code, meaning in _EMOTIONS.items()}
_LISTED = "shemo.json or an .ort file"


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Texts are those of `shemo.json` and of the `.ort` files of `transcript.zip`, unpacked anywhere below the root.

    Args:
        root: the folder with `male` and `female`, or one above it.

    Raises:
        NotFound: there is no clip of ShEMO.
        Mismatch: `shemo.json` cannot be parsed.
    """
    return read_named_clips(root, CARD, _NAME, _to_utterance, example="female/F21N23.wav", complete=_add_texts)


def sample(folder: Path) -> None:
    """Write a release of three speakers with clips of noise: each says two lines in three emotions."""
    entries = {}
    for place, speaker in enumerate(("F01", "F02", "M01")):
        for number, emotion in enumerate("AHN"):
            for line in (1, 2):
                name = f"{speaker}{emotion}{line:02}"
                gender = {"F": "female", "M": "male"}[speaker[0]]
                entries[name] = {
                    "speaker_id": speaker,
                    "gender": gender,
                    "emotion": _EMOTIONS[emotion],
                    "transcript": f"جمله {name}",
                    "ipa": "",
                }
                write_clip(folder / gender / f"{name}.wav", 6 * place + 2 * number + line, 44_100)
    (folder / "shemo.json").write_text(json.dumps(entries, indent=1), "utf-8")


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    name = match[0].upper()
    return Utterance(id=name, audio=clip, label=name[3], speaker=name[:3], gender=name[0])


def _add_texts(rows: Sequence[Utterance], files: ReleaseFiles, found: FindingList) -> list[Utterance]:
    texts = [_read_text(files, path, found) for path in find_label_files(files, _TEXT, found)]
    listed = {row.id: row for row in texts}
    if path := find_label_file(files, [_JSON], found):
        listed |= {row.id: row for row in _read_json(files, path, found)}
    return add_listed(rows, listed, _LISTED, found)


def _read_text(files: ReleaseFiles, path: str, found: FindingList) -> Utterance:
    return Utterance(PurePosixPath(path).stem.upper(), text=read_text(files, path, found).strip())


def _read_json(files: ReleaseFiles, path: str, found: FindingList) -> Iterator[Utterance]:
    """Yield the text, label and gender of each utterance in shemo.json."""
    for utterance_id, entry in _parse_json(files.root / path, read_text(files, path, found)).items():
        label = _LABELS.get(get_text(entry, "emotion").lower(), "")
        gender = parse_gender(get_text(entry, "gender"))
        found.add(
            "entries of shemo.json with an unknown emotion or gender, which is ignored",
            [] if label and gender else [utterance_id],
        )
        text = str(entry.get("transcript", "")).strip("\ufeff \r\n")  # marks of files that it was put together from
        yield Utterance(utterance_id.upper(), text=text, label=label, gender=gender)


def _parse_json(path: Path, text: str) -> dict[str, dict[str, Any]]:
    """Return the entries of shemo.json by id. Older versions are a list of entries with an `id`."""
    try:
        content = json.loads(text)
        entries = {entry["id"]: entry for entry in content} if isinstance(content, list) else content
        return {str(utterance_id): dict(entry) for utterance_id, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Mismatch(
            f"{path} cannot be parsed",
            expected='{"F21N37": {"gender": "female", "emotion": "neutral", "transcript": "…"}, …}',
            do="get the file again, or remove it",
        ) from None
