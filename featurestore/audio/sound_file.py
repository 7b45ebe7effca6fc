"""Open clips with libsndfile, and read their samples or the reason why that is not possible."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from featurestore.audio import containers
from featurestore.audio.file_types import HEAD_SIZE, FileType, recognize
from featurestore.errors import Unencodable

_UNKNOWN = 1 << 48  # libsndfile returns an impossibly high number if the header does not say how many samples follow
_SEEKABLE = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC")  # others are decoded from the beginning
_BLOCK, _LITTLE = 1 << 20, 1 << 10  # samples read at a time
_STEP = np.float32(2.0**-15)  # full scale of 16 bits; libsndfile divides by the same power of 2
_MP3_DELAY = 2304  # samples that an MP3 encoder may add and a decoder may cut
_BEYOND = 0.05  # seconds that a segment may exceed its clip by, because of rounding or the padding of an MP3


class MediaFile(Exception):
    """A file that libsndfile does not read and ffmpeg may."""

    def __init__(self, kind: FileType) -> None:
        self.kind = kind


class _Sequential(soundfile.SoundFile):
    """A sound file read from start to end. soundfile seeks after each block, which FLAC streams do not allow."""

    def seekable(self) -> bool:
        """Return False."""
        return False


@contextmanager
def open_file(path: Path) -> Iterator[BufferedReader]:
    """Open a file as bytes.

    Raises:
        Unencodable: it is missing, a folder, or not readable. The text of the reason is part of cache keys.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise Unencodable(f"no such file: {path}") from None
    except IsADirectoryError:
        raise reject(path, "is a folder") from None
    except OSError as error:
        raise reject(path, f"cannot be opened: {error.strerror}") from None
    except ValueError as error:  # a NUL in its name
        raise reject(path, f"cannot be opened: {error}") from None
    with file:
        yield file


@contextmanager
def open_sound(path: Path) -> Iterator[soundfile.SoundFile]:
    """Open a clip by its content, independent of its suffix, and check its header.

    Raises:
        MediaFile: it is a video or another container that ffmpeg reads.
        Unencodable: it is missing, unreadable, empty, truncated, not audio, or has no samples.
    """
    try:
        sound = _Sequential(_find_source(path))
    except soundfile.LibsndfileError as error:
        raise _explain(path, error) from None
    with sound:
        if not sound.frames:
            raise reject(path, "holds no samples")
        yield sound


def states_length(sound: soundfile.SoundFile) -> bool:
    """Tell whether the header says how many samples follow."""
    return bool(sound.frames < _UNKNOWN)


def count_samples(sound: soundfile.SoundFile, path: Path) -> int:
    """Return the number of samples per channel. A stream without that number in its header is decoded.

    Raises:
        Unencodable: it has to be decoded and is damaged.
    """
    return int(sound.frames) if states_length(sound) else len(_decode(sound, path))


def read_whole(sound: soundfile.SoundFile, path: Path) -> NDArray[np.float32]:
    """Decode all samples (S, channels).

    Raises:
        Unencodable: the clip is damaged, or has fewer samples than its header says.
    """
    expected = _expect_samples(sound, path)
    samples = _decode(sound, path)
    if len(samples) < expected:
        raise reject(path, f"truncated: {len(samples)} of the {expected} samples that its header promises")
    return samples


def read_segment(sound: soundfile.SoundFile, path: Path, start: float | None, end: float | None) -> NDArray[np.float32]:
    """Decode the samples (S, channels) from `start` to `end` seconds.

    Nothing else is decoded if the format allows seeking to a sample.

    Raises:
        Unencodable: the clip is damaged or truncated, or the segment is not in it.
    """
    if _is_exact(sound):
        first, last = find_bounds(sound.frames, sound.samplerate, start, end, path)
        try:
            sound.seek(first)
        except soundfile.LibsndfileError as error:
            raise reject(path, f"is damaged ({_describe(error)})") from None
        samples = _decode(sound, path, last - first)
        if len(samples) < last - first:
            raise reject(path, f"truncated: {len(samples)} of the {last - first} samples of the segment")
        return samples
    samples = read_whole(sound, path)
    first, last = find_bounds(len(samples), sound.samplerate, start, end, path)
    return samples[first:last]


def find_bounds(samples: int, rate: int, start: float | None, end: float | None, path: Path) -> tuple[int, int]:
    """Return the first sample of a segment of a clip and the one after its last.

    Args:
        samples: length of the clip.
        rate: in Hz.
        start: seconds at which the segment begins; None for the beginning of the clip.
        end: seconds at which it ends; None for the end of the clip.
        path: the clip, for the message.

    Raises:
        Unencodable: the segment is not in the clip.
    """
    seconds = samples / rate
    first, last = start or 0.0, seconds if end is None else end
    if not 0 <= first < min(last, seconds) or last > seconds + _BEYOND:
        raise reject(path, f"no segment from {first:g} s to {last:g} s: the clip is {seconds:.3f} s long")
    return round(first * rate), min(round(last * rate), samples)


def reject(path: Path, reason: str) -> Unencodable:
    """Return the error about a clip that cannot be used."""
    return Unencodable(f"{path.name}: {reason}")


def _find_source(path: Path) -> str | BytesIO:
    """Return what libsndfile has to open: the path if that works, else the bytes."""
    with open_file(path) as file:
        if not file.seek(0, 2):
            raise reject(path, "is empty (0 bytes)")
        container = containers.inspect_container(file)
        if container.truncation:
            raise reject(path, f"truncated: {container.truncation}")
        length_at = container.unknown_length_at
        # soundfile takes a file named .raw for headerless samples. Bytes have no name, so it looks at the content.
        if length_at is None and path.suffix.lower() != ".raw":
            return str(path)
        file.seek(0)
        content = bytearray(file.read())
    if length_at is not None:
        content[length_at : length_at + 4] = b"\xff" * 4  # makes libsndfile read to the end; 0 would mean no samples
    return BytesIO(content)


def _expect_samples(sound: soundfile.SoundFile, path: Path) -> int:
    """Return the number of samples that the header guarantees, or 0 if it does not say or only estimates."""
    if not states_length(sound):
        return 0
    if sound.format != "MP3":
        return int(sound.frames)
    with open_file(path) as file:
        head = file.read(4096)
    # an MP3 states its length only in this tag
    return max(0, sound.frames - _MP3_DELAY) if b"Xing" in head or b"Info" in head else 0


def _decode(sound: soundfile.SoundFile, path: Path, count: int | None = None) -> NDArray[np.float32]:
    """Decode `count` samples (S, channels) from the current position, or all that follow."""
    blocks: list[NDArray[np.float32]] = []
    left = sound.frames if count is None else count
    # libsndfile fills what it cannot read with zeros, so reading a whole block costs more than a short clip itself
    least = _LITTLE if count is None and not _is_exact(sound) else 0
    try:
        while (size := min(_BLOCK, max(left, least))) and len(block := _read_block(sound, size)):
            blocks.append(block)
            left -= len(block)
    except soundfile.LibsndfileError as error:
        raise reject(path, f"is damaged ({_describe(error)})") from None
    if len(blocks) == 1:
        return blocks[0]
    return np.concatenate([np.empty((0, sound.channels), np.float32), *blocks])


def _read_block(sound: soundfile.SoundFile, size: int) -> NDArray[np.float32]:
    """Read at most `size` samples (S, channels). Scaling 16 bits here gives the same values in half of the time."""
    is_short = sound.subtype == "PCM_16"
    block: NDArray[Any] = sound.read(size, dtype="int16" if is_short else "float32", always_2d=True)
    return np.multiply(block, _STEP, dtype=np.float32) if is_short else block


def _is_exact(sound: soundfile.SoundFile) -> bool:
    """Tell whether the header says exactly how many samples follow, in a format that allows seeking to one."""
    return sound.format in _SEEKABLE and states_length(sound)


def _explain(path: Path, error: soundfile.LibsndfileError) -> MediaFile | Unencodable:
    """Return what a file is that libsndfile does not read."""
    with open_file(path) as file:
        kind = recognize(file.read(HEAD_SIZE))
    if kind and kind.demuxer:
        return MediaFile(kind)
    why = f"it is {kind.what}; {kind.do}" if kind else _describe(error)
    return reject(path, f"is not audio that libsndfile reads ({why})")


def _describe(error: soundfile.LibsndfileError) -> str:
    return f"libsndfile: {error.error_string.removeprefix('Error : ').rstrip('. ')}"
