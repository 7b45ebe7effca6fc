"""Audio in: whatever libsndfile reads, as mono float32 at the rate that is asked for, or the reason why not."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from featurestore import containers
from featurestore.errors import Unencodable

_UNKNOWN = 1 << 48  # libsndfile gives a number beyond all reason where the header does not say how much follows
_BLOCK, _LITTLE = 1 << 20, 1 << 10  # samples read at a time
_MP3_DELAY = 2304  # samples that an MP3 encoder may add and a decoder may cut


@dataclass(frozen=True)
class Probe:
    """What the header of a clip says: rate in Hz, channels, samples per channel."""

    rate: int
    channels: int
    samples: int
    format: str

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return self.samples / self.rate


class _Sequential(soundfile.SoundFile):
    """A sound file read from its start to its end: soundfile seeks after each block, which a FLAC stream cannot."""

    def seekable(self) -> bool:
        """Never."""
        return False


def read(path: str | Path, rate: int) -> NDArray[np.float32]:
    """Reads a clip as float32 (S,), mixed down to mono, at `rate` Hz; full scale is -1 to 1.

    Raises:
        Unencodable: missing, unreadable, empty, truncated, not audio, no samples, or NaN or infinite samples.
    """
    path = Path(path)
    with _sound(path) as sound:
        own, promised = sound.samplerate, _promised(sound, path)
        samples = _decoded(sound, path)  # (S, channels)
    if len(samples) < promised:
        raise _bad(path, f"truncated: {len(samples)} of the {promised} samples that its header promises")
    _check_samples(samples, path)
    mono = samples.mean(axis=1, dtype=np.float32)
    wave: NDArray[np.float32] = mono if own == rate else soxr.resample(mono, own, rate)
    if not len(wave):
        raise _bad(path, f"too short: {len(samples)} samples at {own} Hz give none at {rate} Hz")
    return wave


def probe(path: str | Path) -> Probe:
    """Reads a clip's header only (and decodes it where the header of a stream does not tell its length).

    Raises:
        Unencodable: missing, unreadable, empty, truncated, not audio, or no samples.
    """
    path = Path(path)
    with _sound(path) as sound:
        samples = sound.frames if sound.frames < _UNKNOWN else len(_decoded(sound, path))
        return Probe(sound.samplerate, sound.channels, samples, sound.format)


def duration(path: str | Path) -> float:
    """Length of a clip in seconds, from its header; raises Unencodable as `probe` does."""
    return probe(path).seconds


def digest(path: str | Path) -> str:
    """The sha256 of a file's bytes, as `sha256sum` prints it; raises Unencodable where it cannot be read."""
    with _file(Path(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _file(path: Path) -> Iterator[BufferedReader]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise Unencodable(f"no such file: {path}") from None
    except IsADirectoryError:
        raise _bad(path, "is a folder") from None
    except OSError as error:
        raise _bad(path, f"cannot be opened: {error.strerror}") from None
    except ValueError as error:  # a NUL in its name
        raise _bad(path, f"cannot be opened: {error}") from None
    with file:
        yield file


@contextmanager
def _sound(path: Path) -> Iterator[soundfile.SoundFile]:
    """The clip opened by content, whatever its suffix, with a header that has been checked."""
    try:
        sound = _Sequential(_source(path))
    except soundfile.LibsndfileError as error:
        with _file(path) as file:
            why = containers.foreign(file.read(containers.FOREIGN_HEAD)) or _said(error)
        raise _bad(path, f"is not audio that libsndfile reads ({why})") from None
    with sound:
        if not sound.frames:
            raise _bad(path, "holds no samples")
        yield sound


def _source(path: Path) -> str | BytesIO:
    """What libsndfile is to open: the path where it can be, else the bytes."""
    with _file(path) as file:
        if not file.seek(0, 2):
            raise _bad(path, "is empty (0 bytes)")
        if reason := containers.truncated(file):
            raise _bad(path, f"truncated: {reason}")
        length_at = containers.unknown_length(file)
        # soundfile takes a file named .raw for headerless samples; bytes have no name, so it looks at the content
        if length_at is None and path.suffix.lower() != ".raw":
            return str(path)
        file.seek(0)
        content = bytearray(file.read())
    if length_at is not None:
        content[length_at : length_at + 4] = b"\xff" * 4  # libsndfile reads up to the end, where 0 would mean none
    return BytesIO(content)


def _promised(sound: soundfile.SoundFile, path: Path) -> int:
    """How many samples must come; 0 where the header does not say, or only estimates."""
    if sound.frames >= _UNKNOWN:
        return 0
    if sound.format != "MP3":
        return int(sound.frames)
    with _file(path) as file:
        head = file.read(4096)
    # only with this tag does an MP3 know its own length
    return max(0, sound.frames - _MP3_DELAY) if b"Xing" in head or b"Info" in head else 0


def _decoded(sound: soundfile.SoundFile, path: Path) -> NDArray[np.float32]:
    """All samples (S, channels)."""
    blocks = [np.empty((0, sound.channels), np.float32)]
    left = sound.frames
    try:
        # libsndfile fills what it cannot read with zeros: asking for a whole block costs more than a short clip itself
        while len(block := sound.read(min(_BLOCK, max(left, _LITTLE)), dtype="float32", always_2d=True)):
            blocks.append(block)
            left -= len(block)
    except soundfile.LibsndfileError as error:
        raise _bad(path, f"is damaged ({_said(error)})") from None
    return np.concatenate(blocks)


def _said(error: soundfile.LibsndfileError) -> str:
    return f"libsndfile: {error.error_string.removeprefix('Error : ').rstrip('. ')}"


def _check_samples(samples: NDArray[np.float32], path: Path) -> None:
    if not len(samples):
        raise _bad(path, "holds no samples")
    bad = int(np.count_nonzero(~np.isfinite(samples)))
    if bad:
        raise _bad(path, f"{bad} of {samples.size} samples are NaN or infinite")


def _bad(path: Path, reason: str) -> Unencodable:
    return Unencodable(f"{path.name}: {reason}")
