"""Load the network that fine-tuning starts from, with a classifier of the corpus's own classes.

A starting checkpoint carries settings of its earlier task. What belongs to the network is kept: dropout, LayerDrop,
SpecAugment, pooling, the padding token, causal attention. What belongs to the task or to how it was run is replaced.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import transformers as hf

from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning.spec_augment import fit_masks
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.families import Family, find
from featurestore.networks.front import isolate_front
from featurestore.networks.network import UNUSED, check_complete, load_model, load_processor
from featurestore.networks.tokens import Tokenised

CLASSIFIERS = {
    "audio": (hf.AutoModelForAudioClassification, hf.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING),
    "text": (hf.AutoModelForSequenceClassification, hf.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING),
}
PROCESSORS = {"audio": hf.AutoFeatureExtractor, "text": hf.AutoTokenizer}

# Which classes there are, which loss was used, which outputs were asked for: of the earlier task, not of the network.
_OF_THE_TASK = ("problem_type", "id2label", "label2id", "num_labels", "loss_type", "finetuning_task")
_OF_THE_RUN = ("return_dict", "output_hidden_states", "output_attentions", "torchscript", "use_cache")


def load_start(
    start: Checkpoint,
    modality: str,
    names: Sequence[str],
    *,
    seed: int,
    freeze_front: bool,
    tell: Callable[[str], None],
) -> tuple[Any, Any]:
    """Load the network with a classifier, and its tokenizer or feature extractor.

    Args:
        start: the checkpoint.
        modality: `audio` or `text`.
        names: the classes, in the order of the logits.
        seed: of a new classifier's weights.
        freeze_front: leave the convolutional front of a raw-waveform network as it is.
        tell: receives a line for every setting of the checkpoint that is changed.

    Raises:
        BadValue: transformers has no classifier for this network, or a setting of its masks cannot be used.
        Mismatch: weights of the network are missing or of another shape.
        Unavailable: transformers cannot load it.
    """
    processor = load_processor(start, PROCESSORS[modality])
    hf.set_seed(seed)  # a new classifier's weights are drawn
    config = starting_config(start, modality, names, tell)
    if modality == "text":
        _set_padding(config, processor, find(start, modality))
    auto = CLASSIFIERS[modality][0]
    model, report = _load_fused(start, auto, config)
    prefix = f"{model.base_model_prefix}."
    # a new classifier is expected to be missing; a network that would start from random weights is not
    missing = {key for key in report["missing_keys"] if key.startswith(prefix)}
    mismatched = {key for key in report["mismatched_keys"] if str(key[0]).startswith(prefix)}
    check_complete(start.name, {"missing_keys": missing, "mismatched_keys": mismatched}, (*UNUSED, "pooler"))
    _fit_classifier(model, auto, start.classes(), list(names))
    if isolate_front(model) and freeze_front:
        model.freeze_feature_encoder()
    fit_masks(model)
    return model, processor


_MUCH_DROPOUT = 0.5  # published encoders have 0.1, classifiers up to 0.5


def starting_config(start: Checkpoint, modality: str, names: Sequence[str], tell: Callable[[str], None]) -> Any:
    """Build the configuration of the network from a checkpoint's, without its earlier task.

    Raises:
        BadValue: the network is not one that is encoded, transformers has no classifier for it, or a setting of its
            masks cannot be used.
        Unavailable: transformers cannot use its configuration.
    """
    find(start, modality)  # what cannot be encoded afterwards is not worth the training
    content = start.config()
    kind = content["model_type"]
    kept = {key: value for key, value in content.items() if key not in (*_OF_THE_TASK, *_OF_THE_RUN)}
    try:
        config = hf.CONFIG_MAPPING[kind].from_dict(kept)
    except Exception as error:  # each family's configuration has checks and errors of its own
        got = " ".join(str(error).split())[:300]
        raise Unavailable(f"transformers cannot use the config.json of checkpoint {start.name}", got=got) from None
    if type(config) not in CLASSIFIERS[modality][1]:
        raise BadValue(
            f"checkpoint {start.name} cannot be tuned: transformers has no {modality} classifier for {kind} networks",
            do="cli extract encodes with it as it is; start fine-tuning from a network that has one",
        )
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    config.problem_type = "single_label_classification"
    config.use_cache = False
    _check_masks(config, start.name, tell)
    if getattr(config, "use_weighted_layer_sum", False) and getattr(config, "layerdrop", 0):
        config.layerdrop = 0.0
        tell(f"checkpoint {start.name}: layerdrop is set to 0, because a weighted sum needs every layer")
    for key, value in config.to_dict().items():
        if "drop" in key and isinstance(value, float) and value > _MUCH_DROPOUT:
            tell(f"checkpoint {start.name}: its {key} of {value:g} is kept, which may keep the network from learning")
    return config


def _check_masks(config: Any, name: str, tell: Callable[[str], None]) -> None:
    """Check the masks of SpecAugment; one over features hides at most half of them."""
    for axis in ("time", "feature"):
        length = getattr(config, f"mask_{axis}_length", 1)
        if getattr(config, f"mask_{axis}_prob", 0) > 0 and length < 1:
            raise BadValue(
                f"checkpoint {name} masks spans of no length in training",
                expected=f"mask_{axis}_length of 1 or more in its config.json, or mask_{axis}_prob 0",
                got=f"mask_{axis}_length {length}",
            )
    most = max(1, int(getattr(config, "hidden_size", 0)) // 2)
    if getattr(config, "mask_feature_prob", 0) > 0 and config.mask_feature_length > most:
        tell(
            f"checkpoint {name}: mask_feature_length is set from {config.mask_feature_length} to {most}, "
            "half of the network's width"
        )
        config.mask_feature_length = most


def _set_padding(config: Any, tokenizer: Any, family: Family) -> None:
    """Name the token that pads a batch: a classifier on the last token looks for it by its number."""
    text = config.get_text_config()
    if family.causal or text.pad_token_id is None:
        text.pad_token_id = config.pad_token_id = Tokenised(tokenizer, config).fill


def _load_fused(start: Checkpoint, auto: Any, config: Any) -> tuple[Any, Mapping[str, Any]]:
    """Load the network with fused attention, or without where transformers has none for it."""
    options = {"ignore_mismatched_sizes": True}  # a classifier of other classes gives way to a new one
    try:
        return load_model(start, auto, config=copy.deepcopy(config), attn_implementation="sdpa", **options)
    except Unavailable:
        return load_model(start, auto, config=config, attn_implementation="eager", **options)


def _fit_classifier(model: Any, auto: Any, before: list[str], names: list[str]) -> None:
    """Put a loaded classifier into the order of `names`; draw it anew where it decided between other classes.

    One of another number of classes was drawn anew on loading.
    """
    if len(before) != len(names) or before == names:
        return
    if sorted(before) == sorted(names):
        rows = [before.index(name) for name in names]
        weights, order = model.state_dict(), torch.tensor(rows)
    else:
        weights, order = auto.from_config(model.config).state_dict(), torch.arange(len(names))
    keys = _of_classes(auto, model.config)
    model.load_state_dict({key: weights[key][order] for key in keys}, strict=False)


def _of_classes(auto: Any, config: Any) -> list[str]:
    """Find the weights that have a row for every class."""
    more = copy.deepcopy(config)
    more.num_labels = config.num_labels + 1
    with torch.device("meta"):
        few, many = (auto.from_config(one).state_dict() for one in (copy.deepcopy(config), more))
    return [key for key in few if few[key].shape != many[key].shape]
