"""Encode with networks of transformers: batches, exactness, weights, limits, and damaged checkpoints."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from featurestore import encoders
from featurestore.audio import decode
from featurestore.errors import BadValue, Mismatch, Problem, Unencodable
from featurestore.item import Item
from featurestore.spec import EncoderSpec
from tests.support import tiny

CLASSES = ("angry", "neutral", "sad")
LOOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def items(folder):
    return tiny.mixed_items(folder)


def encode(encoder, items, kinds):
    return encoder.encode([encoder.load(item) for item in items], frozenset(kinds))


@pytest.mark.parametrize("classes", [(), CLASSES], ids=["bare", "classifier"])
@pytest.mark.parametrize("family", [family for family in tiny.AUDIO if family != "whisper"])
def test_any_plan_of_masked_batches_gives_what_one_clip_at_a_time_gives(family, classes, folder, items):
    path = tiny.checkpoint(family, folder / f"plan-{family}-{len(classes)}", classes)
    identity = encoders.identify(EncoderSpec("", str(path)))
    encoder = encoders.load(identity, "cpu")
    loaded = [encoder.load(item) for item in items]
    alone = [encoder.encode([clip], frozenset(identity.kinds))[0] for clip in loaded]
    encoder.budget = 1  # as on a GPU, where the planner makes batches

    @settings(max_examples=8)
    @given(order=st.permutations(range(len(items))), cut=st.integers(0, len(items)))
    def check(order, cut):
        for members in filter(None, (order[:cut], order[cut:])):
            together = encoder.encode([loaded[index] for index in members], frozenset(identity.kinds))
            for index, row in zip(members, together, strict=True):
                for kind, value in alone[index].items():
                    np.testing.assert_allclose(row[kind], value, **LOOSE, err_msg=kind)

    check()


def test_a_clip_equals_the_plain_forward_pass_of_transformers(folder, items):
    import transformers as hf

    path = str(tiny.checkpoint("wav2vec2-group", folder / "plain-audio", CLASSES))
    extractor, model = (
        hf.AutoFeatureExtractor.from_pretrained(path),
        hf.AutoModelForAudioClassification.from_pretrained(path),
    )
    inputs = extractor(decode.read(items[0].audio, 16_000), sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        plain = model.eval()(**inputs, output_hidden_states=True)
    row = encode(
        encoders.load(encoders.identify(EncoderSpec("", path)), "cpu"), items[:1], ["logits", "layers", "mean"]
    )[0]
    np.testing.assert_allclose(row["logits"], plain.logits[0], **LOOSE)
    np.testing.assert_allclose(row["mean"], plain.hidden_states[-1][0].mean(0), **LOOSE)
    np.testing.assert_allclose(row["layers"][1], plain.hidden_states[1][0].mean(0), **LOOSE)


def test_a_text_equals_the_plain_forward_pass_of_transformers(folder, items):
    import transformers as hf

    path = str(tiny.checkpoint("deberta-v2", folder / "plain-text", CLASSES))
    tokenizer, model = (
        hf.AutoTokenizer.from_pretrained(path),
        hf.AutoModelForSequenceClassification.from_pretrained(path),
    )
    with torch.no_grad():
        plain = model.eval()(**tokenizer(items[0].text, return_tensors="pt"), output_hidden_states=True)
    row = encode(encoders.load(encoders.identify(EncoderSpec("", path)), "cpu"), items[:1], ["logits", "cls"])[0]
    np.testing.assert_allclose(row["logits"], plain.logits[0], **LOOSE)
    np.testing.assert_allclose(row["cls"], plain.hidden_states[-1][0, 0], **LOOSE)


def test_a_checkpoint_in_half_precision_is_loaded_in_float32(folder):
    path = tiny.checkpoint("bert", folder / "half")
    weights = load_file(path / "model.safetensors")
    save_file(
        {name: value.half() for name, value in weights.items()}, path / "model.safetensors", metadata={"format": "pt"}
    )
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    model = encoders.load(encoders.identify(EncoderSpec("", str(path))), "cpu").model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_missing_weights_are_refused(folder):
    path = tiny.checkpoint("bert", folder / "lacking", CLASSES)
    weights = load_file(path / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        Mismatch, match=r"does not hold every weight(.|\n)*1 missing or of another shape, classifier.weight"
    ):
        encoders.load(encoders.identify(EncoderSpec("", str(path))), "cpu")


def test_a_changed_weight_changes_the_fingerprint_and_the_folder_does_not(folder):
    one, two, moved = (
        encoders.identify(EncoderSpec("", str(tiny.checkpoint("bert", folder / name, seed=seed))))
        for name, seed in [("seed0", 0), ("seed1", 1), ("elsewhere", 0)]
    )
    assert one.fingerprint() != two.fingerprint()
    assert one.fingerprint() == moved.fingerprint()


@pytest.mark.parametrize("family", ["wav2vec2-group", "hubert"])
def test_a_clip_too_short_for_one_frame_fails_with_its_length(folder, family):
    path = tiny.checkpoint(family, folder / f"short-{family}")
    encoder = encoders.load(encoders.identify(EncoderSpec("", str(path))), "cpu")
    tiny.clip(folder / "short.wav", 150 / 16_000, 0)
    with pytest.raises(Unencodable, match="^too short for one frame: 150 samples at 16000 Hz, 165 needed$"):
        encoder.load(Item("u", folder / "short.wav", ""))
    tiny.clip(folder / "enough.wav", 165 / 16_000, 0)
    row = encode(encoder, [Item("u", folder / "enough.wav", "")], ["frames"])[0]
    assert row["frames"].shape[0] == 1
    np.testing.assert_array_equal(row["std"], 0)


def test_a_clip_too_long_for_whisper_fails_with_its_length(folder):
    path = tiny.checkpoint("whisper", folder / "long-whisper")
    encoder = encoders.load(encoders.identify(EncoderSpec("", str(path))), "cpu")
    tiny.clip(folder / "long.wav", 30.5, 0)
    with pytest.raises(Unencodable, match=r"^30.5 s long: Whisper's encoder takes at most 30 s; cli"):
        encoder.load(Item("u", folder / "long.wav", ""))


def test_a_text_that_is_missing_or_too_long_fails(folder):
    config = tiny.checkpoint("bert", folder / "long-bert")
    encoder = encoders.load(encoders.identify(EncoderSpec("", str(config))), "cpu")
    with pytest.raises(Unencodable, match="^no transcript$"):
        encoder.load(Item("u", None, "  "))
    with pytest.raises(Unencodable, match="^text of 602 tokens: the encoder reads at most 512$"):
        encoder.load(Item("u", None, "dog " * 600))


def test_roberta_has_two_positions_less_than_its_configuration_says(folder):
    path = tiny.checkpoint("roberta", folder / "long-roberta")
    assert encoders.load(encoders.identify(EncoderSpec("", str(path))), "cpu").texts.longest == 510


def test_no_audio_in_the_manifest_fails(folder):
    encoder = encoders.load(encoders.identify(EncoderSpec("", str(tiny.checkpoint("hubert", folder / "none")))), "cpu")
    with pytest.raises(Unencodable, match="^no audio file$"):
        encoder.load(Item("u", None, "words"))


def test_a_checkpoint_with_neither_extractor_nor_tokenizer_is_refused(folder):
    path = tiny.checkpoint("bert", folder / "bare")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (path / name).unlink()
    with pytest.raises(BadValue, match="has neither a feature extractor nor a tokenizer"):
        encoders.identify(EncoderSpec("", str(path)))


@pytest.mark.parametrize(
    ("family", "name", "message"),
    [
        ("bert", "tokenizer.json", "transformers cannot load the tokenizer of checkpoint "),
        ("bert", "model.safetensors", "transformers cannot load checkpoint "),
        ("hubert", "preprocessor_config.json", "preprocessor_config.json is damaged: "),
        ("hubert", "config.json", "config.json is damaged: "),
    ],
)
def test_a_damaged_checkpoint_is_reported(folder, family, name, message):
    path = tiny.checkpoint(family, folder / f"damaged-{name}")
    (path / name).write_bytes((path / name).read_bytes()[:100])
    with pytest.raises(Problem, match=message):
        encoders.load(encoders.identify(EncoderSpec("", str(path))), "cpu")


def test_a_tokenizer_that_is_only_a_sentencepiece_model_loads(folder):
    """The hub's deberta-v3-small has spm.model and tokenizer_config.json, and no tokenizer.json."""
    import sentencepiece

    path = tiny.checkpoint("deberta-v2", folder / "spm")
    for name in ("tokenizer.json", "special_tokens_map.json"):
        (path / name).unlink(missing_ok=True)
    (path / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}')
    corpus = folder / "words.txt"
    corpus.write_text("\n".join(" ".join(tiny.WORDS[start : start + 5]) for start in range(len(tiny.WORDS))) * 20)
    special = {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"}
    numbers = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(path / "spm"),
        vocab_size=25,
        hard_vocab_limit=False,
        minloglevel=2,
        **special,
        **numbers,
    )
    encoder = encoders.load(encoders.identify(EncoderSpec("", str(path))), "cpu")
    tokens = encoder.load(Item("u", None, "you never saw my dog"))
    assert encoder.texts.tokenizer.convert_ids_to_tokens(tokens.tokens)[0] == "[CLS]"
    assert np.isfinite(encode(encoder, [Item("u", None, "you never saw my dog")], ["cls"])[0]["cls"]).all()
