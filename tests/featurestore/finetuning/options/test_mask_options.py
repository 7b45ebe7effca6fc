"""Override the masks of a checkpoint, and mask the spectra of Whisper within the clip."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers as hf
from hypothesis import given
from hypothesis import strategies as st

from featurestore.errors import BadValue
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.inputs.data import ClipPreparer
from featurestore.finetuning.network.spec_augment import draw_masks, draw_spectrum_masks, mask_spectra
from featurestore.finetuning.options.mask_options import MaskOptions, check_masks, override_masks
from featurestore.item import Item
from tests.featurestore.finetuning.clips import SETTINGS, make_arguments
from tests.featurestore.finetuning.texts import arguments, assert_same_weights
from tests.support import tiny

WHISPER = {
    "mask_time_prob": 0.3,
    "mask_time_length": 10,
    "mask_time_min_masks": 0,
    "mask_feature_prob": 0.2,
    "mask_feature_length": 4,
    "mask_feature_min_masks": 0,
}


def wave2vec(**changes):
    return tiny.config("wav2vec2-group", **changes)


def test_masks_that_are_not_given_stay_the_checkpoints_own():
    config = wave2vec(mask_time_prob=0.07, mask_feature_prob=0.01)
    before = config.to_dict()
    override_masks(config, MaskOptions(), "start")
    assert config.to_dict() == before
    override_masks(config, MaskOptions(time=0.4, time_length=5), "start")
    assert config.to_dict() == before | {"mask_time_prob": 0.4, "mask_time_length": 5}
    override_masks(config, MaskOptions(time=0.0, features=0.2, features_length=3), "start")
    changed = {"mask_time_prob": 0.0, "mask_time_length": 5, "mask_feature_prob": 0.2, "mask_feature_length": 3}
    assert config.to_dict() == before | changed


def test_switching_on_brings_no_masks_that_were_off():
    config = wave2vec(apply_spec_augment=False, mask_time_prob=0.07)
    override_masks(config, MaskOptions(features=0.0), "start")
    assert not config.apply_spec_augment
    override_masks(config, MaskOptions(features=0.1), "start")
    assert (config.apply_spec_augment, config.mask_time_prob, config.mask_feature_prob) == (True, 0.0, 0.1)


@pytest.mark.parametrize(
    ("masks", "modality", "message"),
    [
        (
            MaskOptions(time_length=4),
            "text",
            "only audio encoders have the masks of SpecAugment\n"
            "  expected: --mask-time-length 4 with --modality audio\n"
            "  got: --modality text\n"
            "  do: leave --mask-time-length out",
        ),
        (MaskOptions(time=1.5), "audio", "invalid --mask-time 1.5\n  expected: a share, 0 to 1"),
        (MaskOptions(features=-0.1), "audio", "invalid --mask-features -0.1\n  expected: a share, 0 to 1"),
        (MaskOptions(features_length=0), "audio", "invalid --mask-features-length 0\n  expected: 1 or more"),
    ],
)
def test_invalid_masks_are_refused(masks, modality, message):
    with pytest.raises(BadValue) as problem:
        check_masks(masks, modality)
    assert str(problem.value) == message


def test_a_length_without_masks_and_a_network_without_spec_augment_are_refused():
    with pytest.raises(BadValue) as problem:
        override_masks(wave2vec(mask_feature_prob=0.0), MaskOptions(features_length=3), "start")
    assert str(problem.value) == (
        "--mask-features-length 3 sets the length of masks that are off\n"
        "  expected: --mask-features above 0 beside it, which checkpoint start does not bring"
    )
    with pytest.raises(BadValue) as problem:
        override_masks(hf.ASTConfig(), MaskOptions(time=0.1), "start")
    assert str(problem.value) == (
        "checkpoint start has no SpecAugment: networks of audio-spectrogram-transformer mask nothing\n"
        "  got: --mask-time 0.1\n"
        "  do: leave it out; --augment varies clips for every audio network"
    )


def test_masks_of_a_text_encoder_are_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(BadValue, match="^only audio encoders have the masks of SpecAugment\n"):
        finetune(**arguments(tmp_path, settings=replace(SETTINGS, mask_time=0.1)))


def test_masks_of_a_checkpoint_without_them_are_learned_and_recorded(tmp_path):
    """Mask a third of the frames of a checkpoint that was trained without masks, so that it lacks their vector."""
    checkpoint = tiny.checkpoint("wav2vec2-group", tmp_path / "start")
    settings = replace(
        SETTINGS, epochs=1, mask_time=0.33, mask_time_length=3, mask_features=0.2, mask_features_length=2
    )
    result = finetune(**make_arguments(tmp_path, checkpoint, settings=settings))
    config = json.loads((result.folder / "config.json").read_text("utf-8"))
    assert (config["mask_time_prob"], config["mask_time_length"]) == (0.33, 3)
    assert (config["mask_feature_prob"], config["mask_feature_length"]) == (0.2, 2)
    assert result.record["settings"]["mask_time"] == 0.33
    other = finetune(
        **make_arguments(tmp_path, checkpoint, out=tmp_path / "other", settings=replace(SETTINGS, epochs=1))
    )
    assert "mask_time" not in other.record["settings"]
    with pytest.raises(AssertionError):
        assert_same_weights(result.folder, other.folder)


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    return tiny.checkpoint("whisper", tmp_path_factory.mktemp("whisper") / "start")


@pytest.fixture(scope="module")
def spectra(whisper, tmp_path_factory):
    """Prepare spectra of 0.4 and 1.7 s in windows of 30 s."""
    extractor = hf.AutoFeatureExtractor.from_pretrained(whisper)
    clips = ClipPreparer(extractor, hf.AutoConfig.from_pretrained(whisper))
    folder = tmp_path_factory.mktemp("clips")
    paths = [tiny.clip(folder / f"{seconds}.wav", seconds, 0) for seconds in (0.4, 1.7)]
    return clips.batch([clips.load(Item(path.stem, path, "")) for path in paths])["input_features"]


def test_masks_of_spectra_lie_within_the_clip(spectra, whisper):
    config = hf.AutoConfig.from_pretrained(whisper, **WHISPER)
    np.random.seed(0)
    masks = torch.stack([draw_spectrum_masks(spectra, config) for _ in range(20)])  # (N, B, M, T)
    frames = masks.all(2)  # (N, B, T): masked in every channel
    for row, seconds in enumerate((0.4, 1.7)):
        clip = round(100 * seconds)  # a spectrum has 100 frames a second
        assert frames[:, row].any(0)[:clip].float().mean() > 0.9
        assert not frames[:, row, clip + 2 :].any()  # the window of the last frame reaches into the padding
        share = frames[:, row, :clip].float().mean()
        assert 0.15 < share < 0.35
    channels = masks.all(3)  # (N, B, M)
    assert 0.1 < channels.float().mean() < 0.22
    assert channels.any(0).float().mean() > 0.8


def test_whisper_is_masked_in_training_alone_and_its_input_stays(spectra, whisper):
    model = hf.AutoModelForAudioClassification.from_pretrained(whisper, dtype=torch.float32)
    for name, value in WHISPER.items():
        setattr(model.config, name, value)
    seen = []
    model.encoder.conv1.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    mask_spectra(model)
    before = spectra.clone()
    for switch in (model.eval, model.train):
        with torch.no_grad():
            switch()(input_features=spectra)
    assert torch.equal(spectra, before)
    assert torch.equal(seen[0], before)
    changed = seen[1] != before
    assert changed.any()
    assert (seen[1][changed] == 0).all()


def test_whisper_learns_with_masks(whisper, tmp_path):
    settings = replace(SETTINGS, epochs=1, mask_time=0.3, mask_features=0.1, mask_features_length=60)
    lines = []
    result = finetune(**make_arguments(tmp_path, whisper, settings=settings, held_out=0, say=lines.append))
    assert any("mask_feature_length is set from 60 to 40" in line for line in lines)
    assert np.isfinite(result.record["history"][0]["loss"])
    config = json.loads((result.folder / "config.json").read_text("utf-8"))
    assert (config["apply_spec_augment"], config["mask_time_prob"]) == (True, 0.3)


@given(st.integers(0, 60), st.floats(0, 1), st.integers(1, 20), st.integers(0, 3))
def test_spans_cover_at_most_a_short_clips_half(count, share, length, least):
    config = hf.WhisperConfig(mask_time_prob=share, mask_time_length=length, mask_time_min_masks=least)
    mask = draw_masks([count], 60, config)[0]
    assert not mask[count:].any()
    if count < 2 * length:
        assert mask.sum() <= count // 2
    if share == 0 and least == 0:
        assert not mask.any()
