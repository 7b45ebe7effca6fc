"""Write small videos by PyAV: a grey picture, and the samples given as sound."""

from fractions import Fraction

import av
import numpy as np

FRAMES = 25  # pictures per second


def write(path, samples, codec, *, rate=16_000, picture="mpeg4", seconds=None, streams=1, kind=None):
    """Write samples (S,) or (S, channels) into the container that the suffix names, and return the path.

    Args:
        path: of the file.
        samples: full scale -1 to 1.
        codec: of the sound, as ffmpeg names it.
        rate: of the samples in Hz.
        picture: codec of the picture; empty for sound alone.
        seconds: length of the picture; None for that of the sound.
        streams: audio streams; each is half as loud as the one before it.
        kind: ffmpeg's name of the container; None for the one of the suffix.
    """
    samples = samples.reshape(len(samples), -1)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    with av.open(str(path), "w", format=kind) as file:
        pictures = _add_picture(file, picture) if picture else None
        sounds = [file.add_stream(codec, rate=rate, layout=layout) for _ in range(streams)]
        if pictures is not None:
            _write_pictures(file, pictures, round((len(samples) / rate if seconds is None else seconds) * FRAMES))
        for number, sound in enumerate(sounds):
            _write_sound(file, sound, samples / 2**number, rate, layout)
    return path


def write_mute(path, seconds=1.0):
    """Write a video without sound."""
    with av.open(str(path), "w") as file:
        _write_pictures(file, _add_picture(file, "mpeg4"), round(seconds * FRAMES))
    return path


def _add_picture(file, codec):
    stream = file.add_stream(codec, rate=FRAMES)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    stream.codec_context.thread_count = 1
    return stream


def _write_pictures(file, stream, count):
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 255, np.uint8), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FRAMES)
        file.mux(stream.encode(frame))
    file.mux(stream.encode())


def _write_sound(file, stream, samples, rate, layout):
    frame = av.AudioFrame.from_ndarray(samples.astype(np.float32).reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    context = stream.codec_context
    resampler = av.AudioResampler(context.format.name, layout, rate, frame_size=context.frame_size or None)
    for block in [*resampler.resample(frame), *resampler.resample(None)]:
        file.mux(stream.encode(block))
    file.mux(stream.encode())
