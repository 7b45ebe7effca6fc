"""lhotse manifests: recordings with supervisions, or cuts, as jsonl or json, also gzipped."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from featurestore.corpora import CorpusCard, FindingList, Reading, write_clip
from featurestore.corpora._lhotse_manifests import FILE, ManifestPart, is_object, list_parts, read_objects
from featurestore.tables.clip_places import locate_clips
from featurestore.tables.list_parts import join_parts
from featurestore.tables.table_reading import read_named_rows

CARD = CorpusCard(
    title="Manifests of lhotse",
    licence="that of the data",
    citation="that of the data",
    note="read from manifests of lhotse",
    own=True,
)
LAYOUT = re.compile(FILE.pattern.replace("jsonl?", "jsonl"))
_USUAL = {"label": ("custom.emotion", "custom.label", "custom.emo", "emotion")}
_NO_RECORDING = "supervisions whose recording is not in the manifests, ignored"
_NO_FILE = "recordings that are no file but a command, an address or data, which is not read"
_CHANNELS = "utterances on one channel of several; the mean of all channels is read"
_OTHER_CUTS = "cuts that are mixed or padded, ignored"
_NO_SUPERVISION = "cuts without a supervision, ignored"
_SHORTENED = "supervisions that reach beyond their cut; their part in the cut is read"
_READ_APART = frozenset({"recording_id", "start", "duration", "channel", "custom", "alignment"})


def utterances(root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Read one utterance per supervision. Commands in recordings are never run.

    Args:
        root: folder of the manifests, or one of them.
        columns: name of a manifest column in the supervisions, if it is not the same: `label=custom.emotion`.

    Raises:
        NotFound: there are no manifests.
        BadValue: a manifest cannot be read, there are no labels, or rows cannot be used.
    """
    found = FindingList()
    parts = list_parts(root, found)
    folder = root if root.is_dir() else root.parent
    rows = join_parts({part.name: list(_read_part(part, folder, found)) for part in parts}, found)
    path = folder / next(reversed(parts[0].files.values())).name
    return read_named_rows(path, rows, _USUAL, columns, found, segments=True)


def sample(folder: Path) -> None:
    """Write manifests: two recordings of noise, twelve supervisions, three speakers, two labels."""
    recordings = []
    for number in range(2):
        write_clip(folder / f"audio/call-{number}.wav", 600 + number)
        source = {"type": "file", "channels": [0], "source": f"audio/call-{number}.wav"}
        recordings.append({"id": f"call-{number}", "sources": [source], "sampling_rate": 16_000})
    supervisions = [_build_supervision(number) for number in range(12)]
    for name, objects in (("recordings", recordings), ("supervisions", supervisions)):
        lines = "".join(json.dumps(one) + "\n" for one in objects)
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))


def _build_supervision(number: int) -> dict[str, object]:
    """Return a made-up supervision."""
    return {
        "id": f"call-{number % 2}-{number:02}",
        "recording_id": f"call-{number % 2}",
        "start": round(0.1 * (number // 2), 1),
        "duration": 0.1,
        "channel": 0,
        "text": f"Line {number}.",
        "speaker": f"s{number % 3}",
        "gender": ("female", "male", "female")[number % 3],
        "custom": {"emotion": ("calm", "cross")[number % 2]},
    }


def _read_part(part: ManifestPart, folder: Path, found: FindingList) -> Iterator[dict[str, object]]:
    """Yield the rows of one part, with the paths of clips as they are on the disk."""
    recordings = {one["id"]: one for one in read_objects(part.files.get("recordings"), found)}
    if "supervisions" in part.files:
        rows = list(_join(read_objects(part.files["supervisions"], found), recordings, found))
    else:
        rows = list(_read_cuts(read_objects(part.files["cuts"], found), recordings, found))
    places = locate_clips(folder, (str(row["audio"]) for row in rows))
    for row in rows:
        yield {**row, "audio": places.get(str(row["audio"]), "")}


def _join(
    supervisions: Iterator[dict[str, Any]], recordings: Mapping[str, Any], found: FindingList
) -> Iterator[dict[str, object]]:
    for supervision in supervisions:
        recording = recordings.get(str(supervision.get("recording_id")))
        if recording is None:
            found.add(_NO_RECORDING, [supervision["id"]])
            continue
        start = _to_seconds(supervision.get("start"))
        row = _to_row(supervision, recording, start, start + _to_seconds(supervision.get("duration")), found)
        if row:
            yield row


def _read_cuts(
    cuts: Iterator[dict[str, Any]], recordings: Mapping[str, Any], found: FindingList
) -> Iterator[dict[str, object]]:
    """Yield a row for each supervision of each cut. Its times count from the start of the cut."""
    for cut in cuts:
        supervisions = [one for one in _to_list(cut.get("supervisions")) if is_object(one)]
        if "start" not in cut or "tracks" in cut:
            found.add(_OTHER_CUTS, [cut["id"]])
        elif not supervisions:
            found.add(_NO_SUPERVISION, [cut["id"]])
        for supervision in supervisions if "start" in cut else ():
            recording = cut.get("recording") or recordings.get(str(supervision.get("recording_id")))
            if not isinstance(recording, dict):
                found.add(_NO_RECORDING, [supervision["id"]])
            elif row := _cut_out(cut, supervision, recording, found):
                yield row


def _cut_out(
    cut: Mapping[str, Any], supervision: Mapping[str, Any], recording: Mapping[str, Any], found: FindingList
) -> dict[str, object]:
    first, length = _to_seconds(cut["start"]), _to_seconds(cut.get("duration"))
    start = _to_seconds(supervision.get("start"))
    end = start + _to_seconds(supervision.get("duration"))
    inside = max(start, 0.0), min(end, length)
    found.add(_SHORTENED, [supervision["id"]] if start < -1e-6 or end > length + 1e-6 else [])
    return _to_row(supervision, recording, first + inside[0], first + inside[1], found)


def _to_row(
    supervision: Mapping[str, Any], recording: Mapping[str, Any], start: float, end: float, found: FindingList
) -> dict[str, object]:
    """Return the row of a supervision, empty if it has neither a file nor a text."""
    source = _choose_source(supervision, recording, found)
    if not source:
        found.add(_NO_FILE, [supervision["id"]])
        if not supervision.get("text"):
            return {}
    custom = supervision.get("custom")
    values = {name: value for name, value in supervision.items() if name not in _READ_APART}
    values |= {f"custom.{name}": value for name, value in (custom if isinstance(custom, dict) else {}).items()}
    # sums of times such as 0.1 + 0.2 carry digits that no manifest has
    return {**values, "audio": source, "start": round(start, 9), "end": round(end, 9)}


def _choose_source(supervision: Mapping[str, Any], recording: Mapping[str, Any], found: FindingList) -> str:
    """Return the file that holds the channel of a supervision, or an empty text if there is none."""
    wanted = supervision.get("channel", 0)
    channel = wanted[0] if isinstance(wanted, list) and wanted else wanted
    sources = [one for one in _to_list(recording.get("sources")) if isinstance(one, dict)]
    for source in sources:
        channels = _to_list(source.get("channels")) or [0]
        if source.get("type") == "file" and (channel in channels or len(sources) == 1):
            found.add(_CHANNELS, [supervision["id"]] if len(channels) > 1 and not isinstance(wanted, list) else [])
            return str(source.get("source", ""))
    return ""


def _to_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _to_seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
