"""Fine-tune on clips shorter than a mask, leave out clips beyond memory or a limit, and report failures."""

import json
import resource
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers as hf
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import cli
from benchmarks.evaluation.run import fit
from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.inputs import training_limits
from featurestore.finetuning.inputs.data import ClipPreparer
from featurestore.finetuning.network.spec_augment import draw_masks, fit_masks
from featurestore.finetuning.options.settings import AS_PUBLISHED
from featurestore.finetuning.training import encoder_trainer as training
from featurestore.finetuning.training.training_reporter import TrainingReporter
from featurestore.manifest import Utterance
from featurestore.networks.memory import estimate_training_memory, measure_free_memory
from heads.svm import SVMHead
from tests.featurestore.finetuning.clips import write_corpus
from tests.support import tiny
from tests.support.quick_heads import as_inputs

SETTINGS = replace(AS_PUBLISHED, epochs=1, learning_rate=1e-3, batch_size=4, micro_batch=4)
_W2V_BERT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "feature_projection_input_dim": 160,
    "conv_depthwise_kernel_size": 3,
}
_SEW = {"squeeze_factor": 2, "conv_dim": (8, 8, 8)}
# Every architecture with SpecAugment along time that has a classifier: its configuration and what it adds to the usual.
MASKING = {
    "wav2vec2": ("Wav2Vec2Config", {}),
    "wav2vec2-conformer": ("Wav2Vec2ConformerConfig", {"conv_depthwise_kernel_size": 3}),
    "hubert": ("HubertConfig", {}),
    "wavlm": ("WavLMConfig", {}),
    "sew": ("SEWConfig", _SEW),
    "sew-d": ("SEWDConfig", {**_SEW, "position_buckets": 8, "max_position_embeddings": 32}),
    "unispeech": ("UniSpeechConfig", {"num_ctc_classes": 8}),
    "unispeech-sat": ("UniSpeechSatConfig", {}),
    "data2vec-audio": ("Data2VecAudioConfig", {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3}),
    "wav2vec2-bert": ("Wav2Vec2BertConfig", None),
}
# 320 samples a frame, as the published networks have: the mask of 10 frames is 0.2 s.
USUAL = {**tiny._WAVE, "conv_stride": (5, 8, 8), "num_conv_pos_embeddings": 8}


def network(architecture, folder, **changes):
    name, extra = MASKING[architecture]
    settings = _W2V_BERT if extra is None else USUAL | extra
    config = getattr(hf, name)(**settings | changes)
    hf.set_seed(0)
    hf.AutoModel.from_config(config).save_pretrained(folder)
    extractor = (
        hf.SeamlessM4TFeatureExtractor(feature_size=80, num_mel_bins=80, stride=2, padding_value=1)
        if extra is None
        else hf.Wav2Vec2FeatureExtractor()
    )
    extractor.save_pretrained(folder)
    return folder


def arguments(folder, checkpoint, seconds=(0.5,) * 6, **changes):
    utterances = changes.pop("utterances", None) or write_corpus(folder / "clips", seconds)
    ids = [utterance.id for utterance in utterances]
    return {
        "items": tiny.items(utterances, folder / "clips"),
        "classes": {utterance.id: utterance.label for utterance in utterances},
        "train_ids": ids,
        "held_out_ids": [],
        "modality": "audio",
        "checkpoint": str(checkpoint),
        "out": folder / "tuned",
        "settings": SETTINGS,
        "provenance": {"corpus": "made-up", "labels": "all", "protocol": "holdout", "fold": "0", "manifest": "0" * 64},
        "say": lambda line: None,
    } | changes


@pytest.mark.parametrize("architecture", MASKING)
def test_every_network_trains_on_clips_shorter_than_a_mask(architecture, tmp_path):
    """Train on clips of 7 frames (0.15 s), alone and beside a longer one, where a mask covers 10 frames."""
    checkpoint = network(architecture, tmp_path / "start", mask_time_prob=0.5, layerdrop=0.0)
    result = finetune(**arguments(tmp_path, checkpoint, (0.15,) * 5 + (1.0,)))
    assert np.isfinite(result.record["history"][0]["loss"])
    assert result.record["left_out"] == {}
    config = json.loads((result.folder / "config.json").read_text("utf-8"))
    assert (config["mask_time_length"], config["mask_time_prob"]) == (10, 0.5)


@pytest.mark.parametrize("architecture", MASKING)
def test_no_mask_covers_a_short_clip_and_long_batches_are_left_to_transformers(architecture, tmp_path, monkeypatch):
    checkpoint = network(architecture, tmp_path / "start", mask_time_prob=0.9, layerdrop=0.0)
    model = hf.AutoModelForAudioClassification.from_pretrained(checkpoint, dtype=torch.float32).train()
    fit_masks(model)
    drawn = []
    monkeypatch.setattr(
        "featurestore.finetuning.network.spec_augment.draw_masks",
        lambda *given: drawn.append(draw_masks(*given)) or drawn[-1],
    )
    clips = ClipPreparer(hf.AutoFeatureExtractor.from_pretrained(checkpoint), model.config)

    def forward(seconds):
        items = [clips.load(item) for item in tiny.items(write_corpus(tmp_path, seconds), tmp_path)]
        assert torch.isfinite(model(**clips.batch(items)).logits).all()

    forward((0.15, 0.15))
    forward((0.15, 1.0))
    alone, mixed = drawn
    assert 0 < alone.sum(1).max() <= 4
    assert mixed[0].sum() <= 4
    assert mixed[1].sum() >= 10
    forward((1.0, 1.1))
    model.eval()
    forward((0.15, 0.15))
    assert len(drawn) == 2


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
    st.floats(0.01, 1.0),
    st.integers(1, 20),
    st.integers(0, 3),
)
def test_a_span_stays_within_its_clip_and_masks_at_most_half_of_a_short_one(frames, share, length, least):
    config = SimpleNamespace(mask_time_prob=share, mask_time_length=length, mask_time_min_masks=least)
    masks = draw_masks(frames, max(frames) + 3, config)
    for mask, count in zip(masks, frames, strict=True):
        assert not mask[count:].any()
        if count < 2 * length:
            assert mask.sum() <= count // 2
        elif least:
            assert mask.sum() >= length


def test_a_clip_beyond_the_users_limit_is_left_out_and_reported(tmp_path):
    checkpoint = network("wav2vec2", tmp_path / "start")
    lines = []
    given = arguments(tmp_path, checkpoint, (0.5, 0.6, 0.5, 0.6, 0.5, 2.0), say=lines.append)
    result = finetune(**given | {"settings": replace(SETTINGS, max_seconds=1.5)})
    reason = "2.0 s long: --max-seconds allows 1.5"
    assert result.record["left_out"] == {"c5": reason}
    assert lines[0] == f"left out because too long (1 of 6):\n  c5: {reason}"
    assert result.record["settings"]["max_seconds"] == 1.5
    assert len(result.record["trained_on"]) == 5


def test_a_clip_too_long_for_memory_is_left_out_and_reported(tmp_path, monkeypatch):
    checkpoint = network("wavlm", tmp_path / "start")
    monkeypatch.setattr(training_limits, "measure_free_memory", lambda: 200_000_000)
    result = finetune(**arguments(tmp_path, checkpoint, (0.5, 0.6, 0.5, 0.6, 0.5, 30.0)))
    (found,) = result.record["left_out"].items()
    assert found[0] == "c5"
    assert found[1].startswith("30 s long: a training step with 4 clips of that length would take about ")
    assert found[1].endswith(" of memory, 0.2 GB are free; cut it, lower --micro-batch, or use a machine with more")


@pytest.mark.parametrize(("seconds", "classes"), [((0.5, 2.0) * 3, "'joy'"), ((2.0,) * 4, None)])
def test_the_clips_that_are_left_must_hold_two_classes(seconds, classes, tmp_path):
    checkpoint = network("wav2vec2", tmp_path / "start")
    given = arguments(tmp_path, checkpoint, seconds) | {"settings": replace(SETTINGS, max_seconds=1.0)}
    wanted = f"training needs at least two classes: all 3 training utterances are {classes}"
    for _ in range(2):  # started again: the same
        with pytest.raises(BadValue) as problem:
            finetune(**given)
        assert str(problem.value) == (
            f"{wanted}\n"
            "  expected: at least 2 classes in the training part\n"
            "  do: choose other --labels, another --protocol or --fold, or fix the labels in the manifest"
            if classes
            else "all 4 training utterances are left out\n"
            "  got: c0: 2.0 s long: --max-seconds allows 1\n"
            "  do: raise --max-seconds, or fix the utterances that are left out"
        )


def test_other_limits_restart_training_and_end_with_the_same_weights(tmp_path, monkeypatch):
    checkpoint = network("wav2vec2", tmp_path / "start")
    given = arguments(tmp_path, checkpoint, (0.5, 0.6, 0.5, 0.6, 0.5, 2.0))
    real = TrainingReporter.on_save

    def stop(*args, **rest):
        real(*args, **rest)
        raise RuntimeError("made up")

    two = replace(SETTINGS, epochs=2)
    monkeypatch.setattr(TrainingReporter, "on_save", stop)
    with pytest.raises(Unavailable, match=r"^the wav2vec2 network fails in training\n  got: .*made up"):
        finetune(**given | {"settings": two})
    monkeypatch.undo()
    monkeypatch.setattr(training_limits, "measure_free_memory", lambda: 7_000_000)
    lines = []
    result = finetune(**given | {"settings": two, "say": lines.append})
    assert list(result.record["left_out"]) == ["c5"]
    assert f"{tmp_path / 'tuned'}.parts: utterances changed; restarting" in lines
    again = finetune(**given | {"settings": two, "out": tmp_path / "again"})
    assert again.record["history"] == result.record["history"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError("made up"), "out of memory in training, with 1 utterance in memory at once\n  got: made up\n"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "out of memory in training, with 1 utterance in memory at once\n",
        ),
        (IndexError("index out of range"), "the wav2vec2 network fails in training\n  got: IndexError: index out"),
    ],
)
def test_a_failure_in_a_step_is_one_message_and_the_next_run_resumes(error, message, tmp_path, monkeypatch):
    checkpoint = network("wav2vec2", tmp_path / "start")
    given = arguments(tmp_path, checkpoint)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(training.EncoderTrainer, "compute_loss", fail)
    for _ in range(2):  # started again: the same
        with pytest.raises(Unavailable) as problem:
            finetune(**given)
        assert str(problem.value).startswith(message)
        assert "\n  do: " in str(problem.value)
    monkeypatch.undo()
    assert finetune(**given).fresh


def test_a_loss_that_is_not_finite_ends_in_a_message(tmp_path):
    checkpoint = network("wav2vec2", tmp_path / "start")
    given = arguments(tmp_path, checkpoint) | {"settings": replace(SETTINGS, learning_rate=1e30, clip=1e30, epochs=4)}
    with pytest.raises(
        Unavailable, match=r"^training diverged: the loss is (nan|inf) in step \d\n  do: lower --learning"
    ):
        finetune(**given)


def test_texts_longer_than_the_network_reads_are_left_out_and_named(tmp_path):
    checkpoint = tiny.checkpoint("bert", tmp_path / "start")
    texts = ("we saw", "you lost", "we lost", "you saw", "we " * 600)
    utterances = [Utterance(f"u{index}", "", text, ("joy", "anger")[index % 2]) for index, text in enumerate(texts)]
    lines = []
    given = arguments(tmp_path, checkpoint, utterances=utterances, modality="text", say=lines.append)
    reason = "text of 602 tokens: the encoder reads at most 512"
    assert finetune(**given).record["left_out"] == {"u4": reason}
    assert lines[0] == f"left out because too long for the network (1 of 5):\n  u4: {reason}"


def test_spectra_of_different_length_are_padded_and_each_clip_keeps_its_logits(tmp_path):
    checkpoint = network("wav2vec2-bert", tmp_path / "start")
    model = hf.AutoModelForAudioClassification.from_pretrained(checkpoint, dtype=torch.float32).eval()
    extractor = hf.AutoFeatureExtractor.from_pretrained(checkpoint)
    clips = ClipPreparer(extractor, model.config)
    items = [clips.load(item) for item in tiny.items(write_corpus(tmp_path, (0.51, 0.6, 0.93)), tmp_path)]
    batch = clips.batch(items)
    for row, item in enumerate(items):
        alone = clips.batch([item])
        true = int(alone["attention_mask"].sum())
        assert int(batch["attention_mask"][row].sum()) == true
        assert torch.equal(batch["input_features"][row, :true], alone["input_features"][0, :true])
    with torch.inference_mode():
        together = model(**batch).logits
        apart = torch.cat([model(**clips.batch([item])).logits for item in items])
    assert torch.allclose(together, apart, atol=1e-5)


BASE = {
    "conv_dim": [512] * 7,
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
}


@pytest.mark.parametrize(
    ("layers", "clips", "seconds", "front", "measured"),
    [
        (1, 1, 20, False, 655),
        (12, 1, 10, False, 1045),
        (12, 1, 20, False, 2935),
        (8, 1, 20, False, 1955),
        (4, 1, 30, False, 1894),
        (3, 4, 10, False, 1311),
        (12, 4, 5, False, 1501),
        (1, 1, 20, True, 1473),
    ],
)
def test_the_estimate_covers_the_measured_memory_of_training(layers, clips, seconds, front, measured):
    """Measured: resident MB without weights and gradients, the largest of wav2vec2, wavlm, hubert, data2vec base."""
    config = BASE | {"num_hidden_layers": layers}
    estimate = estimate_training_memory(config, seconds * 16_000, 16_000, clips=clips, front=front) / 1e6
    assert measured < estimate < 1.8 * measured


def test_free_memory_is_within_the_limit_on_address_space(monkeypatch):
    import psutil

    used = psutil.Process().memory_info().vms
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (used + 1_000_000_000, -1))
    assert measure_free_memory() == pytest.approx(800_000_000, rel=0.2)
    assert measure_free_memory(2) == pytest.approx(measure_free_memory(), rel=0.2)  # it holds for each process
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1000, -1))
    assert measure_free_memory() == 0


@pytest.mark.parametrize("modality", ["text", "audio"])
def test_one_class_is_refused_before_anything_is_loaded(modality, tmp_path, monkeypatch):
    rows = [replace(row, label="joy") for row in write_corpus(tmp_path / "clips", (0.5,) * 4)]
    tiny.store(tmp_path / "store", rows, tmp_path / "clips")
    options = ["--modality", modality, "--checkpoint", str(tmp_path / "nowhere"), "--out", str(tmp_path / "tuned")]
    done = CliRunner().invoke(cli.main, ["finetune", "--store", str(tmp_path / "store"), *options])
    assert done.exit_code == 1
    assert done.output.partition("\n")[2] == (  # below the line that says what is trained
        "Error: training needs at least two classes: all 3 training utterances are 'joy'\n"
        "  expected: at least 2 classes in the training part\n"
        "  do: choose other --labels, another --protocol or --fold, or fix the labels in the manifest\n"
    )


def test_a_head_refuses_one_class_with_advice_that_helps():
    with pytest.raises(BadValue) as problem:
        fit("svm", SVMHead(), as_inputs(np.ones((4, 2), np.float32)), ["joy"] * 4)
    assert str(problem.value) == (
        "head svm: SVMHead needs at least 2 classes, got 1 class: 'joy'\n"
        "  do: choose other --labels, another --protocol or --fold"
    )


def test_the_limits_are_options_of_the_command(tmp_path):
    checkpoint = network("wav2vec2", tmp_path / "start")
    tiny.store(tmp_path / "store", write_corpus(tmp_path / "clips", (0.5,) * 9 + (2.0,)), tmp_path / "clips")
    options = ["--modality", "audio", "--checkpoint", str(checkpoint), "--out", str(tmp_path / "tuned")]
    limits = ["--max-seconds", "1", "--micro-batch", "2", "--batch-size", "4", "--epochs", "1", "--json"]
    done = CliRunner().invoke(cli.main, ["finetune", "--store", str(tmp_path / "store"), *options, *limits])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "tuned" / "finetune.json").read_text("utf-8"))
    assert record["left_out"] == {"c9": "2.0 s long: --max-seconds allows 1"}
    assert record["settings"]["micro_batch"] == 2
