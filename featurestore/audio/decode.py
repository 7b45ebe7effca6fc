"""Decode audio: any file that libsndfile or ffmpeg reads, as mono float32 at any rate, or say why it is unusable."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from featurestore.audio.silence import find_silence
from featurestore.audio.sound_file import (
    MediaFile,
    count_samples,
    open_file,
    open_sound,
    read_segment,
    read_whole,
    reject,
    states_length,
)
from featurestore.audio.video_file import probe_video, read_video


@dataclass(frozen=True)
class Clip:
    """A decoded clip.

    Args:
        samples: mono, float32 (S,), full scale -1 to 1.
        rate: in Hz.
    """

    samples: NDArray[np.float32]
    rate: int

    def digest(self) -> str:
        """Compute the sha256 of rate and samples. It is equal for the same sound in any lossless container."""
        hashed = hashlib.sha256(f"{self.rate} ".encode())
        hashed.update(np.ascontiguousarray(self.samples).data)
        return hashed.hexdigest()

    def at(self, rate: int) -> NDArray[np.float32]:
        """Resample to `rate` Hz. The result may be empty."""
        wave: NDArray[np.float32] = self.samples if self.rate == rate else soxr.resample(self.samples, self.rate, rate)
        return wave


@dataclass(frozen=True)
class Probe:
    """Content of a clip's header.

    Args:
        rate: in Hz.
        channels: number of channels.
        samples: per channel.
        format: the container, as libsndfile names it (`WAV`), or ffmpeg if that reads it (`mov`).
        streams: number of audio streams, of which the first is read.
    """

    rate: int
    channels: int
    samples: int
    format: str
    streams: int = 1

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return self.samples / self.rate


def read(path: str | Path, rate: int, start: float | None = None, end: float | None = None) -> NDArray[np.float32]:
    """Decode a clip, or a segment of one, to mono float32 (S,) at `rate` Hz, full scale -1 to 1.

    Args:
        path: as for `decode`.
        rate: in Hz.
        start: as for `decode`.
        end: as for `decode`.

    Raises:
        Unencodable: as for `decode`, or it is too short for one sample at `rate`.
    """
    clip = decode(path, start, end)
    wave = clip.at(rate)
    if not len(wave):
        raise reject(Path(path), f"too short: {len(clip.samples)} samples at {clip.rate} Hz give none at {rate} Hz")
    return wave


def decode(
    path: str | Path,
    start: float | None = None,
    end: float | None = None,
    check_length: Callable[[float], None] | None = None,
) -> Clip:
    """Decode a clip, or a segment of one, to mono at its own rate.

    Args:
        path: any file that libsndfile reads, or ffmpeg where PyAV is installed.
        start: seconds at which the segment begins; None for the beginning of the clip.
        end: seconds at which the segment ends; None for the end of the clip.
        check_length: is called with the length in seconds of the clip or the segment, as the header states it, before
            anything is decoded, and raises Unencodable to refuse it.

    Raises:
        Unencodable: missing, unreadable, empty, truncated, not audio, no samples, NaN or infinite samples, the same
            value throughout (silence), a segment that is not in the clip, or a refused length.
    """
    path = Path(path)
    samples, rate = _read_samples(path, start, end, check_length)
    _check_samples(samples, path)
    mono = _mix_down(samples)
    if reason := find_silence(mono, samples):
        raise reject(path, reason)
    return Clip(mono, rate)


def probe(path: str | Path) -> Probe:
    """Read a clip's header. A stream without its length in the header is decoded, or its packets are counted.

    Raises:
        Unencodable: missing, unreadable, empty, truncated, not audio, or no samples.
    """
    path = Path(path)
    try:
        with open_sound(path) as sound:
            return Probe(sound.samplerate, sound.channels, count_samples(sound, path), sound.format)
    except MediaFile as media:
        found = probe_video(path, media.kind)
        return Probe(found.rate, found.channels, found.samples, media.kind.demuxer, found.streams)


def read_duration(path: str | Path) -> float:
    """Return the length of a clip in seconds, from its header.

    Raises:
        Unencodable: as for `probe`.
    """
    return probe(path).seconds


def measure_segment(whole: float, start: float | None, end: float | None) -> float:
    """Measure the seconds from `start` to `end` in a clip of `whole` seconds. None stands for its beginning or end.

    >>> measure_segment(4.0, None, None), measure_segment(4.0, 1.0, 9.0)
    (4.0, 3.0)
    """
    return (whole if end is None else min(end, whole)) - (start or 0.0)


def digest(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, as `sha256sum` prints it.

    Raises:
        Unencodable: it cannot be read.
    """
    with open_file(Path(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_samples(
    path: Path, start: float | None, end: float | None, check_length: Callable[[float], None] | None
) -> tuple[NDArray[np.float32], int]:
    """Decode a clip or a segment of it, and return its samples (S, channels) and their rate in Hz."""
    try:
        with open_sound(path) as sound:
            if check_length:
                whole = sound.frames / sound.samplerate if states_length(sound) else read_duration(path)
                check_length(measure_segment(whole, start, end))
            is_whole = start is None and end is None
            samples = read_whole(sound, path) if is_whole else read_segment(sound, path, start, end)
            return samples, sound.samplerate
    except MediaFile as media:
        if check_length:
            check_length(measure_segment(read_duration(path), start, end))
        return read_video(path, media.kind, start, end)


def _mix_down(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix samples (S, channels) down to one channel (S,). A sum begins with 0, which makes 0 of -0."""
    if samples.shape[1] == 1:
        return samples[:, 0] + np.float32(0)
    mixed: NDArray[np.float32] = samples.mean(axis=1, dtype=np.float32)
    return mixed


def _check_samples(samples: NDArray[np.float32], path: Path) -> None:
    if not len(samples):
        raise reject(path, "holds no samples")
    is_finite = np.isfinite(samples)
    if not is_finite.all():
        bad = int(np.count_nonzero(~is_finite))
        raise reject(path, f"{bad} of {samples.size} samples are NaN or infinite")
