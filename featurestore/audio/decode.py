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

from featurestore.audio import containers
from featurestore.errors import Unencodable

_UNKNOWN = 1 << 48  # libsndfile gives a number beyond all reason where the header does not say how much follows
_SEEKABLE = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC")  # others are decoded from their beginning
_BLOCK, _LITTLE = 1 << 20, 1 << 10  # samples read at a time
_MP3_DELAY = 2304  # samples that an MP3 encoder may add and a decoder may cut
_BEYOND = 0.05  # seconds by which a segment may end after its clip, by rounding or the padding of an MP3
# Silence as recorders write it: zeros, one level, or a few of the smallest steps of 16 bits around it. A quiet
# recording has many levels, however small they are.
_QUIET, _LEVELS = 2.0**-13, 8
_CANCELLED = 1e-3  # of the loudest channel is left after mixing down: channels of opposite phase


@dataclass(frozen=True)
class Clip:
    """Hold a decoded clip: mono samples float32 (S,), full scale -1 to 1, at its own rate in Hz."""

    samples: NDArray[np.float32]
    rate: int

    def digest(self) -> str:
        """Compute the sha256 of rate and samples: equal for the same sound in any lossless container."""
        return hashlib.sha256(f"{self.rate} ".encode() + np.ascontiguousarray(self.samples).tobytes()).hexdigest()

    def at(self, rate: int) -> NDArray[np.float32]:
        """Resample to `rate` Hz; the result may be empty."""
        wave: NDArray[np.float32] = self.samples if self.rate == rate else soxr.resample(self.samples, self.rate, rate)
        return wave


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


def read(path: str | Path, rate: int, start: float | None = None, end: float | None = None) -> NDArray[np.float32]:
    """Read a clip, or a segment of one, as float32 (S,), mixed down to mono, at `rate` Hz; full scale is -1 to 1.

    Raises:
        Unencodable: as `decode` does, or too short for one sample at `rate`.
    """
    clip = decode(path, start, end)
    wave = clip.at(rate)
    if not len(wave):
        raise _bad(Path(path), f"too short: {len(clip.samples)} samples at {clip.rate} Hz give none at {rate} Hz")
    return wave


def decode(path: str | Path, start: float | None = None, end: float | None = None) -> Clip:
    """Decode a clip, mixed down to mono, at its own rate.

    Args:
        path: any file that libsndfile reads.
        start: seconds at which a segment of it begins; None for the beginning.
        end: seconds at which the segment ends; None for the end of the clip.

    Raises:
        Unencodable: missing, unreadable, empty, truncated, not audio, no samples, NaN or infinite samples, the same
            value throughout (silence), or a segment that is not in the clip.
    """
    path = Path(path)
    with _sound(path) as sound:
        rate = sound.samplerate
        whole = start is None and end is None
        samples = _whole(sound, path) if whole else _segment(sound, path, start, end)  # (S, channels)
    _check_samples(samples, path)
    mono = samples.mean(axis=1, dtype=np.float32)
    _check_sound(mono, samples, path)
    return Clip(mono, rate)


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


def _decoded(sound: soundfile.SoundFile, path: Path, count: int | None = None) -> NDArray[np.float32]:
    """Decode `count` samples (S, channels) from where the file stands, or all that follow."""
    blocks = [np.empty((0, sound.channels), np.float32)]
    left = sound.frames if count is None else count
    try:
        # libsndfile fills what it cannot read with zeros: asking for a whole block costs more than a short clip itself
        least = _LITTLE if count is None else 0
        while len(block := sound.read(min(_BLOCK, max(left, least)), dtype="float32", always_2d=True)):
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


def _whole(sound: soundfile.SoundFile, path: Path) -> NDArray[np.float32]:
    """Decode all samples (S, channels); raises Unencodable where the header promises more."""
    promised = _promised(sound, path)
    samples = _decoded(sound, path)
    if len(samples) < promised:
        raise _bad(path, f"truncated: {len(samples)} of the {promised} samples that its header promises")
    return samples


def _segment(sound: soundfile.SoundFile, path: Path, start: float | None, end: float | None) -> NDArray[np.float32]:
    """Decode the samples (S, channels) from `start` to `end` alone, where the format can seek to a sample."""
    if sound.format in _SEEKABLE and sound.frames < _UNKNOWN:
        first, last = _bounds(sound.frames, sound.samplerate, start, end, path)
        try:
            sound.seek(first)
        except soundfile.LibsndfileError as error:
            raise _bad(path, f"is damaged ({_said(error)})") from None
        samples = _decoded(sound, path, last - first)
        if len(samples) < last - first:
            raise _bad(path, f"truncated: {len(samples)} of the {last - first} samples of the segment")
        return samples
    samples = _whole(sound, path)
    first, last = _bounds(len(samples), sound.samplerate, start, end, path)
    return samples[first:last]


def _bounds(samples: int, rate: int, start: float | None, end: float | None, path: Path) -> tuple[int, int]:
    """Compute the first sample of a segment and the one after its last; raises Unencodable where they are not there."""
    seconds = samples / rate
    first, last = start or 0.0, seconds if end is None else end
    if not 0 <= first < min(last, seconds) or last > seconds + _BEYOND:
        raise _bad(path, f"no segment from {first:g} s to {last:g} s: the clip is {seconds:.3f} s long")
    return round(first * rate), min(round(last * rate), samples)


def _check_sound(mono: NDArray[np.float32], samples: NDArray[np.float32], path: Path) -> None:
    """Raise Unencodable where a clip holds one value throughout: every such clip would have the same vector."""
    if len(mono) < 2:  # too short to be silent
        return
    swing = float(np.ptp(mono))
    loudest = max(float(np.ptp(channel)) for channel in samples.T)
    if loudest > _QUIET and swing <= _CANCELLED * loudest:
        raise _bad(path, "silent: its channels cancel each other out when they are mixed down to one")
    if swing > _QUIET or (swing and len(np.unique(mono)) >= _LEVELS):
        return
    level = float(np.median(mono))
    if swing:
        raise _bad(path, f"silent: nothing but a few of the smallest steps around {level:.3g}")
    raise _bad(path, f"silent: the signal is constant at {level:.3g}" if level else "silent: every sample is zero")


def _bad(path: Path, reason: str) -> Unencodable:
    return Unencodable(f"{path.name}: {reason}")
