"""The benchmark of fine-tuning runs at a tiny size; its figures there mean nothing."""

import pytest
import transformers as hf

from benchmarks.speed import _gpu, finetune_gpu


def test_tiny_sizes_run_on_a_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(_gpu, "find_gpu", lambda: "")
    monkeypatch.setattr(finetune_gpu, "PRECISIONS", {"bf16": "bfloat16"})  # float32 takes the same way
    rows = finetune_gpu.measure(tmp_path, small=True)
    assert [(row.name, row.against.partition(" ")[0]) for row in rows if "TFLOP" not in row.against] == [
        (f"{network} bf16: an epoch", against)
        for network in ("wav2vec2-base", "deberta-v3-small")
        for against in ("Trainer", "the")
    ]
    assert all(row.value > 0 and row.reference > 0 for row in rows)
    assert len(rows) == 6


def test_without_a_gpu_there_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_gpu, "find_gpu", lambda: "")
    assert finetune_gpu.measure(tmp_path, small=False) == []
    assert capsys.readouterr().out == "finetune_gpu: skipped, because torch finds no GPU on this machine\n"


@pytest.mark.parametrize("write", [finetune_gpu.write_audio, finetune_gpu.write_text])
def test_operations_of_an_epoch_are_those_of_each_utterance(write, tmp_path):
    job = write(tmp_path, 3, small=True)
    each = sum(finetune_gpu.count_step(job, size) for size in job.sizes)
    assert finetune_gpu.count_operations(job) == pytest.approx(each, rel=0.02)


def test_a_step_counts_the_gradients_too(tmp_path):
    """A linear layer takes three products: its output, the gradient of its input, and that of its weights."""
    job = finetune_gpu.write_text(tmp_path, 3, small=True)
    config = hf.AutoConfig.from_pretrained(job.checkpoint)
    width, inner, length = config.hidden_size, config.intermediate_size, 256
    linear = 3 * 2 * length * (4 * width**2 + 2 * width * inner) * config.num_hidden_layers
    heads = 3 * 2 * 2 * length**2 * width * config.num_hidden_layers
    assert linear + heads < finetune_gpu.count_step(job, length) < 4 * (linear + heads)
