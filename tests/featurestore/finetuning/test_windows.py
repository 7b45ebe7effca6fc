"""Fine-tune Whisper on windows of the clip's own length, on the clip's own frames, and leave out clips beyond them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers as hf
from click.testing import CliRunner

import cli
from featurestore import encoders
from featurestore.audio import decode
from featurestore.errors import BadValue
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.options.settings import Settings
from featurestore.manifest import Utterance
from featurestore.networks.windows import compute_window
from featurestore.spec import EncoderSpec
from tests.featurestore.networks.plain_whisper import encode_plainly
from tests.support import tiny

SETTINGS = Settings(epochs=1, learning_rate=1e-3, batch_size=4, micro_batch=4, dev=0.0, select="last")
SECONDS = (0.4, 0.6, 0.9, 1.2, 0.5, 0.7)
TOO_LONG = "5.0 s long: Whisper's encoder takes at most 4 s; cli extract --long-clips window encodes it in windows"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Write a Whisper encoder whose window is 4 s."""
    folder = tmp_path_factory.mktemp("whisper")
    hf.set_seed(0)
    hf.WhisperModel(tiny.config("whisper", max_source_positions=200)).save_pretrained(folder)
    hf.WhisperFeatureExtractor(chunk_length=4).save_pretrained(folder)
    return folder


def rows(root, seconds=SECONDS):
    for number, length in enumerate(seconds):
        tiny.clip(root / f"c{number}.wav", length, number)
    return [
        Utterance(f"c{number}", f"c{number}.wav", "", ("joy", "anger")[number % 2], f"S{number}", duration=length)
        for number, length in enumerate(seconds)
    ]


def run(folder, checkpoint, seconds=SECONDS, held_out=2, **changes):
    utterances = rows(folder / "clips", seconds)
    ids = [utterance.id for utterance in utterances]
    lines = []
    result = finetune(
        items=tiny.items(utterances, folder / "clips"),
        classes={utterance.id: utterance.label for utterance in utterances},
        train_ids=ids[held_out:],
        held_out_ids=ids[:held_out],
        modality="audio",
        checkpoint=str(checkpoint),
        out=folder / "tuned",
        settings=replace(SETTINGS, **changes),
        provenance={"corpus": "made-up", "labels": "all", "protocol": "holdout", "fold": "0", "manifest": "0" * 64},
        say=lines.append,
    )
    return result, lines


@pytest.mark.parametrize("window", ["30s", "clip"])
def test_what_was_fine_tuned_is_encoded_in_the_same_way(window, checkpoint, tmp_path):
    result, _ = run(tmp_path, checkpoint, window=window)
    assert result.record["classifier_pooling"] == "true frames"
    assert result.record["settings"].get("window", "30s") == window
    identity = encoders.identify(EncoderSpec("", str(result.folder)))
    assert identity.description.get("window", "30s") == window
    assert identity.description["classifier_pooling"] == "true frames"
    encoder = encoders.load(identity, "cpu")
    (item,) = tiny.items(rows(tmp_path / "clips")[3:4], tmp_path / "clips")
    (found,) = encoder.encode([encoder.load(item)], frozenset(identity.kinds))
    model = hf.WhisperForAudioClassification.from_pretrained(result.folder).double().eval()
    extractor, samples = hf.AutoFeatureExtractor.from_pretrained(result.folder), decode.read(item.audio, 16_000)
    length = compute_window(len(samples), 16_000, 64_000) if window == "clip" else 64_000
    inputs = extractor(samples, sampling_rate=16_000, max_length=length, return_tensors="np")
    mean = encode_plainly(model.encoder, inputs["input_features"][0])[-1][: len(samples) // 320].mean(0)
    with torch.inference_mode():
        logits = model.classifier(model.projector(torch.from_numpy(mean))).numpy()
    np.testing.assert_allclose(found["mean"], mean, atol=1e-5)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-5)


def test_a_batch_is_as_long_as_its_longest_window(checkpoint, tmp_path, monkeypatch):
    lengths, original = [], hf.WhisperForAudioClassification.forward

    def forward(self, input_features, **given):
        lengths.append(input_features.shape[-1])
        return original(self, input_features, **given)

    monkeypatch.setattr(hf.WhisperForAudioClassification, "forward", forward)
    run(tmp_path, checkpoint, window="clip")
    assert sorted(lengths) == [150, 200, 250]  # 1.5 and 2 s are held out and scored alone, 2.5 s to train on


def test_a_clip_beyond_the_window_is_left_out_and_named_whatever_their_share(checkpoint, tmp_path):
    result, lines = run(tmp_path, checkpoint, (*SECONDS, 5.0, 5.0))
    assert result.record["left_out"] == {"c6": TOO_LONG, "c7": TOO_LONG}
    assert lines[0] == f"left out because too long for the network (2 of 8):\n  c6: {TOO_LONG}\n  c7: {TOO_LONG}"
    assert result.record["trained_on"] == ["c2", "c3", "c4", "c5"]


def test_clips_that_are_all_beyond_the_window_are_no_training_part(checkpoint, tmp_path):
    with pytest.raises(BadValue) as problem:
        run(tmp_path, checkpoint, (5.0,) * 3, held_out=0)
    assert str(problem.value) == (
        "all 3 training utterances are left out\n"
        f"  got: c0: {TOO_LONG}\n"
        "  do: start from a network that reads inputs of this length, or cut them"
    )


def test_a_window_for_another_network_is_refused_before_it_is_loaded(tmp_path):
    with pytest.raises(BadValue, match="has no choice of windows\n"):
        run(tmp_path, tiny.checkpoint("wav2vec2-group", tmp_path / "start"), window="clip")


def test_a_record_without_a_pooling_is_up_to_date_and_keeps_all_frames(checkpoint, tmp_path):
    result, _ = run(tmp_path, checkpoint)
    older = {name: value for name, value in result.record.items() if name != "classifier_pooling"}
    (result.folder / "finetune.json").write_text(json.dumps(older), "utf-8")
    again, lines = run(tmp_path, checkpoint)
    assert not again.fresh
    assert lines == [f"{result.folder}: up to date"]
    description = encoders.identify(EncoderSpec("", str(result.folder))).description
    assert description["classifier_pooling"].startswith("all frames of the window")


def test_the_command_passes_the_window_on(checkpoint, tmp_path):
    utterances = rows(tmp_path / "clips")
    store = tiny.store(tmp_path / "store", utterances, tmp_path / "clips")
    given = ["--store", str(store.path), "--modality", "audio", "--checkpoint", str(checkpoint), "--epochs", "1"]
    result = CliRunner().invoke(cli.main, ["finetune", *given, "--window", "clip", "--out", str(tmp_path / "tuned")])
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "tuned" / "finetune.json").read_text("utf-8"))
    assert record["settings"]["window"] == "clip"
