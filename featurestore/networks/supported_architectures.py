"""List the architectures of transformers that are encoded, and why others are refused.

A test builds a small network of every name below, and compares each vector with a plain forward pass of transformers
and with the same vector from a batch. Any other architecture is refused by name before anything is encoded, because it
is not known what its masks, its padding and its outputs mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from featurestore.errors import BadValue
from featurestore.networks.checkpoint import Checkpoint

PAGE = "docs/architectures.md"


@dataclass(frozen=True)
class Architecture:
    """How the networks of one architecture are encoded.

    Args:
        batchable: whether a masked batch gives each input the vector that it has alone; otherwise inputs go one by one.
        encoder: whether only the encoder of an encoder-decoder is used.
        causal: whether a token sees only those before it, so that the first token's vector does not depend on the text.
        layers: whether every layer gives frames of one width, so that their means can be stacked.
    """

    batchable: bool = True
    encoder: bool = False
    causal: bool = False
    layers: bool = True


def _map_names(names: str, architecture: Architecture) -> dict[str, Architecture]:
    return dict.fromkeys(names.split(), architecture)


AUDIO: Mapping[str, Architecture] = {
    **_map_names("hubert unispeech unispeech-sat wav2vec2 wavlm", Architecture()),
    # convolutions after the first mix a clip with its padding, or frames are pooled across their border
    **_map_names("data2vec-audio sew sew-d wav2vec2-bert wav2vec2-conformer", Architecture(batchable=False)),
    **_map_names("audio-spectrogram-transformer", Architecture(batchable=False)),
    **_map_names("moonshine speech_to_text speecht5 whisper", Architecture(batchable=False, encoder=True)),
    **_map_names("clap clap_audio_model", Architecture(batchable=False, layers=False)),
}

TEXT: Mapping[str, Architecture] = {
    **_map_names(
        "albert bert bert-generation camembert data2vec-text deberta deberta-v2 distilbert electra "
        "ernie esm esmc eurobert flaubert gte ibert jina_embeddings_v3 longformer luke megatron-bert modernbert mpnet "
        "nomic_bert rembert roberta roberta-prelayernorm roc_bert roformer splinter squeezebert tipsv2_text_model "
        "ultrabert xlm xlm-roberta xlm-roberta-xl",
        Architecture(),
    ),
    # attention that is sparse, approximate or without a mask, convolutions over tokens, a summary at the last position
    **_map_names("big_bird convbert fnet funnel mobilebert nystromformer xlnet yoso", Architecture(batchable=False)),
    **_map_names(
        "bart blenderbot blenderbot-small led longt5 m2m_100 marian mbart mt5 mvp pegasus plbart prophetnet t5 "
        "t5gemma umt5",
        Architecture(encoder=True),
    ),
    # sparse attention, or experts that take a limited number of a batch's tokens
    **_map_names("bigbird_pegasus nllb-moe switch_transformers", Architecture(batchable=False, encoder=True)),
    **_map_names("pegasus_x", Architecture(batchable=False, encoder=True, layers=False)),
    **_map_names(
        "apertus arcee biogpt bitnet bloom clip_text_model codegen cohere cohere2 ctrl cwm deepseek_v3 diffllama doge "
        "ernie4_5 exaone4 "
        "falcon falcon_mamba flex_olmo gemma gemma2 gemma3_text gemma4_text glm glm4 gpt-sw3 gpt2 gpt_bigcode gpt_neo "
        "gpt_neox gpt_neox_japanese gpt_oss gptj granite granitemoe granitemoeshared helium hyperclovax internlm3 "
        "jais2 jetmoe lfm2 llama mamba minicpm3 minimax ministral3 mistral mixtral modernbert-decoder mpt nanochat "
        "olmo olmo2 olmo3 olmo_hybrid olmoe openai-gpt opt persimmon phi phi3 phimoe qwen2 qwen2_moe qwen3 "
        "qwen3_moe rwkv seed_oss smollm3 stablelm starcoder2 vaultgemma xglm",
        Architecture(causal=True),
    ),
}

# Position embeddings that start after the padding index, so that the first two or so are never used.
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

# Feature extractors whose limits are known, in `extractor_limits.py`.
EXTRACTORS = (
    "ASTFeatureExtractor",
    "ClapFeatureExtractor",
    "SeamlessM4TFeatureExtractor",
    "Speech2TextFeatureExtractor",
    "SpeechT5FeatureExtractor",
    "Wav2Vec2FeatureExtractor",
    "WhisperFeatureExtractor",
)

# Only these classes save the front of SpeechT5's speech encoder.
_LISTENING = ("SpeechT5ForSpeechToSpeech", "SpeechT5ForSpeechToText")

# Why some that a user may try are refused. All others are refused because no test covers them.
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
        "it is a codec: its codes rebuild the sound, they are not features of speech",
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
        "it generates sound, and gives no features of a clip",
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
        "it is a language model with audio input, and its speech encoder is not a checkpoint of its own",
    ),
    "canine": "it reads characters, and fails on a text of fewer than four",
    "dpr": "it gives one vector per text, and no frames",
    "mra": "its attention needs its own GPU kernel; without it transformers returns zeros",
    "xmod": "it needs the language of each text, which neither the checkpoint nor the text names",
    "reformer": "its attention hashes at random, so that the same text gives different vectors every time",
}


def find_architecture(checkpoint: Checkpoint, modality: str) -> Architecture:
    """Find the architecture of a checkpoint from its files alone.

    Raises:
        BadValue: its architecture or feature extractor is not supported; the message says why.
    """
    known = {"audio": AUDIO, "text": TEXT}[modality]
    name = str(checkpoint.config().get("model_type", ""))
    if name not in known:
        raise BadValue(
            f"checkpoint {checkpoint.name} is not supported: {explain_refusal(name, modality)}",
            got=f"model_type {name!r} in its config.json",
            do=f"use a checkpoint of a tested architecture ({PAGE}), such as {_EXAMPLES[modality]}",
        )
    extractor = checkpoint.extractor().get("feature_extractor_type")
    if modality == "audio" and extractor and extractor not in EXTRACTORS:
        raise BadValue(
            f"checkpoint {checkpoint.name} is not supported: it is not known which clips {extractor} cuts or pads",
            expected=f"one of the feature extractors {', '.join(EXTRACTORS)}",
            do=f"use a checkpoint of a tested architecture ({PAGE}), such as {_EXAMPLES[modality]}",
        )
    saved = checkpoint.config().get("architectures") or [""]
    if name == "speecht5" and saved[0] not in _LISTENING:
        raise BadValue(
            f"checkpoint {checkpoint.name} is not supported: it lacks the speech encoder of SpeechT5",
            expected=" or ".join(_LISTENING),
            got=saved[0] or "no architecture in its config.json",
            do="use a checkpoint that recognizes or converts speech, such as microsoft/speecht5_asr",
        )
    return known[name]


_EXAMPLES = {
    "audio": "wav2vec2, hubert, wavlm or whisper",
    "text": "bert, roberta or deberta-v2",
}


def explain_refusal(model_type: str, modality: str) -> str:
    """Explain why an architecture is not encoded, in one sentence. Empty where it is."""
    if model_type in {"audio": AUDIO, "text": TEXT}[modality]:
        return ""
    kind = "an audio" if modality == "audio" else "a text"
    reason = REASONS.get(model_type, f"it is not one of the architectures that are tested as {kind} encoder")
    return f"{model_type or 'no model_type'}: {reason}"
