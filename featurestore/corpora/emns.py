"""EMNS, Emotive Narrative Storytelling: one British English speaker, 8 emotions, 1,181 clips."""

import re
from pathlib import Path, PurePosixPath

from featurestore.corpora import CorpusCard, Reading, refuse_release, write_clip
from featurestore.corpora._listed_release import ListedRelease
from featurestore.manifest import Utterance

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
    note="acted; a single speaker, so no fold is of unseen speakers; metadata.csv also lists 24 clips with the status "
    "Needs Updating, which cleaned_webm does not hold; clips are webm",
)
LAYOUT = re.compile(r"recorded_audio(_[a-z0-9]{7})?", re.IGNORECASE)
_COLUMNS = ("utterance", "emotion", "gender", "audio_recording")
_GENDERS = {"female": "F", "male": "M"}


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per row of metadata.csv.

    Args:
        root: the folder with metadata.csv and cleaned_webm.

    Raises:
        NotFound: there is no metadata.csv that can be read.
        Mismatch: it has missing columns.
    """
    release = ListedRelease(root)
    if not release.has_table("metadata.csv"):
        raise refuse_release(root, CARD, "metadata.csv, cleaned_webm/recorded_audio_RF6OuQ4.webm")
    listed = release.select_clips("audio_recording", release.read_table("metadata.csv", _COLUMNS, delimiter="|"))
    return release.complete([_to_utterance(row, release) for row in listed if _is_kept(row, release)], CARD)


def sample(folder: Path) -> None:
    """Write a release with four clips of noise of each of three emotions."""
    lines = ["id|utterance|description|emotion|date_created|status|gender|age|level|audio_recording|user_id"]
    for number in range(12):
        name, emotion = f"recorded_audio_Aa{number:05}", ("Angry", "Happy", "Sad")[number % 3]
        write_clip(folder / "cleaned_webm" / f"{name}.wav", number, 48_000)
        lines.append(f"{number}|Line {number}.|-|{emotion}|2022-07-16|Complete|Female|20s|3|wavs/{name}.webm|3")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def _is_kept(row: dict[str, str], release: ListedRelease) -> bool:
    """Return whether a row is an utterance. One that is not complete is none unless its clip is there."""
    status, listed = row.get("status", "Complete"), row["audio_recording"]
    if status == "Complete":
        return True
    kept = release.has_clip(listed)
    release.found.add(f"clips with the status {status!r}, {'kept' if kept else 'left out: they are missing'}", [listed])
    return kept


def _to_utterance(row: dict[str, str], release: ListedRelease) -> Utterance:
    name = PurePosixPath(row["audio_recording"]).name
    return Utterance(
        id=PurePosixPath(name).stem,
        audio=release.find_clip(f"cleaned_webm/{name}"),
        text=row["utterance"],
        label=row["emotion"],
        speaker=row.get("user_id", ""),
        gender=_GENDERS.get(row["gender"].lower(), ""),
    )
