"""Decode the sound of videos, and of other containers that libsndfile does not read, by PyAV (extra `video`)."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from featurestore.audio.file_types import FileType
from featurestore.audio.sound_file import find_bounds, open_file, reject
from featurestore.audio.video_truncation import find_video_truncation
from featurestore.errors import Unencodable, UnencodableNow, summarize_error

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

# Codecs whose packets all have the same number of samples, so that packets can be counted instead of decoded.
_FIXED = ("aac", "mp3", "mp2", "ac3", "eac3", "amr_nb", "amr_wb")
_PASSING = (errno.ENOMEM, errno.EIO)  # errors that may be the machine's and not the file's
_BUFFER = 1 << 18  # bytes read at a time
_HEAD = 16  # packets that are decoded to learn that number, and how many samples the decoder cuts at the beginning

Samples = NDArray[np.float32]


class VideoSound(NamedTuple):
    """Properties of the sound of a video.

    Args:
        rate: in Hz.
        channels: number of channels.
        samples: per channel; up to one packet too many where a container cuts the end of its last packet.
        streams: number of audio streams. The first one is read.
    """

    rate: int
    channels: int
    samples: int
    streams: int


def read_video(path: Path, kind: FileType, start: float | None = None, end: float | None = None) -> tuple[Samples, int]:
    """Decode the first audio stream of a video, or a segment of it, at its own rate.

    The samples are those that `ffmpeg -i FILE -vn NEW.wav` writes: the delay of an encoder is cut as the container
    says, gaps are not filled, and time 0 is the first sample, even if the picture begins earlier. Decoding begins at
    the beginning, because many codecs give other samples after a seek, and stops at `end`.

    Args:
        path: the file.
        kind: its type.
        start: seconds at which the segment begins; None for the beginning.
        end: seconds at which it ends; None for the end.

    Returns:
        Samples (S, channels), full scale -1 to 1, and their rate in Hz.

    Raises:
        UnencodableNow: PyAV is not installed.
        Unencodable: the file is missing, damaged, truncated, without an audio stream, without the segment, or its rate
            or number of channels changes.
    """
    with _open_stream(path, kind) as (container, stream):
        samples, rate, position = _join(_decode(container.demux(stream), path), start, end)
    if not position:
        raise reject(path, "holds no samples")
    find_bounds(position, rate, start, end, path)
    return samples, rate


def probe_video(path: Path, kind: FileType) -> VideoSound:
    """Measure the sound of a video. Its first packets are decoded and the others are counted, if the codec allows.

    Raises:
        UnencodableNow: PyAV is not installed.
        Unencodable: as for `read_video`.
    """
    with _open_stream(path, kind) as (container, stream):
        packets = (packet for packet in container.demux(stream) if not packet.is_discard)
        is_fixed = stream.codec_context.codec.canonical_name in _FIXED
        head = _decode(islice(packets, _HEAD) if is_fixed else packets, path)
        samples = size = 0
        for frame in head:
            size = frame.samples
            samples += size
        samples += size * sum(packet.size > 0 for packet in packets)
        streams = len(container.streams.audio)
    if not samples:
        raise reject(path, "holds no samples")
    return VideoSound(frame.sample_rate, frame.layout.nb_channels, samples, streams)


def _join(frames: Iterator["AudioFrame"], start: float | None, end: float | None) -> tuple[Samples, int, int]:
    """Join the samples of a segment, so that nothing else of a long video is in memory.

    Returns:
        Samples (S, channels), their rate in Hz, and how many were decoded from the beginning.
    """
    kept, rate, position = [np.empty((0, 1), np.float32)], 0, 0
    for frame in frames:
        rate = frame.sample_rate
        first = round((start or 0.0) * rate)
        last = sys.maxsize if end is None else round(end * rate)
        if position < last and position + frame.samples > first:
            kept.append(_convert(frame)[max(0, first - position) : last - position])
        position += frame.samples
        if 0 <= first < last <= position:
            break
    return np.concatenate(kept[1:] or kept), rate, position


@contextmanager
def _open_stream(path: Path, kind: FileType) -> Iterator[tuple["InputContainer", "AudioStream"]]:
    """Open the first audio stream of a video, decoded in this thread."""
    av = _import_av(path, kind)
    with open_file(path) as file:
        if reason := find_video_truncation(file, kind.demuxer):
            raise reject(path, f"truncated: {reason}")
        file.seek(0)
        try:
            # The demuxer is named, so that ffmpeg takes no file for a playlist, which may lead to other files.
            with av.open(file, format=kind.demuxer, metadata_errors="replace", buffer_size=_BUFFER) as container:
                yield container, _select_stream(container, path)
        except Unencodable:
            raise
        except av.FFmpegError as error:
            if error.errno in _PASSING:
                raise UnencodableNow(f"{path.name}: cannot be decoded (ffmpeg: {error.strerror})") from None
            raise reject(path, f"is damaged (ffmpeg: {error.strerror})") from None
        except (LookupError, ValueError) as error:  # PyAV, where a stream appears in the middle of a damaged file
            raise reject(path, f"is damaged (PyAV: {summarize_error(error)})") from None


def _select_stream(container: "InputContainer", path: Path) -> "AudioStream":
    from av.stream import Discard

    if not container.streams.audio:
        raise reject(path, "holds no audio stream")
    selected = container.streams.audio[0]
    if selected.codec_context is None:
        raise reject(path, "holds sound of a codec that ffmpeg does not decode")
    for stream in container.streams:
        if stream is not selected:
            stream.discard = Discard.all
    selected.codec_context.thread_count = 1
    return selected


def _decode(packets: Iterator["Packet[AudioStream]"], path: Path) -> Iterator["AudioFrame"]:
    """Yield the decoded frames. Their rate and number of channels must stay the same."""
    first: tuple[int, int] | None = None
    for packet in packets:
        for frame in packet.decode():
            properties = frame.sample_rate, frame.layout.nb_channels
            first = first or properties
            if properties != first:
                raise reject(path, f"changes from {_format(first)} to {_format(properties)}")
            yield frame


def _convert(frame: "AudioFrame") -> Samples:
    """Convert a decoded frame to float32 (S, channels), full scale -1 to 1, as libsndfile does."""
    values = frame.to_ndarray()
    values = values.T if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels)
    if not np.issubdtype(values.dtype, np.integer):
        return values.astype(np.float32)
    middle = 128 if values.dtype == np.uint8 else 0
    return (values.astype(np.float32) - middle) / np.float32(2.0 ** (8 * values.itemsize - 1))


def _format(properties: tuple[int, int]) -> str:
    return f"{properties[0]} Hz with {properties[1]} channels"


def _import_av(path: Path, kind: FileType) -> Any:
    try:
        import av
    except ImportError as error:
        why = "" if error.name == "av" else f"; PyAV cannot be imported: {error}"
        raise UnencodableNow(
            f"{path.name}: is not audio that libsndfile reads (it is {kind.what}; pip install 'emofuse[video]' to read "
            f"it, or {kind.do}{why})"
        ) from None
    return av
