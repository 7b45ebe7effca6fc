"""Keep the decoded clips of one fine-tuning in one file, so that each is decoded and resampled once.

Beside the samples stands a table of JSON lines. A row names the source (its bytes, segment, rate and decoders), so that
a changed file is decoded again, and the sha256 of the samples, so that damage is noticed.
"""

import errno
import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from dataclasses import fields as list_fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from featurestore.audio import decode as audio_files
from featurestore.errors import Unavailable, Unencodable, format_count
from featurestore.item import Item
from featurestore.networks.limits import measure_length
from featurestore.networks.memory import format_bytes
from featurestore.progress import Say

_TYPE = np.dtype("<f4")
_CHECKPOINTS = 40  # bytes per weight: the result, and three states of training with both moments of AdamW
_DECODERS = ("soundfile", "soxr", "av")


@dataclass(frozen=True)
class CachedClip:
    """One clip in the file.

    Args:
        id: of the utterance.
        source: sha256 of what the samples are made from.
        content: sha256 of the decoded clip at its own rate, by which the utterance is recognized.
        start: first sample in the file.
        samples: of the clip, at the cache's rate.
        digest: sha256 of these samples.
    """

    id: str
    source: str
    content: str
    start: int
    samples: int
    digest: str


@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedItem(Item):
    """An utterance whose clip is decoded and resampled already.

    Args:
        held: samples (S,) at `rate`, mono.
        rate: in Hz.
    """

    held: NDArray[np.float32]
    rate: int

    def waveform(self, rate: int) -> NDArray[np.float32]:
        """Return the samples as they are held, (S,).

        Raises:
            ValueError: they are held at another rate.
        """
        if rate != self.rate:
            raise ValueError(f"samples are held at {self.rate} Hz, not {rate} Hz")
        return self.held


def hold_waveform(item: Item, samples: NDArray[np.float32], rate: int) -> DecodedItem:
    """Return an utterance that brings its samples (S,) at `rate` Hz with it."""
    fields = {one.name: getattr(item, one.name) for one in list_fields(item)}
    return DecodedItem(**fields, held=samples, rate=rate)


class ClipCache:
    """Decoded clips at one rate, in a folder. What an earlier process left there is checked and used.

    Args:
        folder: which exists; `clips.f32` holds samples one after another, `clips.jsonl` the table.
        rate: in Hz.
        say: receives a line where clips of an earlier process are damaged, or the disk is full.
    """

    def __init__(self, folder: Path, rate: int, say: Say) -> None:
        self.path, self.table, self.rate, self.say = folder / "clips.f32", folder / "clips.jsonl", rate, say
        rows = self._load_rows()
        self.rows, self.end = {row.id: row for row in rows}, sum(row.samples for row in rows)
        self._files: tuple[IO[bytes], IO[str]] | None = None
        self._sources: dict[Path, str] = {}
        self._full = False

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to read clips. It adds none, and has nothing to say."""
        return self.__dict__ | {"say": _say_nothing, "_files": None}

    def find(self, item: Item) -> CachedClip | None:
        """Find a clip that was decoded from the same source, or return None.

        Raises:
            Unencodable: the source cannot be read.
        """
        row = self.rows.get(item.id)
        return row if row and row.source == self._identify(item) else None

    def add(self, item: Item, samples: NDArray[np.float32], content: str) -> None:
        """Append a clip (S,). Once the disk is full, the cache is removed and clips are decoded in every epoch."""
        if self._full:
            return
        bytes_ = np.ascontiguousarray(samples, _TYPE).tobytes()
        digest = hashlib.sha256(bytes_).hexdigest()
        row = CachedClip(item.id, self._identify(item), content, self.end, len(samples), digest)
        try:
            clips, table = self._files = self._files or (self.path.open("ab"), self.table.open("a", encoding="utf-8"))
            clips.write(bytes_)
            table.write(json.dumps(asdict(row)) + "\n")
        except OSError as error:
            self._give_up(error)
            return
        self.rows[item.id] = row
        self.end += row.samples

    def close(self) -> None:
        """Write out what was added."""
        try:
            for file in self._files or ():
                file.close()
        except OSError as error:
            self._give_up(error)
        self._files = None

    def read(self, utterance_id: str) -> NDArray[np.float32] | None:
        """Read the samples (S,) of a clip, or return None where the cache does not hold it.

        The file is read, not mapped: mapped pages would count as this process's memory, as much as the corpus has.

        Raises:
            Unavailable: the file is shorter than it was.
        """
        row = self.rows.get(utterance_id)
        if row is None:
            return None
        samples = np.fromfile(self.path, _TYPE, row.samples, offset=row.start * _TYPE.itemsize)
        if len(samples) < row.samples:
            raise Unavailable(
                f"{self.path} was cut while it was in use",
                expected=format_count(self.end, "sample"),
                got=format_count(self.path.stat().st_size // _TYPE.itemsize, "sample"),
                do="start the same command again, which decodes what is missing and resumes",
            )
        return samples.astype(np.float32, copy=False)

    def _identify(self, item: Item) -> str:
        assert item.audio  # `waveform` has refused an item without a clip
        if item.audio not in self._sources:
            self._sources[item.audio] = audio_files.digest(item.audio)
        parts = (self._sources[item.audio], item.start, item.end, self.rate, *map(_find_version, _DECODERS))
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def _load_rows(self) -> list[CachedClip]:
        """Load the rows whose samples are whole, up to the first that is not, and cut both files behind them."""
        if not (self.table.is_file() and self.path.is_file()):
            self.path.unlink(missing_ok=True)
            self.table.unlink(missing_ok=True)
            return []
        lines, rows = self.table.read_text("utf-8", errors="replace").splitlines(), []
        with self.path.open("r+b") as file:
            end = 0
            for line in lines:
                row = _parse(line)
                if row is None or row.start != end or not _is_whole(file, row):
                    break
                rows.append(row)
                end += row.samples
            rest = file.seek(0, 2) - end * _TYPE.itemsize
            file.truncate(end * _TYPE.itemsize)
        if rest or len(rows) < len(lines):
            self.say(f"{self.path}: {len(rows)} of {len(lines)} decoded clips are whole; the others are decoded again")
            self.table.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), "utf-8")
        return rows

    def _give_up(self, error: OSError) -> None:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise error
        self._full = True
        self.rows.clear()
        for file in self._files or ():
            with suppress(OSError):  # what is still to be written has no room either
                file.close()
        self._files = None
        for path in (self.path, self.table):
            path.unlink(missing_ok=True)
        self.say(f"{self.path}: no space is left; clips are decoded in every epoch")


def _say_nothing(_: str) -> None:
    pass


def open_cache(
    folder: Path, items: Sequence[Item], utterance_ids: Sequence[str], extractor: Any, model: Any, say: Say
) -> ClipCache | None:
    """Open the cache of the clips of a fine-tuning, or say that they do not fit on the disk and return None.

    Args:
        folder: which exists.
        items: the utterances of the manifest.
        utterance_ids: of those that will be read.
        extractor: of transformers, whose rate is that of the samples.
        model: whose checkpoints need room on the same disk.
        say: receives the line.
    """
    rate, used = int(extractor.sampling_rate), set(utterance_ids)
    cache = ClipCache(folder, rate, say)
    missing = [item for item in items if item.id in used and item.id not in cache.rows]
    needed = round(sum(map(_measure_seconds, missing)) * rate * _TYPE.itemsize)
    reserve = _CHECKPOINTS * sum(weight.numel() for weight in model.parameters())
    free = shutil.disk_usage(folder).free
    if needed + reserve <= free:
        return cache
    say(
        f"{format_count(len(missing), 'decoded clip')} would take {format_bytes(needed)} beside "
        f"{format_bytes(reserve)} for checkpoints, and {format_bytes(free)} are free in {folder}: clips are decoded in "
        "every epoch"
    )
    return None


def _measure_seconds(item: Item) -> float:
    try:
        return max(0.0, measure_length(item))
    except Unencodable:
        return 0.0


def _parse(line: str) -> CachedClip | None:
    try:
        row = CachedClip(**json.loads(line))
        return row if row.samples > 0 else None
    except (ValueError, TypeError):
        return None


def _is_whole(file: IO[bytes], row: CachedClip) -> bool:
    file.seek(row.start * _TYPE.itemsize)
    return hashlib.sha256(file.read(row.samples * _TYPE.itemsize)).hexdigest() == row.digest


def _find_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
