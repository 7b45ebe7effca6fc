import hashlib
import io
import os
import struct
import sys

import numpy as np
import pytest
import soundfile

from featurestore.audio import containers, decode
from featurestore.errors import Unencodable

TONE = (np.sin(np.arange(8000) / 8) / 2).astype(np.float32)  # half a second at 16 kHz
FORMATS = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
    ("AIFF", "PCM_24"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
]


def written(samples=TONE, rate=16_000, kind="WAV", subtype=None):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


@pytest.fixture
def clip(tmp_path):
    def write(content, name="a.wav"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def reason(path, read=lambda path: decode.read(path, 16_000)):
    with pytest.raises(Unencodable) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
@pytest.mark.parametrize("suffix", [".wav", ".raw", ".txt"])
def test_any_format_is_read_under_any_suffix(clip, kind, subtype, suffix):
    path = clip(written(kind=kind, subtype=subtype), f"a{suffix}")
    samples = decode.read(path, 16_000)
    assert samples.dtype == np.float32
    assert samples.shape == TONE.shape
    assert np.abs(samples - TONE).max() < 0.06
    assert decode.probe(path) == decode.Probe(16_000, 1, 8000, kind)
    assert decode.read_duration(path) == 0.5


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_any_rate_is_resampled(clip, rate):
    tone = np.sin(2 * np.pi * 300 * np.arange(rate) / rate).astype(np.float32)
    samples = decode.read(clip(written(tone, rate, subtype="FLOAT")), 16_000)
    assert len(samples) == 16_000
    expected = np.sin(2 * np.pi * 300 * np.arange(16_000) / 16_000)
    assert np.abs(samples - expected)[500:-500].max() < 1e-3


def test_channels_are_mixed_down(clip):
    channels = np.stack([TONE, -TONE, TONE / 2], axis=1)
    np.testing.assert_allclose(decode.read(clip(written(channels, subtype="FLOAT")), 16_000), TONE / 6, atol=1e-6)


def test_integers_are_scaled_to_one(clip):
    samples = decode.read(clip(written(np.array([0, 16384, -32768], np.int16))), 16_000)
    np.testing.assert_array_equal(samples, np.array([0, 0.5, -1], np.float32))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("kind", "endian"),
    [("WAV", "LITTLE"), ("WAV", "BIG"), ("AIFF", "BIG"), ("FLAC", None), ("RF64", None), ("W64", None), ("AU", None)],
)
def test_16_bits_are_the_samples_of_libsndfile(clip, kind, endian, channels):
    values = np.arange(-(2**15), 2**15, dtype=np.int16)
    samples = np.random.default_rng(0).permutation(np.tile(values, channels)).reshape(-1, channels)
    path = clip(b"")
    soundfile.write(path, samples, 16_000, "PCM_16", endian, kind)
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0]
    assert len(np.unique(expected)) == 2**16
    assert decode.decode(path).samples.tobytes() == expected.mean(axis=1, dtype=np.float32).tobytes()


def test_a_negative_zero_is_decoded_as_zero(clip):
    samples = np.array([-0.0, 0.5, -1e-40, 0.0], np.float32)
    decoded = decode.decode(clip(written(samples, subtype="FLOAT")))
    assert decoded.samples.tobytes() == samples[:, None].mean(axis=1, dtype=np.float32).tobytes()
    assert not np.signbit(decoded.samples[0])
    assert decoded.digest() == hashlib.sha256(b"16000 " + decoded.samples.tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("bounds", "seconds"), [((None, None), 0.5), ((0.1, None), 0.4), ((None, 0.3), 0.3), ((0.2, 9.0), 0.3)]
)
@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_length_is_checked_before_anything_is_decoded(clip, monkeypatch, kind, bounds, seconds):
    content = bytearray(written(kind=kind))
    if kind == "FLAC":  # of unknown length
        content[21] &= 0xF0
        content[22:26] = bytes(4)

    def refuse(length):
        raise Unencodable(f"{length:g} s")

    path = clip(bytes(content))
    for name in ("read_whole", "read_segment"):
        monkeypatch.setattr(decode, name, None)
    assert reason(path, lambda path: decode.decode(path, *bounds, refuse)) == f"{seconds:g} s"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF - 36, 0x7FFFF000])
def test_a_streamed_header_is_tolerated(clip, size):
    content = written()
    whole = struct.pack("<I", min(size + 36, 0xFFFFFFFF))
    path = clip(content[:4] + whole + content[8:40] + struct.pack("<I", size) + content[44:])
    np.testing.assert_allclose(decode.read(path, 16_000), TONE, atol=1e-4)
    assert decode.read_duration(path) == 0.5


def test_a_flac_stream_of_unknown_length_is_read(clip):
    content = bytearray(written(kind="FLAC"))
    content[21] &= 0xF0  # the header's 36 bits for the number of samples
    content[22:26] = bytes(4)
    path = clip(bytes(content))
    np.testing.assert_allclose(decode.read(path, 16_000), TONE, atol=1e-4)
    assert decode.read_duration(path) == 0.5


def test_chunks_before_and_after_the_samples_are_skipped(clip):
    content = written(TONE[:7].astype(np.float32), subtype="PCM_U8")
    note = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    body = content[8:36] + note + content[36:] + note
    assert len(decode.read(clip(b"RIFF" + struct.pack("<I", len(body)) + body), 16_000)) == 7


def test_a_missing_file_is_rejected(tmp_path):
    assert reason(tmp_path / "no.wav") == f"no such file: {tmp_path / 'no.wav'}"
    assert reason(tmp_path / "no.wav", decode.digest) == f"no such file: {tmp_path / 'no.wav'}"
    assert reason(tmp_path / "no.wav", decode.read_duration) == f"no such file: {tmp_path / 'no.wav'}"


def test_a_folder_is_rejected(tmp_path):
    assert reason(tmp_path) == f"{tmp_path.name}: is a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission_is_rejected(clip):
    path = clip(written())
    path.chmod(0)
    assert reason(path) == "a.wav: cannot be opened: Permission denied"


def test_a_file_that_cannot_be_opened_is_rejected(clip, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = clip(written())
    monkeypatch.setattr("pathlib.Path.open", refuse)
    assert reason(path) == "a.wav: cannot be opened: Permission denied"


def test_an_empty_file_is_rejected(clip):
    assert reason(clip(b"")) == "a.wav: is empty (0 bytes)"


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "OGG"])
def test_a_file_without_samples_is_rejected(clip, kind):
    path = clip(written(TONE[:0], kind=kind))
    assert reason(path) == "a.wav: holds no samples"
    assert reason(path, decode.read_duration) == "a.wav: holds no samples"


def test_a_file_with_a_comment_but_no_samples_is_rejected(clip):
    content = written(TONE[:0]) + b"LIST" + struct.pack("<I", 4) + b"abcd"
    path = clip(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    assert reason(path) == "a.wav: holds no samples"


def test_nan_and_infinite_samples_are_rejected(clip):
    samples = np.concatenate([TONE, [np.nan, np.inf]])
    path = clip(written(samples, subtype="FLOAT"))
    assert reason(path) == "a.wav: 2 of 8002 samples are NaN or infinite"


def test_samples_beyond_single_precision_are_rejected(clip):
    assert reason(clip(written(np.array([0.0, 1e300]), subtype="DOUBLE"))) == (
        "a.wav: 1 of 2 samples are NaN or infinite"
    )


CONVERT = "convert it: ffmpeg -i OLD -vn NEW.wav"
AGAIN = "download the clip again"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x01\x02\x03", "libsndfile: Format not recognised"),
        (bytes(range(1, 200)), "libsndfile: Format not recognised"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
            "it is a git-lfs pointer, not the clip itself; git lfs pull",
        ),
        (b"PK\x03\x04\x14", "it is a zip archive; unpack it"),
        (b"\x1f\x8b\x08", "it is a gzip archive; unpack it"),
        (b"\x00\x05\x16\x07\0", "it is what macOS writes beside a file (._NAME), not the clip itself; remove it"),
        (bytes(600), "it is a file of zeros; copy or download it again: its content never arrived"),
        (
            b"<html>not found</html>" * 50,
            f"it is an HTML page; {AGAIN}: a page came in its place, often one to log in or to confirm",
        ),
        (
            "\ufeff\n <!DOCTYPE HTML>".encode(),
            f"it is an HTML page; {AGAIN}: a page came in its place, often one to log in or to confirm",
        ),
        (b'{"error": 404}\n', f"it is a text file that begins with '{{\"error\": 404}}'; {AGAIN}"),
        ("Schöne Grüße".encode() * 60, f"it is a text file that begins with {('Schöne Grüße' * 5)[:60]!r}; {AGAIN}"),
        ("naïve\nx".encode("utf-16"), f"it is a text file that begins with 'naïve'; {AGAIN}"),
    ],
)
def test_a_file_that_is_not_audio_is_described(clip, content, why):
    expected = f"a.wav: is not audio that libsndfile reads ({why})"
    assert reason(clip(content)) == expected
    assert reason(clip(content), decode.read_duration) == expected


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "an MPEG-4 file (mp4, m4a, mov)"),
        (b"\0\0\0\x1cftypM4A \0\0\2\0", "an MPEG-4 file (mp4, m4a, mov)"),
        (b"\x1a\x45\xdf\xa3\x01", "a Matroska or WebM file"),
        (b"RIFF\x10\0\0\0AVI LIST", "an AVI video"),
        (b"#!AMR\n\x3c", "an AMR file"),
        ((b"G" + bytes(187)) * 3, "an MPEG transport stream"),
        ((bytes(4) + b"G" + bytes(187)) * 3, "an MPEG transport stream"),
    ],
)
def test_a_video_is_described_where_pyav_is_missing(clip, content, what, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    extra = "pip install 'emofuse[video]' to read it"
    expected = f"a.wav: is not audio that libsndfile reads (it is {what}; {extra}, or {CONVERT})"
    assert reason(clip(content)) == expected
    assert reason(clip(content), decode.read_duration) == expected


@pytest.mark.parametrize(("kind", "missing", "there"), [("WAV", 8022, 8022), ("AIFF", 8027, 8027)])
def test_a_truncated_file_is_rejected(clip, kind, missing, there):
    content = written(kind=kind)
    path = clip(content[: len(content) // 2])
    expected = f"a.wav: truncated: its header promises {missing} bytes more than the {there} that are there"
    assert reason(path) == expected
    assert reason(path, decode.read_duration) == expected


def test_a_file_truncated_in_its_header_is_rejected(clip):
    assert reason(clip(written()[:20])) == (
        "a.wav: is not audio that libsndfile reads (libsndfile: Error in WAV/W64/RF64 file. Malformed 'fmt ' chunk)"
    )


def test_a_truncated_flac_file_is_rejected(clip):
    content = written(np.random.default_rng(0).normal(0, 0.1, 44_100), kind="FLAC")
    assert reason(clip(content[: len(content) // 2])) == "a.wav: is damaged (libsndfile: flac decoder lost sync)"


def test_a_truncated_mp3_file_is_rejected(clip):
    content = written(np.random.default_rng(0).normal(0, 0.1, 44_100), kind="MP3")
    text = reason(clip(content[: len(content) // 2]))
    assert text.startswith("a.wav: truncated: ")
    assert text.endswith(" of the 41796 samples that its header promises")


def test_a_clip_too_short_for_the_rate_is_rejected(clip):
    assert reason(clip(written(TONE[:1], 48_000))) == "a.wav: too short: 1 samples at 48000 Hz give none at 16000 Hz"


def test_digest_is_the_sha256_of_the_file(clip):
    content = written()
    assert decode.digest(clip(content)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("kind", ["RF64", "W64"])
def test_a_truncated_64_bit_container_is_rejected(clip, kind):
    content = written(kind=kind)
    assert len(decode.read(clip(content), 16_000)) == 8000
    path = clip(content[:-100])
    expected = f"a.wav: truncated: its header promises 100 bytes more than the {len(content) - 100} that are there"
    assert reason(path) == expected
    assert reason(path, decode.read_duration) == expected


@pytest.mark.parametrize("kind", ["RF64", "W64"])
def test_a_64_bit_container_without_a_length_is_not_truncated(kind):
    content = bytearray(written(kind=kind))
    at = 28 if kind == "RF64" else content.index(b"data\xf3") + 16
    content[at : at + 8] = bytes(8)
    assert containers.inspect_container(io.BytesIO(content[:-100])).truncation == ""


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("missing", [1, 3000])
def test_a_truncated_ogg_file_is_rejected(clip, subtype, missing):
    content = written(np.random.default_rng(0).normal(0, 0.1, 44_100), kind="OGG", subtype=subtype)
    assert len(decode.read(clip(content), 16_000)) == 44_100
    path = clip(content[:-missing])
    expected = "a.wav: truncated: no page ends its Ogg stream (if it is whole: ffmpeg -i OLD -c copy NEW)"
    assert reason(path) == expected
    assert reason(path, decode.read_duration) == expected


def test_an_invalid_path_is_rejected():
    assert reason("a\0.wav").endswith(": cannot be opened: embedded null byte")


@pytest.mark.parametrize("length", [b"\xff" * 8, b"\xff" * 5 + bytes(3), b"\xff" * 6 + bytes(2)])
def test_an_impossible_chunk_length_does_not_crash(clip, length):
    content = bytearray(written(kind="W64"))
    at = content.index(b"fmt ") + 16
    content[at : at + 8] = length
    with clip(content).open("rb") as file:
        assert containers.inspect_container(file).truncation == ""


SILENCES = {
    "zeros": (np.zeros(8000, np.int16), "silent: every sample is zero"),
    "one level": (np.full(8000, 8192, np.int16), "silent: the signal is constant at 0.25"),
    "a few steps of noise": (
        np.arange(8000, dtype=np.int16) % 3,
        "silent: nothing but a few of the smallest steps around 3.05e-05",
    ),
    "a level with noise": (
        8192 + np.arange(8000, dtype=np.int16) % 2,
        "silent: nothing but a few of the smallest steps around 0.25",
    ),
    "zeros on two channels": (np.zeros((8000, 2), np.int16), "silent: every sample is zero"),
    "opposite channels": (
        np.stack([TONE, -TONE], axis=1),
        "silent: its channels cancel each other out when they are mixed down to one",
    ),
}


@pytest.mark.parametrize("name", SILENCES)
@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_silent_clip_is_rejected(clip, name, kind):
    samples, expected = SILENCES[name]
    assert reason(clip(written(samples, kind=kind, subtype="PCM_16"))) == f"a.wav: {expected}"


@pytest.mark.parametrize("gain", [1.0, 1e-3, 1e-6])
def test_a_quiet_clip_is_not_silent(clip, gain):
    np.testing.assert_array_equal(decode.read(clip(written(TONE * gain, subtype="FLOAT")), 16_000), TONE * gain)


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
@pytest.mark.parametrize(("start", "end"), [(0.1, 0.3), (None, 0.2), (0.2, None), (0.0, 0.5), (0.4, 0.52)])
def test_a_segment_equals_that_part_of_the_whole_clip(clip, kind, subtype, start, end):
    path = clip(written(kind=kind, subtype=subtype))
    whole = decode.decode(path)
    first, last = round((start or 0) * 16_000), round((0.5 if end is None else end) * 16_000)
    np.testing.assert_array_equal(decode.decode(path, start, end).samples, whole.samples[first:last])


@pytest.mark.parametrize(("start", "end"), [(0.3, 0.2), (0.2, 0.2), (0.5, None), (0.1, 0.7), (-0.1, 0.3), (3.0, 4.0)])
def test_a_segment_outside_the_clip_is_rejected(clip, start, end):
    path = clip(written())
    last = 0.5 if end is None else end
    expected = f"a.wav: no segment from {start:g} s to {last:g} s: the clip is 0.500 s long"
    assert reason(path, lambda path: decode.decode(path, start, end)) == expected


def test_a_segment_of_a_truncated_stream_is_rejected(clip):
    content = written(np.tile(TONE, 20), kind="FLAC")
    assert "a.wav: " in reason(clip(content[: len(content) // 2]), lambda path: decode.decode(path, 9.0, 9.5))


def test_the_same_samples_have_one_digest_in_any_lossless_container(clip):
    samples = np.round(TONE * 32767).astype(np.int16)
    kinds = [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("CAF", "PCM_24"), ("W64", "PCM_32")]
    names = [clip(written(samples, kind=kind, subtype=subtype), f"a.{kind}") for kind, subtype in kinds]
    stereo = clip(written(np.stack([samples, samples], axis=1)), "stereo.wav")
    decoded = [decode.decode(path) for path in (*names, stereo)]
    assert {one.digest() for one in decoded} == {
        hashlib.sha256(b"16000 " + (samples / 32768).astype(np.float32).tobytes()).hexdigest()
    }
    others = [clip(written(samples, 8000), "rate.wav"), clip(written(samples[:-1]), "shorter.wav")]
    assert len({decode.decode(path).digest() for path in (*others, names[0])}) == 3
