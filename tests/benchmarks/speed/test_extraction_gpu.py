"""The measurement of extraction on a GPU runs at a tiny size on a CPU, and is skipped with a line without a GPU."""

import time

import numpy as np
import pytest
import soundfile
import torch

from benchmarks.speed import _gpu, audio_encoder, extraction_gpu
from tests.support import tiny


def test_every_shape_is_measured_against_the_loop_and_the_arithmetic(tmp_path, monkeypatch):
    monkeypatch.setattr(_gpu, "find_gpu", lambda: "")
    rows = extraction_gpu.measure(tmp_path, small=True)
    names = ["wav2vec2-base", "wav2vec2-large", "wavlm-large", "whisper-large-v3", "deberta-v3-large"]
    rows = [row for row in rows if row.unit != "%"]
    assert [row.name for row in rows] == [name for name in names for _ in range(2)]
    assert all(row.value > 0 and row.reference > 0 for row in rows)
    assert {row.unit for row in rows} == {"s of audio a second", "texts a second"}
    assert "matrix product" in rows[1].against


def test_without_a_gpu_there_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_gpu, "find_gpu", lambda: "")
    assert extraction_gpu.measure(tmp_path, small=False) == []
    assert capsys.readouterr().out == "extraction_gpu: skipped, because torch finds no GPU on this machine\n"


def test_three_lengths_tell_the_operations_of_all(tmp_path):
    loop = audio_encoder.AudioLoop(tiny.checkpoint("wav2vec2-group", tmp_path / "audio"))
    seconds = [0.7, 3.3, 12.0]
    counted = audio_encoder.operations(loop.model, seconds)
    assert extraction_gpu.count_operations(loop.model, seconds) == pytest.approx(counted, rel=0.01)


def test_the_loop_gives_whispers_mean_over_its_window(tmp_path):
    from transformers import WhisperFeatureExtractor, WhisperModel

    folder = extraction_gpu.write_network(tmp_path / "whisper", extraction_gpu.SHAPES[3], tiny=True)
    clip = tiny.clip(tmp_path / "clip.wav", 0.5, 0)
    wave = soundfile.read(clip, dtype="float32")[0]
    features = WhisperFeatureExtractor.from_pretrained(folder)(wave, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        encoder = WhisperModel.from_pretrained(folder).eval().get_encoder()
        expected = encoder(features.input_features).last_hidden_state.mean(1)
    found = audio_encoder.AudioLoop(folder).run([str(clip)])
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_the_rate_of_a_product_is_measured():
    assert _gpu.multiply_rate("cpu", side=64, repeats=2) > 1e6


def test_utilization_is_what_nvidia_smi_prints(tmp_path, monkeypatch):
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\necho 90\necho '[N/A]'\necho 100\nexec sleep 60\n")
    command.chmod(0o755)
    monkeypatch.setattr(_gpu.shutil, "which", lambda name: str(command))
    with _gpu.sample_utilization() as samples:
        time.sleep(0.5)
    assert _gpu.summarize_utilization(samples) == 95.0
    monkeypatch.setattr(_gpu.shutil, "which", lambda name: None)
    with _gpu.sample_utilization() as samples:
        pass
    assert _gpu.summarize_utilization(samples) is None
