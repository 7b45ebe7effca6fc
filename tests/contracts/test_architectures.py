"""Every architecture of transformers is encoded exactly, or refused by name before anything is encoded."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from transformers.models.auto import modeling_auto

from featurestore import encoders
from featurestore.audio import decode
from featurestore.errors import BadValue, Unavailable
from featurestore.item import Item
from featurestore.networks.architectures_page import write_page
from featurestore.networks.supported_architectures import AUDIO, PAGE, REASONS, TEXT
from featurestore.networks.transcripts import TokenReader
from featurestore.spec import EncoderSpec
from tests.support import architectures, tiny

CLASSES = {0: "angry", 1: "sad", 2: "neutral"}
TEXTS = ("you lost my dog", "we", "the money the money again today never told my sister", "a letter")
SECONDS = (0.5, 0.11, 0.73)
UNMAPPED = {"clap_audio_model": "ClapAudioModel", "speecht5": "SpeechT5ForSpeechToText"}
GLOBAL = ("longformer", True)
KNOWN = set(hf.CONFIG_MAPPING.keys())

pytestmark = [
    pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values"),
    pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask"),
]


def classifiers(modality):
    mapping = {"audio": "AUDIO", "text": "SEQUENCE"}[modality]
    return set(getattr(modeling_auto, f"MODEL_FOR_{mapping}_CLASSIFICATION_MAPPING_NAMES"))


def cases(modality, table):
    """List each architecture as a classifier where it has one, and bare where it has none or where that differs."""
    found = []
    for name, family in table.items():
        with_classes = name in classifiers(modality)
        found += [(name, True)] if with_classes else []
        found += [(name, False)] if family.encoder or not with_classes else []
    return [case for case in found if case[0] in KNOWN]


def close(got, expected, kind):
    scale = max(1.0, float(np.abs(expected).mean()))
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-4 * scale, err_msg=kind)


def load(folder):
    identity = encoders.identify(EncoderSpec("", folder))
    return identity, encoders.load(identity, "cpu")


def check_batches(identity, encoder, items):
    """Compare every kind of vector alone and in a batch of all. Return the vectors of each alone."""
    kinds = frozenset(identity.kinds)
    loaded = [encoder.load(item) for item in items]
    alone = [encoders.encode(encoder, [one], kinds)[0] for one in loaded]
    encoder.budget = 10**9 if encoder.maskable else 0
    order = list(reversed(range(len(items))))
    together = encoders.encode(encoder, [loaded[index] for index in order], kinds)
    for index, row in zip(order, together, strict=True):
        assert set(row) == kinds
        for kind, value in alone[index].items():
            close(row[kind], value, kind)
    return alone


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return {
        rate: [tiny.clip(folder / f"{rate}-{seed}.wav", length, seed, rate) for seed, length in enumerate(SECONDS)]
        for rate in (16_000, 48_000)
    }


@pytest.mark.parametrize(("name", "with_classes"), cases("text", TEXT), ids=str)
def test_a_text_architecture_is_encoded_exactly(name, with_classes, tmp_path):
    auto = hf.AutoModelForSequenceClassification if with_classes else hf.AutoModel
    model = architectures.network(name, auto, **({"id2label": CLASSES} if with_classes else {}))
    tokenizer = architectures.tokenizer()
    identity, encoder = load(architectures.save(model, tokenizer, tmp_path))
    alone = check_batches(identity, encoder, [Item(text, None, text) for text in TEXTS])
    inputs = hf.AutoTokenizer.from_pretrained(tmp_path)(TEXTS[2], return_tensors="pt")
    inputs.pop("token_type_ids", None) if name != "xlnet" else None
    base = model.base_model.get_encoder() if TEXT[name].encoder else model.base_model
    # its classifier lets the first token see the whole text
    whole = {"global_attention_mask": (inputs["input_ids"] == 2).long()} if (name, with_classes) == GLOBAL else {}
    with torch.inference_mode():
        plain = base(**inputs, **whole, output_hidden_states=True)
        logits = model(**inputs).logits[0].numpy() if with_classes else None
    frames = plain.last_hidden_state[0].numpy()
    close(alone[2]["frames"], frames, "frames")
    close(alone[2]["mean"], frames.mean(0), "mean")
    close(alone[2]["std"], frames.std(0), "std")
    if logits is not None:
        close(alone[2]["logits"], logits, "logits")
    if TEXT[name].layers:
        close(alone[2]["layers"], [state[0].numpy().mean(0) for state in plain.hidden_states], "layers")
    assert ("cls" in alone[2]) != TEXT[name].causal


@pytest.mark.parametrize(("name", "with_classes"), cases("audio", AUDIO), ids=str)
def test_an_audio_architecture_is_encoded_exactly(name, with_classes, tmp_path, clips):
    auto = hf.AutoModelForAudioClassification if with_classes else hf.AutoModel
    auto = Direct(UNMAPPED[name]) if name in UNMAPPED else auto
    model = architectures.network(name, auto, **({"id2label": CLASSES} if with_classes else {}))
    extractor = architectures.extractor(name)
    identity, encoder = load(architectures.save(model, extractor, tmp_path))
    rate = extractor.sampling_rate
    paths = clips[rate]
    alone = check_batches(identity, encoder, [Item(path.stem, path, "") for path in paths])
    inputs = extractor(decode.read(paths[2], rate), sampling_rate=rate, return_tensors="pt")
    base = model.get_encoder() if AUDIO[name].encoder else getattr(model, "audio_model", model.base_model)
    with torch.inference_mode():
        plain = base(**inputs).last_hidden_state[0].numpy()
        logits = model(**inputs).logits[0].numpy() if with_classes else None
    close(alone[2]["mean"], count_true_frames(name, plain, SECONDS[2]).mean(0), "mean")
    if logits is not None:
        close(alone[2]["logits"], logits, "logits")


class Direct:
    """Replacement of an auto class where transformers maps an architecture to none, or to one without the encoder."""

    def __init__(self, name):
        self.name = name

    def from_config(self, config, **_):
        return getattr(hf, self.name)(config)


def count_true_frames(name, plain, seconds):
    """Cut a network's output to the frames of the clip itself, by plain arithmetic."""
    samples = int(seconds * 16_000)
    if name == "whisper":
        return plain[: -(-samples // 320)]
    if name == "wav2vec2-bert":
        return plain[: ((samples - 400) // 160 + 1) // 2]
    if name in ("sew", "sew-d"):
        return plain[: len(plain) // 2 * 2]
    if name == "audio-spectrogram-transformer":
        patches = plain[2:].reshape(12, -1, plain.shape[-1])  # frequency, time
        return patches.mean(0)[: ((samples - 400) // 160 + 1 - 16) // 10 + 1]
    return plain.mean(1).T if name.startswith("clap") else plain


@pytest.mark.parametrize("name", [name for name in TEXT if name in KNOWN])
def test_the_first_token_ignores_the_text_in_causal_networks_only(name):
    base = architectures.network(name, hf.AutoModel)
    base = base.get_encoder() if TEXT[name].encoder else base
    tokens = torch.arange(5, 9)[None]
    changed = tokens.clone()
    changed[0, -1] = 20
    with torch.inference_mode():
        first, other = (base(input_ids=one).last_hidden_state[0, 0] for one in (tokens, changed))
    assert bool((first - other).abs().max() < 1e-6) == TEXT[name].causal


@pytest.mark.parametrize("name", [name for name, family in TEXT.items() if not family.causal and name in KNOWN])
def test_the_longest_accepted_text_is_encoded(name, tmp_path):
    model = architectures.network(name, hf.AutoModel)
    _, encoder = load(architectures.save(model, architectures.tokenizer(), tmp_path))
    words = min(encoder.texts.longest, 80) - 2
    item = Item("u", None, " ".join(["dog"] * words))
    first, short, again = (
        encoders.encode(encoder, [encoder.load(one)], frozenset(["mean"]))[0]["mean"]
        for one in (item, Item("v", None, "dog"), item)
    )
    np.testing.assert_array_equal(first, again, err_msg="a text before it changed it")
    assert not np.array_equal(first, short)


@pytest.mark.parametrize("with_classes", [False, True])
@pytest.mark.parametrize("name", ["bloom", "gpt2", "gpt_neox", "llama", "opt"])
def test_a_network_without_a_padding_token_is_encoded_exactly(name, with_classes, tmp_path):
    auto = hf.AutoModelForSequenceClassification if with_classes else hf.AutoModel
    changes = {"pad_token_id": None, **({"id2label": CLASSES} if with_classes else {})}
    model = architectures.network(name, auto, **changes)
    identity, encoder = load(architectures.save(model, architectures.tokenizer(padded=False), tmp_path))
    assert encoder.texts.tokenizer.pad_token_id is None
    alone = check_batches(identity, encoder, [Item(text, None, text) for text in TEXTS])
    inputs = hf.AutoTokenizer.from_pretrained(tmp_path)(TEXTS[1], return_tensors="pt")
    with torch.inference_mode():
        close(alone[1]["frames"], model.base_model(**inputs).last_hidden_state[0].numpy(), "frames")
        if with_classes:
            close(alone[1]["logits"], model(**inputs).logits[0].numpy(), "logits")


def test_a_padding_token_without_an_embedding_is_not_used(tmp_path):
    """As add_special_tokens without resize_token_embeddings leaves it."""
    tokenizer = architectures.tokenizer(padded=False)
    tokenizer.add_special_tokens({"pad_token": "[NEW]"})
    model = architectures.network("gpt2", hf.AutoModel, vocab_size=len(tokenizer) - 1, pad_token_id=None)
    identity, encoder = load(architectures.save(model, tokenizer, tmp_path))
    check_batches(identity, encoder, [Item(text, None, text) for text in TEXTS])


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "roberta", "xlnet"])
def test_a_padded_batch_for_fine_tuning_gives_each_text_its_own_logits(name):
    model = architectures.network(name, hf.AutoModelForSequenceClassification, id2label=CLASSES)
    texts = TokenReader(architectures.tokenizer(), model.config)
    read = [texts.read(text).tokens for text in TEXTS]
    with torch.inference_mode():
        tokens, mask = map(torch.from_numpy, texts.batch(read))
        together = model(input_ids=tokens, attention_mask=mask).logits.numpy()
        for row, one in zip(together, read, strict=True):
            close(row, model(input_ids=torch.from_numpy(one)[None]).logits[0].numpy(), name)


def test_a_network_that_transformers_cannot_run_is_reported_on_loading(tmp_path):
    model = architectures.network("t5", hf.AutoModelForSequenceClassification, id2label=CLASSES)
    folder = architectures.save(model, architectures.tokenizer(), tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    settings.pop("decoder_start_token_id")
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(
        Unavailable, match=r"^transformers cannot run checkpoint .* on any input\n  got: AttributeError: "
    ):
        load(folder)


@pytest.mark.parametrize("kind", ["T5EncoderModel", "LongT5EncoderModel", "UMT5EncoderModel"])
def test_an_encoder_saved_without_its_decoder_is_loaded(kind, tmp_path):
    model_type = {"T": "t5", "L": "longt5", "U": "umt5"}[kind[0]]
    model = getattr(hf, kind)(architectures.config(model_type)).eval()
    _, encoder = load(architectures.save(model, architectures.tokenizer(), tmp_path))
    inputs = hf.AutoTokenizer.from_pretrained(tmp_path)(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        plain = model(**inputs).last_hidden_state[0].numpy()
    row = encoders.encode(encoder, [encoder.load(Item("u", None, TEXTS[0]))], frozenset(["frames"]))[0]
    close(row["frames"], plain, "frames")


@pytest.mark.parametrize("rope", ["dynamic", "longrope", "default"])
def test_positions_scaled_by_length_are_encoded_one_text_at_a_time(rope, tmp_path):
    scaled = {"rope_type": rope, "rope_theta": 10_000.0, "factor": 2.0, "original_max_position_embeddings": 16}
    scaled |= {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8} if rope == "longrope" else {}
    model = architectures.network("llama", hf.AutoModel, rope_parameters=scaled)
    identity, encoder = load(architectures.save(model, architectures.tokenizer(), tmp_path))
    assert encoder.maskable == (rope == "default")
    check_batches(identity, encoder, [Item(str(count), None, "dog " * count) for count in (3, 30, 4)])


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_any_other_architecture_is_refused_by_name(modality, tmp_path):
    table = {"audio": AUDIO, "text": TEXT}[modality]
    (tmp_path / "model.safetensors").touch()
    beside = {"audio": "preprocessor_config.json", "text": "tokenizer_config.json"}[modality]
    (tmp_path / beside).write_text('{"sampling_rate": 16000}')
    others = sorted((KNOWN | {"invented"}) - set(table))
    assert len(others) > 100
    for name in others:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": name}))
        with pytest.raises(BadValue) as problem:
            encoders.identify(EncoderSpec("", str(tmp_path)))
        reason = REASONS.get(name, "it is not one of the architectures that are tested as")
        assert f"is not supported: {name}: {reason}" in str(problem.value)
        assert "docs/architectures.md" in str(problem.value)


def test_transformers_knows_every_listed_name():
    unknown = (set(AUDIO) | set(TEXT) | set(REASONS)) - KNOWN
    assert not unknown, (
        f"transformers {hf.__version__} has no {', '.join(sorted(unknown))}: fix supported_architectures.py"
    )


@pytest.mark.parametrize("kind", ["SpeechT5Model", "SpeechT5ForTextToSpeech"])
def test_a_speecht5_without_its_speech_encoder_is_refused(kind, tmp_path):
    folder = architectures.save(
        getattr(hf, kind)(architectures.config("speecht5")), hf.SpeechT5FeatureExtractor(), tmp_path
    )
    with pytest.raises(BadValue, match=f"lacks the speech encoder of SpeechT5(.|\n)*got: {kind}"):
        encoders.identify(EncoderSpec("", folder))


def test_an_extractor_with_unknown_limits_is_refused(tmp_path):
    path = tiny.checkpoint("hubert", tmp_path)
    settings = json.loads((path / "preprocessor_config.json").read_text())
    settings["feature_extractor_type"] = "EncodecFeatureExtractor"
    (path / "preprocessor_config.json").write_text(json.dumps(settings))
    with pytest.raises(BadValue, match="it is not known which clips EncodecFeatureExtractor cuts or pads"):
        encoders.identify(EncoderSpec("", str(path)))


def test_the_page_matches_the_table():
    again = f"python -m featurestore.networks.architectures_page > {PAGE}"
    assert Path(PAGE).read_text("utf-8") == write_page(), f"write it again: {again}"
