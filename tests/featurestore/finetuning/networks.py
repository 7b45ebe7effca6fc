"""Small classifiers of every family, and where their weights stand, by hand."""

from featurestore.finetuning.network.starting_network import load_starting_network
from featurestore.networks.checkpoint import resolve
from tests.support import tiny

# family: (prefix of its layers, prefixes of what the base network has before them, after them, and of the classifier)
WAVE = ("{}.encoder.layers", ("{0}.masked_spec_embed", "{0}.feature_projection.", "{0}.encoder.pos_conv_embed."))
PARTS = {
    "wav2vec2-group": ("wav2vec2.encoder.layers", ("wav2vec2.encoder.layer_norm.",), ()),
    "wav2vec2-layer": ("wav2vec2.encoder.layers", (), ("wav2vec2.encoder.layer_norm.",)),
    "hubert": ("hubert.encoder.layers", ("hubert.encoder.layer_norm.",), ()),
    "wavlm": ("wavlm.encoder.layers", ("wavlm.encoder.layer_norm.",), ()),
    "whisper": (
        "encoder.layers",
        ("encoder.conv1.", "encoder.conv2.", "encoder.embed_positions."),
        ("encoder.layer_norm.",),
    ),
    "deberta-v2": (
        "deberta.encoder.layer",
        ("deberta.embeddings.", "deberta.encoder.rel_embeddings.", "deberta.encoder.LayerNorm."),
        (),
    ),
    "bert": ("bert.encoder.layer", ("bert.embeddings.",), ()),
    "roberta": ("roberta.encoder.layer", ("roberta.embeddings.",), ()),
}
CLASSIFIERS = ("projector.", "classifier.", "pooler.", "bert.pooler.")


def find_part(family, name):
    """Return where a weight stands, by hand: `front`, `input`, the number of its layer, `top` or `classifier`."""
    layers, before, after = PARTS[family]
    network = layers.partition(".")[0]
    if name.startswith(CLASSIFIERS):
        return "classifier"
    if name.startswith(f"{network}.feature_extractor."):
        return "front"
    if name.startswith(f"{layers}."):
        return int(name.removeprefix(f"{layers}.").partition(".")[0]) + 1
    wave = [prefix.format(network) for prefix in WAVE[1]]
    if name.startswith((*before, *wave)):
        return "input"
    assert name.startswith(after), name
    return "top"


def modality(family):
    return "audio" if family in tiny.AUDIO else "text"


def load(family, folder, **options):
    """Load a starting network of a family with a classifier of two classes, and its processor."""
    start = resolve(str(tiny.checkpoint(family, folder)))
    options = {"seed": 0, "freeze_front": True, "say": lambda line: None} | options
    return *load_starting_network(start, modality(family), ["anger", "joy"], **options), start
