"""EMNS, Emotive Narrative Storytelling: one British English speaker, 8 emotions, 1,181 clips."""

import re
from collections.abc import Iterator
from pathlib import Path

from featurestore.corpora import (
    CorpusCard,
    FindingList,
    Reading,
    ReleaseFiles,
    build_reading,
    find_label_file,
    get_stem,
    normalize_name,
    parse_gender,
    read_rows,
    refuse_release,
    write_clip,
    write_lines,
)
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "Angry": "angry",
    "Disgust": "disgust",
    "Excited": "excited",
    "Happy": "happy",
    "Neutral": "neutral",
    "Sad": "sad",
    "Sarcastic": "sarcastic",
    "Surprised": "surprised",
}
CARD = CorpusCard(
    title="EMNS: Emotive Narrative Storytelling corpus",
    licence="see https://www.openslr.org/136",
    citation="Noriy, Yang and Zhang, EMNS /Imz/ Corpus: An emotive single-speaker dataset for narrative storytelling "
    "in games, television and graphic novels, arXiv:2305.13137 (2023)",
    source="https://www.openslr.org/136",
    language="English",
    labels=_EMOTIONS,
    counts={
        "Disgust": 162,
        "Happy": 157,
        "Surprised": 151,
        "Excited": 150,
        "Neutral": 149,
        "Sad": 147,
        "Sarcastic": 139,
        "Angry": 126,
    },
    speakers=1,
    schemes={"emns-8": _EMOTIONS},
    default_scheme="emns-8",
    version="cleaned_webm: 1,181 clips",
    words="another sentence in every clip; whether it fits the emotion is not known",
    published=list_emobox_results(
        "emns-8",
        {
            "wav2vec 2.0 base": (65.14, 65.27, 64.80),
            "WavLM large": (83.97, 84.12, 83.97),
            "Whisper large v3": (69.73, 70.58, 69.31),
        },
        "one fold, 291 clips in test, of the one speaker",
    ),
    note="acted; a single speaker, so no fold is of unseen speakers; metadata.csv also lists 24 clips with the status "
    "Needs Updating, which cleaned_webm does not hold; clips are webm",
)
LAYOUT = re.compile(r"recorded_audio(_[a-z0-9]{7})?", re.IGNORECASE)
_COLUMNS = ("utterance", "emotion", "gender", "audio_recording")


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of metadata.csv.

    Args:
        root: the folder with metadata.csv and cleaned_webm.

    Raises:
        NotFound: there is no metadata.csv that can be read.
        Mismatch: it has missing columns.
    """
    found = FindingList()
    files = ReleaseFiles(root, found)
    table = find_label_file(files, ["metadata.csv"], found)
    if not table:
        raise refuse_release(root, CARD, "metadata.csv, cleaned_webm/recorded_audio_RF6OuQ4.webm")
    listed = read_rows(root / table, _COLUMNS, found, delimiter="|")
    rows = [_to_utterance(row) for row in _select_complete(listed, files, found)]
    found.add("utterances without a gender", (row.id for row in rows if not row.gender))
    return build_reading(files, rows, CARD, found)


def sample(folder: Path) -> None:
    """Write a release with four clips of noise of each of three emotions."""
    lines = ["id|utterance|description|emotion|date_created|status|gender|age|level|audio_recording|user_id"]
    for number in range(12):
        name, emotion = f"recorded_audio_Aa{number:05}", ("Angry", "Happy", "Sad")[number % 3]
        write_clip(folder / "cleaned_webm" / f"{name}.wav", number, 48_000)
        lines.append(f"{number}|Line {number}.|-|{emotion}|2022-07-16|Complete|Female|20s|3|wavs/{name}.webm|3")
    write_lines(folder / "metadata.csv", lines)


def _select_complete(listed: list[dict[str, str]], files: ReleaseFiles, found: FindingList) -> Iterator[dict[str, str]]:
    """Yield the rows that are complete, or whose clip is there."""
    clips = {normalize_name(get_stem(path)) for path in files.clips()}
    for row in listed:
        status, name = row.get("status", "Complete"), get_stem(row["audio_recording"])
        kept = status == "Complete" or normalize_name(name) in clips
        if status != "Complete":
            found.add(f"clips with the status {status!r}, {'kept' if kept else 'left out: they are missing'}", [name])
        if kept:
            yield row


def _to_utterance(row: dict[str, str]) -> Utterance:
    return Utterance(
        id=get_stem(row["audio_recording"]),
        text=row["utterance"],
        label=row["emotion"],
        speaker=row.get("user_id", ""),
        gender=parse_gender(row["gender"]),
    )
