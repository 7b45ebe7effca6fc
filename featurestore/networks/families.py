"""Know the architectures of transformers: which are encoded, how, and why others are refused.

Every name below is held by a test that builds a small network of it, and compares each vector with a plain forward pass
of transformers and with its own in a batch of others. An architecture that is not named is refused by name, before
anything is encoded: nothing is known of what its masks, its padding and its outputs mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from featurestore.errors import BadValue
from featurestore.networks.checkpoint import Checkpoint

PAGE = "docs/architectures.md"


@dataclass(frozen=True)
class Family:
    """How one architecture is encoded.

    Args:
        together: a masked batch gives each input the vector that it has alone; otherwise one input at a time.
        encoder: only the encoder of an encoder-decoder is used.
        causal: a token sees only those before it, so that the first token's vector says nothing of the text.
        layers: every layer gives frames of one width, so that their means can be stacked.
    """

    together: bool = True
    encoder: bool = False
    causal: bool = False
    layers: bool = True


def _named(names: str, family: Family) -> dict[str, Family]:
    return dict.fromkeys(names.split(), family)


AUDIO: Mapping[str, Family] = {
    **_named("hubert unispeech unispeech-sat wav2vec2 wavlm", Family()),
    # convolutions behind the first mix a clip with its padding, or frames are pooled across their border
    **_named("data2vec-audio sew sew-d wav2vec2-bert wav2vec2-conformer", Family(together=False)),
    **_named("audio-spectrogram-transformer", Family(together=False)),
    **_named("moonshine speech_to_text speecht5 whisper", Family(together=False, encoder=True)),
    **_named("clap clap_audio_model", Family(together=False, layers=False)),
}

TEXT: Mapping[str, Family] = {
    **_named(
        "albert bert bert-generation camembert data2vec-text deberta deberta-v2 distilbert electra "
        "ernie esm esmc eurobert flaubert gte ibert jina_embeddings_v3 longformer luke megatron-bert modernbert mpnet "
        "nomic_bert rembert roberta roberta-prelayernorm roc_bert roformer splinter squeezebert tipsv2_text_model "
        "ultrabert xlm xlm-roberta xlm-roberta-xl",
        Family(),
    ),
    # attention that is sparse, approximate or without a mask, convolutions over tokens, a summary at the last position
    **_named("big_bird convbert fnet funnel mobilebert nystromformer xlnet yoso", Family(together=False)),
    **_named(
        "bart blenderbot blenderbot-small led longt5 m2m_100 marian mbart mt5 mvp pegasus plbart prophetnet t5 "
        "t5gemma umt5",
        Family(encoder=True),
    ),
    # sparse attention, or experts that take a limited number of a batch's tokens
    **_named("bigbird_pegasus nllb-moe switch_transformers", Family(together=False, encoder=True)),
    **_named("pegasus_x", Family(together=False, encoder=True, layers=False)),
    **_named(
        "apertus arcee biogpt bitnet bloom clip_text_model codegen cohere cohere2 ctrl cwm deepseek_v3 diffllama doge "
        "ernie4_5 exaone4 "
        "falcon falcon_mamba flex_olmo gemma gemma2 gemma3_text gemma4_text glm glm4 gpt-sw3 gpt2 gpt_bigcode gpt_neo "
        "gpt_neox gpt_neox_japanese gpt_oss gptj granite granitemoe granitemoeshared helium hyperclovax internlm3 "
        "jais2 jetmoe lfm2 llama mamba minicpm3 minimax ministral3 mistral mixtral modernbert-decoder mpt nanochat "
        "olmo olmo2 olmo3 olmo_hybrid olmoe openai-gpt opt persimmon phi phi3 phimoe qwen2 qwen2_moe qwen3 "
        "qwen3_moe rwkv seed_oss smollm3 stablelm starcoder2 vaultgemma xglm",
        Family(causal=True),
    ),
}

# Position embeddings that start behind the padding index: two or so of them are never a token's.
OFFSET_POSITIONS = frozenset(
    [
        "camembert",
        "data2vec-text",
        "esm",
        "ibert",
        "longformer",
        "luke",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
    ]
)

# Feature extractors whose limits are known; `_clips.py` says what they are.
EXTRACTORS = (
    "ASTFeatureExtractor",
    "ClapFeatureExtractor",
    "SeamlessM4TFeatureExtractor",
    "Speech2TextFeatureExtractor",
    "SpeechT5FeatureExtractor",
    "Wav2Vec2FeatureExtractor",
    "WhisperFeatureExtractor",
)

# The front of SpeechT5's speech encoder is saved with these only.
_LISTENING = ("SpeechT5ForSpeechToSpeech", "SpeechT5ForSpeechToText")

# Why some that a user may well try are refused; any other is refused because no test covers it.
REASONS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "dac",
            "encodec",
            "higgs_audio_v2_tokenizer",
            "mimi",
            "neucodec",
            "vibevoice_acoustic_tokenizer",
            "xcodec",
            "xcodec2",
        ),
        "it is a codec: it gives codes to make the sound again, not features of what is said",
    ),
    **dict.fromkeys(
        (
            "bark",
            "csm",
            "dia",
            "fastspeech2_conformer",
            "moshi",
            "musicgen",
            "musicgen_melody",
            "pop2piano",
            "univnet",
            "vibevoice",
            "vits",
        ),
        "it makes sound, and gives no features of a clip",
    ),
    **dict.fromkeys(
        (
            "audioflamingo3",
            "gemma3n",
            "glmasr",
            "granite_speech",
            "phi4_multimodal",
            "qwen2_audio",
            "qwen2_5_omni",
            "voxtral",
        ),
        "it is a language model that listens, and its speech encoder is not a checkpoint of its own",
    ),
    "canine": "it reads letters, and stops at a text of fewer than four",
    "dpr": "it gives one vector a text, and no frames",
    "mra": "its attention needs a GPU program of its own; without it transformers puts zeros in its place",
    "xmod": "it reads one language at a time, and neither checkpoint nor text says which",
    "reformer": "its attention hashes at random, so that the same text gives other vectors every time",
}


def find(checkpoint: Checkpoint, modality: str) -> Family:
    """Find how a checkpoint's architecture is encoded, from its files alone.

    Raises:
        BadValue: an architecture or feature extractor that is not encoded, with the reason.
    """
    known = {"audio": AUDIO, "text": TEXT}[modality]
    name = str(checkpoint.config().get("model_type", ""))
    if name not in known:
        raise BadValue(
            f"checkpoint {checkpoint.name} cannot be encoded: {refusal(name, modality)}",
            got=f"model_type {name!r} in its config.json",
            do=f"take a checkpoint of a tested architecture ({PAGE}), such as {_EXAMPLES[modality]}",
        )
    extractor = checkpoint.extractor().get("feature_extractor_type")
    if modality == "audio" and extractor and extractor not in EXTRACTORS:
        raise BadValue(
            f"checkpoint {checkpoint.name} cannot be encoded: which clips {extractor} cuts or pads is not known",
            expected=f"one of the feature extractors {', '.join(EXTRACTORS)}",
            do=f"take a checkpoint of a tested architecture ({PAGE}), such as {_EXAMPLES[modality]}",
        )
    saved = checkpoint.config().get("architectures") or [""]
    if name == "speecht5" and saved[0] not in _LISTENING:
        raise BadValue(
            f"checkpoint {checkpoint.name} cannot be encoded: it lacks the part of SpeechT5 that hears speech",
            expected=" or ".join(_LISTENING),
            got=saved[0] or "no architecture in its config.json",
            do="take a checkpoint that recognises or converts speech, such as microsoft/speecht5_asr",
        )
    return known[name]


_EXAMPLES = {
    "audio": "wav2vec2, hubert, wavlm or whisper",
    "text": "bert, roberta or deberta-v2",
}


def refusal(model_type: str, modality: str) -> str:
    """Say why an architecture is not encoded, in one sentence; empty where it is."""
    if model_type in {"audio": AUDIO, "text": TEXT}[modality]:
        return ""
    kind = "an audio" if modality == "audio" else "a text"
    reason = REASONS.get(model_type, f"it is not one of the architectures that are tested as {kind} encoder")
    return f"{model_type or 'without a model_type'}: {reason}"


def page() -> str:
    """Write the page of architectures, Markdown."""
    parts = [_HEAD]
    for title, known in (("Audio", AUDIO), ("Text", TEXT)):
        parts.append(f"## {title}\n")
        for family, text in _sections(known):
            names = ", ".join(f"`{name}`" for name in sorted(known) if known[name] == family)
            parts.append(f"{text}\n\n{names}\n")
    parts.append("## Refused\n")
    parts.append("Any architecture that is not named above is refused by name. Some that may be looked for:\n")
    parts.append("\n".join(f"- `{name}`: {reason}" for name, reason in sorted(REASONS.items())) + "\n")
    return "\n".join(parts)


_HEAD = """# Architectures

The `model_type` in a checkpoint's `config.json` names its architecture. Those below are tested: a small network of each
gives finite vectors, equal to a plain forward pass of transformers and independent of whatever else is in a batch.
`featurestore/networks/families.py` holds the list and writes this page.
"""


def _sections(known: Mapping[str, Family]) -> list[tuple[Family, str]]:
    families = sorted(set(known.values()), key=lambda one: (one.encoder, one.causal, not one.together, not one.layers))
    return [(family, _sentence(family)) for family in families]


def _sentence(family: Family) -> str:
    parts = ["The encoder of an encoder-decoder" if family.encoder else "The whole network"]
    parts.append("in masked batches" if family.together else "one input at a time")
    if family.causal:
        parts.append("causal, so without `cls`")
    if not family.layers:
        parts.append("without `--layers`")
    return ", ".join(parts) + ":"
