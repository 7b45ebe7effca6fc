"""Whisper's classifier averages a clip's own frames where it was trained so; padding changes no classifier's logits."""

import json

import numpy as np
import pytest
import torch
import transformers as hf

from featurestore import encoders
from featurestore.audio import decode
from featurestore.finetuning.inputs.data import ClipPreparer
from featurestore.item import Item
from featurestore.networks.classifier_pooling import pool_true_frames
from featurestore.networks.padding import isolate_front
from featurestore.networks.reading import describe_reading
from featurestore.networks.supported_architectures import AUDIO
from featurestore.spec import EncoderSpec
from tests.support import architectures, tiny

CLASSES = {0: "angry", 1: "sad", 2: "neutral"}
SPANS = [(0, 30), (10, 100)]
ALL = "all frames of the window, silence included, as it was trained"

# AST's extractor warns of its own published settings.
pytestmark = pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")

# Classifiers in training, whose batches are padded. Convolutions over time and adapters of the others read the border
# of their clip, where silence and the end of a batch are not the same: they are encoded one by one.
EXACT = (
    "hubert",
    "unispeech",
    "unispeech-sat",
    "wav2vec2",
    "wavlm",
    "audio-spectrogram-transformer",
    "whisper",
    "wav2vec2-bert",
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return tiny.clip(tmp_path_factory.mktemp("clips") / "clip.wav", 0.6, 3)


def classifier(weighted=False):
    hf.set_seed(0)
    config = tiny.config("whisper", max_source_positions=100, use_weighted_layer_sum=weighted, num_labels=3)
    return hf.WhisperForAudioClassification(config).eval()


def answer_plainly(model, spectra, spans):
    """Average the projected frames of each span by a loop, then classify."""
    states = torch.stack(model.encoder(spectra, output_hidden_states=True).hidden_states)
    weighted = model.config.use_weighted_layer_sum
    shares = model.layer_weights.softmax(-1) if weighted else torch.eye(len(states))[-1]
    frames = model.projector(torch.einsum("l,lbtd->btd", shares, states))
    means = [row[start:stop].sum(0) / (stop - start) for row, (start, stop) in zip(frames, spans, strict=True)]
    return model.classifier(torch.stack(means))


@pytest.mark.parametrize("weighted", [False, True])
def test_logits_are_those_of_the_mean_over_a_clips_own_frames(weighted):
    model, spectra = classifier(weighted), torch.randn(2, 80, 200, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, before = answer_plainly(model, spectra, SPANS), model(spectra).logits
        pool_true_frames(model)
        found = model(spectra, true_frames=torch.tensor(SPANS)).logits
        by_forward = model.forward(spectra, true_frames=torch.tensor(SPANS)).logits
        after = model(spectra).logits
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(found, by_forward)
    assert torch.equal(before, after)
    assert (found - before).abs().max() > 1e-4


def test_half_precision_does_not_round_the_weights_of_frames():
    model, spans = classifier(), torch.tensor([(0, 7), (3, 100)])
    pool_true_frames(model)
    model.projector.weight.data.zero_()
    model.projector.bias.data.fill_(1.0)
    kept = []
    model.classifier.register_forward_pre_hook(lambda module, args: kept.append(args[0]))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        model(torch.zeros(2, 80, 200), true_frames=spans)
    torch.testing.assert_close(kept[0], torch.ones(2, 8), rtol=1e-6, atol=1e-6)


def test_a_batch_that_failed_leaves_no_spans_to_the_next():
    model, spectra = classifier(), torch.randn(2, 80, 200, generator=torch.Generator().manual_seed(0))
    pool_true_frames(model)
    before = model(spectra).logits
    with pytest.raises(ValueError, match="Whisper expects the mel input features"):
        model(spectra[..., :100], true_frames=torch.tensor(SPANS))
    assert torch.equal(before, model(spectra).logits)


def test_no_gradient_reaches_the_silence():
    model = classifier()
    pool_true_frames(model)
    kept = []
    model.projector.register_forward_pre_hook(lambda module, args: args[0].retain_grad() or kept.append(args[0]))
    spectra = torch.randn(2, 80, 200, generator=torch.Generator().manual_seed(0), requires_grad=True)
    model(spectra, true_frames=torch.tensor(SPANS)).logits.square().sum().backward()
    reached = kept[0].grad.abs().sum(-1) > 0
    assert [(row.nonzero().min().item(), row.nonzero().max().item() + 1) for row in reached] == SPANS


@pytest.mark.parametrize("recorded", ["true frames", None])
@pytest.mark.parametrize("window", ["30s", "clip"])
def test_extraction_pools_as_the_record_says(recorded, window, clip, tmp_path):
    folder = tiny.checkpoint("whisper", tmp_path, ("a", "b"))
    plain = encoders.identify(EncoderSpec("", str(folder), window=window))
    record = {"settings": {"window": window}} | ({"classifier_pooling": recorded} if recorded else {})
    (folder / "finetune.json").write_text(json.dumps(record), "utf-8")
    identity = encoders.identify(EncoderSpec("", str(folder), window=window))
    encoder = encoders.load(identity, "cpu")
    (found,) = encoder.encode([encoder.load(Item("u", clip, ""))], frozenset(identity.kinds))
    model = encoder.model
    frames = found["mean"][None] if recorded else plain_frames(folder, clip, {"clip": 2.0, "30s": 30.0}[window])
    with torch.inference_mode():
        expected = model.classifier(model.projector(torch.as_tensor(frames)).mean(0)).numpy()
    np.testing.assert_allclose(found["logits"], expected, atol=1e-6)
    assert (identity.fingerprint() == plain.fingerprint()) == (recorded is None)
    assert identity.description["classifier_pooling"] == (recorded or ALL)
    lines = [f"its logits average {ALL}; its mean and std do not"]
    assert describe_reading(EncoderSpec("", "", window=window), identity.description) == ([] if recorded else lines)


def plain_frames(folder, clip, seconds):
    """Encode a clip and silence up to a length, by a fresh network with as many positions."""
    model = hf.WhisperForAudioClassification.from_pretrained(folder).eval()
    extractor, length = hf.AutoFeatureExtractor.from_pretrained(folder), int(seconds * 16_000)
    inputs = extractor(decode.read(clip, 16_000), sampling_rate=16_000, max_length=length, return_tensors="pt")
    model.config.max_source_positions = int(seconds * 50)
    model.encoder.embed_positions.num_embeddings = int(seconds * 50)
    with torch.inference_mode():
        return model.encoder(**inputs).last_hidden_state[0]


def test_a_classifier_of_an_older_version_keeps_its_key(tmp_path):
    identity = encoders.identify(EncoderSpec("", str(tiny.checkpoint("whisper", tmp_path, ("a", "b")))))
    older = {name: value for name, value in identity.description.items() if name != "classifier_pooling"}
    assert type(identity)("audio", "audio", older, ()).fingerprint() == identity.fingerprint()


@pytest.mark.parametrize("name", EXACT)
def test_padding_a_batch_in_training_changes_no_logits(name, tmp_path):
    model = architectures.network(name, hf.AutoModelForAudioClassification, id2label=CLASSES).eval()
    isolate_front(model)
    if name == "whisper":
        pool_true_frames(model)
    preparer = ClipPreparer(architectures.extractor(name), model.config)
    clips = [tiny.clip(tmp_path / f"{number}.wav", length, number) for number, length in enumerate((0.5, 1.0, 0.31))]
    loaded = [preparer.load(Item("u", clip, "")) for clip in clips]
    with torch.inference_mode():
        together = model(**preparer.batch(loaded)).logits
        alone = torch.cat([model(**preparer.batch([one])).logits for one in loaded])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=2e-4)


def test_every_classifier_of_clips_is_exact_or_encoded_one_by_one():
    mapping = hf.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING
    classifiers = {name for name in AUDIO if name in hf.CONFIG_MAPPING and hf.CONFIG_MAPPING[name] in mapping}
    assert {name for name in classifiers if AUDIO[name].batchable} <= set(EXACT)
