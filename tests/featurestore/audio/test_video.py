"""Videos and other containers that PyAV decodes, against the samples that were written into them."""

import errno
import re
import sys
import threading
import tracemalloc
from contextlib import suppress

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from featurestore.audio import decode, video_file
from featurestore.audio.file_types import recognize
from featurestore.errors import Unencodable, UnencodableNow
from featurestore.releases.clip_lengths import TOLERANCE
from tests.support import videos

RATE = 16_000
_NOISE = np.random.default_rng(0).normal(0, 0.02, 24_117)
SPEECH = np.round((np.sin(np.arange(24_117) ** 1.2 / 60) / 2 + _NOISE) * 2**15) / 2**15  # 1.5 s on the steps of 16 bits
LOSSLESS = [
    *(("a.avi", "pcm_s16le"), ("a.mov", "pcm_s16le"), ("a.mov", "pcm_s24le"), ("a.mov", "alac"), ("a.mp4", "flac")),
    *(
        ("a.mkv", "flac"),
        ("a.mkv", "pcm_s16le"),
        ("a.mkv", "pcm_s24le"),
        ("a.mkv", "pcm_f32le"),
        ("a.mkv", "pcm_f64le"),
    ),
    ("a.wmv", "pcm_s16le"),
]
# container, codec, rate, codec of the picture
LOSSY = [
    ("a.mp4", "aac", 48_000, "mpeg4"),
    ("a.mp4", "aac", 8000, "mpeg4"),
    ("a.m4a", "aac", 16_000, ""),
    ("a.mov", "aac", 44_100, "mpeg4"),
    ("a.mp4", "libmp3lame", 44_100, "mpeg4"),
    ("a.webm", "libopus", 48_000, "libvpx"),
    ("a.avi", "libmp3lame", 44_100, "mpeg4"),
    ("a.mkv", "ac3", 48_000, "mpeg4"),
    ("a.flv", "aac", 44_100, "flv"),
    ("a.ts", "aac", 22_050, "mpeg2video"),
    ("a.mpg", "mp2", 44_100, "mpeg1video"),
    ("a.aac", "aac", 16_000, ""),
    ("a.3gp", "libopencore_amrnb", 8000, ""),
    ("a.amr", "libopencore_amrnb", 8000, ""),
]


def reason(read, *arguments):
    with pytest.raises(Unencodable) as caught:
        read(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("name", "codec"), LOSSLESS)
def test_a_lossless_codec_gives_the_samples_that_were_written(tmp_path, name, codec):
    path = videos.write(tmp_path / name, SPEECH, codec)
    clip = decode.decode(path)
    assert clip.rate == RATE
    np.testing.assert_array_equal(clip.samples, SPEECH.astype(np.float32))
    found = decode.probe(path)
    assert (found.rate, found.channels, found.samples, found.streams) == (RATE, 1, len(SPEECH), 1)


def test_samples_equal_those_of_a_wav_of_the_same_sound(tmp_path):
    stereo = np.stack([SPEECH, SPEECH[::-1]], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="PCM_16")
    written = decode.decode(tmp_path / "a.wav")
    for name, codec in LOSSLESS:
        if "s16" in codec or codec in ("flac", "alac"):
            assert decode.decode(videos.write(tmp_path / name, stereo, codec)).digest() == written.digest()


def test_eight_bits_have_their_middle_at_128(tmp_path):
    path = videos.write(tmp_path / "a.avi", SPEECH, "pcm_u8")
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE, subtype="PCM_U8")
    assert np.abs(decode.decode(path).samples - decode.decode(tmp_path / "a.wav").samples).max() <= 2**-7


@pytest.mark.parametrize(("name", "codec", "rate", "picture"), [one for one in LOSSY if "amr" not in one[1]])
def test_a_lossy_codec_gives_the_sound_in_its_place(tmp_path, name, codec, rate, picture):
    tone = np.sin(2 * np.pi * (200 + 150 * np.sin(np.arange(2 * rate) / rate * 5)).cumsum() / rate) / 2
    clip = decode.decode(videos.write(tmp_path / name, tone, codec, rate=rate, picture=picture))
    assert clip.rate == rate
    assert 0 <= len(clip.samples) - len(tone) + 1 < 2400  # coding in blocks adds some, and the shortest starts late
    found = np.correlate(clip.samples[: rate + 2400], tone[:rate])  # by lag
    lag = int(found.argmax())
    assert np.corrcoef(clip.samples[lag : lag + rate], tone[:rate])[0, 1] > 0.98
    if name[2:] in ("mp4", "m4a", "mov", "webm"):  # these containers state the delay of the encoder
        assert lag <= 1 or codec == "libmp3lame"


@pytest.mark.parametrize(("name", "codec", "rate", "picture"), LOSSY)
def test_the_length_of_a_header_is_that_of_the_samples(tmp_path, name, codec, rate, picture):
    for length in (1500, rate, 2 * rate + 77):
        tone = np.sin(np.arange(length) / 9) / 2
        path = videos.write(tmp_path / name, tone, codec, rate=rate, picture=picture, seconds=5)
        found, clip = decode.probe(path), decode.decode(path)
        assert abs(found.samples - len(clip.samples)) <= TOLERANCE * rate
        assert found.rate == clip.rate
        assert decode.read_duration(path) == found.samples / rate


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100])
@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "pcm_s16le"), ("a.mkv", "flac"), ("a.mp4", "aac"), ("a.wav", "")]
)
@settings(max_examples=12)
@given(bounds=st.tuples(st.floats(0, 1.2), st.floats(0.01, 0.3)))
def test_a_segment_is_exactly_its_samples(tmp_path_factory, rate, name, codec, bounds):
    folder = tmp_path_factory.getbasetemp() / f"segments-{rate}"
    folder.mkdir(exist_ok=True)
    path = folder / f"{codec}-{name}"
    samples = np.resize(SPEECH, round(1.6 * rate))
    if not path.exists() and codec:
        videos.write(path, samples, codec, rate=rate, seconds=0.1)
    elif not path.exists():
        soundfile.write(path, samples, rate)
    start, end = bounds[0], bounds[0] + bounds[1]
    whole = decode.decode(path).samples
    expected = whole[round(start * rate) : round(end * rate)]
    np.testing.assert_array_equal(decode.decode(path, start, end).samples, expected)
    np.testing.assert_array_equal(decode.decode(path, None, end).samples, whole[: round(end * rate)])
    np.testing.assert_array_equal(decode.decode(path, start).samples, whole[round(start * rate) :])


@pytest.mark.parametrize(("start", "end"), [(0.3, 0.2), (0.2, 0.2), (-0.1, 0.3), (3.0, 4.0), (0.1, 1.7), (2.0, None)])
def test_a_segment_outside_the_video_is_rejected(tmp_path, start, end):
    path = videos.write(tmp_path / "a.avi", SPEECH, "pcm_s16le")
    last = 1.5073125 if end is None else end
    expected = f"a.avi: no segment from {start:g} s to {last:g} s: the clip is 1.507 s long"
    assert reason(decode.decode, path, start, end) == expected


def test_a_segment_of_a_long_video_takes_little_memory(tmp_path):
    path = videos.write(tmp_path / "a.avi", np.tile(SPEECH, 40), "pcm_s16le")
    tracemalloc.start()
    decode.decode(path, 55.0, 55.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6  # all samples: 3.9 MB


def test_the_first_of_several_audio_streams_is_read(tmp_path):
    path = videos.write(tmp_path / "a.mkv", SPEECH, "flac", streams=3)
    assert decode.probe(path).streams == 3
    np.testing.assert_array_equal(decode.decode(path).samples, SPEECH.astype(np.float32))


def test_surround_sound_is_mixed_down(tmp_path):
    channels = np.stack([SPEECH * gain for gain in (1, 0.5, 0.25, 0, 0.5, 0.125)], axis=1)
    path = videos.write(tmp_path / "a.mkv", channels, "pcm_f32le")
    assert decode.probe(path).channels == 6
    np.testing.assert_allclose(decode.decode(path).samples, SPEECH * 2.375 / 6, atol=1e-6)


@pytest.mark.parametrize("read", [decode.decode, decode.probe])
def test_a_video_without_sound_is_rejected(tmp_path, read):
    assert reason(read, videos.write_mute(tmp_path / "a.mp4")) == "a.mp4: holds no audio stream"


def test_a_silent_video_is_rejected(tmp_path):
    path = videos.write(tmp_path / "a.mp4", SPEECH * 0, "aac")
    assert reason(decode.decode, path) == "a.mp4: silent: every sample is zero"


@pytest.mark.parametrize("read", [decode.decode, decode.probe])
@pytest.mark.parametrize("part", [0.5, 0.99])
@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "aac"), ("a.mov", "pcm_s16le"), ("a.mkv", "flac"), ("a.avi", "pcm_s16le"), ("a.wmv", "pcm_s16le")],
)
def test_a_truncated_video_is_rejected(tmp_path, name, codec, part, read):
    path = videos.write(tmp_path / name, SPEECH, codec)
    content = path.read_bytes()
    path.write_bytes(content[: round(part * len(content))])
    assert re.fullmatch(
        rf"{name}: truncated: its header promises \d+ bytes more than the {round(part * len(content))} that are there",
        reason(read, path),
    )


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libopus"), ("a.mp4", "aac")])
def test_a_live_recording_states_no_length_and_is_read(tmp_path, name, codec):
    content = videos.write(tmp_path / name, SPEECH, codec, picture="").read_bytes()
    if name == "a.webm":
        at = content.index(b"\x18\x53\x80\x67") + 4
        content = content[:at] + b"\x01" + b"\xff" * 7 + content[at + 8 :]
    else:  # the box of samples, moved to the end, without its length
        boxes = {content[at + 4 : at + 8]: at for at in (content.index(b"mdat") - 4, content.index(b"moov") - 4)}
        assert boxes[b"mdat"] < boxes[b"moov"]
        content += b"\0\0\0\0free"
    (tmp_path / name).write_bytes(content)
    assert len(decode.decode(tmp_path / name).samples) == pytest.approx(decode.probe(tmp_path / name).samples, abs=800)


def test_bytes_that_a_camera_appends_are_no_truncation(tmp_path):
    path = videos.write(tmp_path / "a.mp4", SPEECH, "aac")
    before = decode.decode(path).samples
    path.write_bytes(path.read_bytes() + b"\x7f\xff\xff\xffSEFT" + bytes(90))
    np.testing.assert_array_equal(decode.decode(path).samples, before)


@pytest.mark.parametrize("read", [decode.decode, decode.probe])
@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\x20ftypisom\0\0\2\0isomiso2" + bytes(12),
        b"\x1a\x45\xdf\xa3" + bytes(100),
        b"RIFF\x0c\0\0\0AVI LIST\0\0\0\0",
        b"#!AMR\n",
        bytes.fromhex("3026b2758e66cf11") + bytes(50),
        b"FLV\x01" + bytes(50),
    ],
)
def test_a_container_with_nothing_in_it_is_rejected(tmp_path, content, read):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    text = reason(read, path)
    assert any(why in text for why in ("is damaged (ffmpeg: ", "holds no audio stream", "holds no samples"))


@pytest.mark.parametrize(
    ("name", "codec", "picture"),
    [
        ("a.mp4", "aac", "mpeg4"),
        ("a.webm", "libopus", "libvpx"),
        ("a.avi", "pcm_s16le", "mpeg4"),
        ("a.ts", "aac", "mpeg2video"),
    ],
)
def test_a_damaged_video_is_decoded_or_rejected(tmp_path, name, codec, picture):
    rate = 48_000 if codec == "libopus" else RATE
    content = videos.write(tmp_path / name, SPEECH, codec, rate=rate, picture=picture).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(content[: int(rng.integers(100, len(content)))] if rng.random() < 0.3 else content)
        for at in rng.integers(0, len(damaged), 20):
            damaged[at] = rng.integers(256)
        (tmp_path / name).write_bytes(damaged)
        for read in (decode.decode, decode.probe):
            with suppress(Unencodable):
                read(tmp_path / name)


def test_a_lack_of_memory_is_not_the_fault_of_the_file(tmp_path, monkeypatch):
    path = videos.write(tmp_path / "a.mp4", SPEECH, "aac")

    def fail(*_, **__):
        raise av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(UnencodableNow) as caught:
        decode.decode(path)
    assert caught.value.what == "a.mp4: cannot be decoded (ffmpeg: Cannot allocate memory)"


def test_a_playlist_is_not_followed(tmp_path):
    videos.write(tmp_path / "a.ts", SPEECH, "aac", picture="")
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1.5,\na.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "b.txt").write_text(f"ffconcat version 1.0\nfile {tmp_path / 'a.ts'}\n")
    assert "it is a text file that begins with '#EXTM3U'" in reason(decode.decode, tmp_path / "a.m3u8")
    assert "it is a text file that begins with 'ffconcat version 1.0'" in reason(decode.decode, tmp_path / "b.txt")


def test_a_change_of_rate_is_rejected(tmp_path):
    parts = [videos.write(tmp_path / f"{rate}.aac", SPEECH, "aac", rate=rate, picture="") for rate in (16_000, 22_050)]
    (tmp_path / "a.aac").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert reason(decode.decode, tmp_path / "a.aac") == (
        "a.aac: changes from 16000 Hz with 1 channels to 22050 Hz with 1 channels"
    )


def test_decoding_starts_no_threads(tmp_path):
    path = videos.write(tmp_path / "a.mp4", SPEECH, "aac")
    before = threading.active_count(), len(list_tasks())
    kind = recognize(path.read_bytes()[:512])
    with video_file._open_stream(path, kind) as (container, stream):
        next(container.decode(stream))
        assert (threading.active_count(), len(list_tasks())) == before


def list_tasks():
    from pathlib import Path

    return list(Path("/proc/self/task").iterdir())


def test_a_name_that_ffmpeg_takes_for_a_protocol_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    videos.write(tmp_path / "a.mp4", SPEECH, "aac").rename("concat:a|b.mp4")
    assert len(decode.decode("concat:a|b.mp4").samples) > 24_000


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    path = videos.write(tmp_path / "a.mp4", SPEECH, "aac")
    monkeypatch.setitem(sys.modules, "av", None)
    for read in (decode.decode, decode.probe):
        with pytest.raises(UnencodableNow) as caught:
            read(path)
        assert caught.value.what == (
            "a.mp4: is not audio that libsndfile reads (it is an MPEG-4 file (mp4, m4a, mov); "
            "pip install 'emofuse[video]' to read it, or convert it: ffmpeg -i OLD -vn NEW.wav)"
        )


def test_a_broken_pyav_is_named(tmp_path, monkeypatch):
    path = videos.write(tmp_path / "a.mp4", SPEECH, "aac")
    broken = tmp_path / "site" / "av"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libavcodec.so.62: cannot open shared object file')")
    monkeypatch.syspath_prepend(broken.parent)
    monkeypatch.delitem(sys.modules, "av")
    text = reason(decode.decode, path)
    monkeypatch.setitem(sys.modules, "av", av)
    assert "PyAV cannot be imported: libavcodec.so.62: cannot open shared object file)" in text


def test_audio_that_libsndfile_reads_needs_no_pyav(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    for kind in ("wav", "flac", "mp3", "ogg"):
        soundfile.write(tmp_path / f"a.{kind}", SPEECH, RATE)
        assert len(decode.decode(tmp_path / f"a.{kind}").samples) == len(SPEECH)
