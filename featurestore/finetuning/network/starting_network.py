"""Load the network that fine-tuning starts from, with a classifier of the corpus's own classes.

A starting checkpoint carries settings of its earlier task. Those of the network are kept: dropout, LayerDrop,
SpecAugment, pooling, the padding token, causal attention. Those of the task, or of how it was run, are replaced.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import transformers as hf

from featurestore.errors import BadValue, Unavailable, shorten_error
from featurestore.finetuning.network.spec_augment import fit_masks, mask_spectra
from featurestore.finetuning.options.mask_options import MaskOptions, override_masks
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.classifier_pooling import pool_true_frames
from featurestore.networks.frames import WHISPER
from featurestore.networks.loading import UNUSED, check_complete, load_model, load_processor
from featurestore.networks.padding import isolate_front
from featurestore.networks.short_windows import accept_short_windows
from featurestore.networks.supported_architectures import Architecture, find_architecture
from featurestore.networks.transcripts import TokenReader
from featurestore.progress import Say

CLASSIFIERS = {
    "audio": (hf.AutoModelForAudioClassification, hf.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING),
    "text": (hf.AutoModelForSequenceClassification, hf.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING),
}
PROCESSORS = {"audio": hf.AutoFeatureExtractor, "text": hf.AutoTokenizer}

_CHECKPOINTS_OWN = MaskOptions()

# Settings of the earlier task (classes, loss) and of how it was run (outputs), not of the network.
_OF_THE_TASK = ("problem_type", "id2label", "label2id", "num_labels", "loss_type", "finetuning_task")
_OF_THE_RUN = ("return_dict", "output_hidden_states", "output_attentions", "torchscript", "use_cache")


def load_starting_network(
    start: Checkpoint,
    modality: str,
    class_names: Sequence[str],
    *,
    seed: int,
    freeze_front: bool,
    say: Say,
    masks: MaskOptions = _CHECKPOINTS_OWN,
) -> tuple[Any, Any]:
    """Load the network with a classifier, and its tokenizer or feature extractor.

    Args:
        start: the checkpoint.
        modality: `audio` or `text`.
        class_names: the classes, in the order of the logits.
        seed: of a new classifier's weights.
        freeze_front: leave the convolutional front of a raw-waveform network as it is.
        say: receives a line for every setting of the checkpoint that is changed.
        masks: of SpecAugment, where they are not the checkpoint's own.

    Raises:
        BadValue: transformers has no classifier for this network, or a setting of its masks cannot be used.
        Mismatch: weights of the network are missing or of another shape.
        Unavailable: transformers cannot load it.
    """
    processor = load_processor(start, PROCESSORS[modality])
    hf.set_seed(seed)  # a new classifier's weights are drawn
    config = adapt_config(start, modality, class_names, say, masks)
    if modality == "text":
        _set_padding(config, processor, find_architecture(start, modality))
    auto = CLASSIFIERS[modality][0]
    model, report = _load_with_best_attention(start, auto, config)
    prefix = f"{model.base_model_prefix}."
    # a new classifier may be missing; a network must not start from random weights
    missing = {key for key in report["missing_keys"] if key.startswith(prefix)}
    mismatched = {key for key in report["mismatched_keys"] if str(key[0]).startswith(prefix)}
    check_complete(start.name, {"missing_keys": missing, "mismatched_keys": mismatched}, (*UNUSED, "pooler"))
    _adapt_classifier(model, auto, start.classes(), list(class_names))
    if isolate_front(model) and freeze_front:
        model.freeze_feature_encoder()
    if model.config.model_type == WHISPER:
        _adapt_whisper(model, masks)
    else:
        fit_masks(model)
    return model, processor


def _adapt_whisper(model: Any, masks: MaskOptions) -> None:
    """Let a classifier of Whisper read short windows, pool true frames and, by option, mask its spectra."""
    accept_short_windows(model.get_encoder())
    pool_true_frames(model)
    if masks.list_options():
        mask_spectra(model)


_MUCH_DROPOUT = 0.5  # published encoders have 0.1, classifiers up to 0.5


def adapt_config(
    start: Checkpoint, modality: str, class_names: Sequence[str], say: Say, masks: MaskOptions = _CHECKPOINTS_OWN
) -> Any:
    """Take over a checkpoint's configuration without the settings of its earlier task.

    Raises:
        BadValue: the network is not supported, transformers has no classifier for it, or a setting of its masks cannot
            be used.
        Unavailable: transformers cannot use its configuration.
    """
    find_architecture(start, modality)  # refuse before training what cannot be encoded afterwards
    content = start.config()
    kind = content["model_type"]
    kept = {key: value for key, value in content.items() if key not in (*_OF_THE_TASK, *_OF_THE_RUN)}
    try:
        config = hf.CONFIG_MAPPING[kind].from_dict(kept)
    except Exception as error:  # each family's configuration has checks and errors of its own
        what = f"transformers cannot use the config.json of checkpoint {start.name}"
        raise Unavailable(what, got=shorten_error(error)) from None
    if type(config) not in CLASSIFIERS[modality][1]:
        raise BadValue(
            f"checkpoint {start.name} cannot be fine-tuned: transformers has no {modality} classifier for {kind}",
            do="encode with it as it is (cli extract), or start from a network that has one",
        )
    config.id2label = dict(enumerate(class_names))
    config.label2id = {name: index for index, name in enumerate(class_names)}
    config.problem_type = "single_label_classification"
    config.use_cache = False
    override_masks(config, masks, start.name)
    _check_masks(config, start.name, say)
    if getattr(config, "use_weighted_layer_sum", False) and getattr(config, "layerdrop", 0):
        config.layerdrop = 0.0
        say(f"checkpoint {start.name}: layerdrop is set to 0, because a weighted sum needs every layer")
    for key, value in config.to_dict().items():
        if "drop" in key and isinstance(value, float) and value > _MUCH_DROPOUT:
            say(f"checkpoint {start.name}: its {key} of {value:g} is kept; so much dropout may prevent learning")
    return config


def _check_masks(config: Any, checkpoint: str, say: Say) -> None:
    """Check the masks of SpecAugment, and limit a mask over features to half of them."""
    for axis in ("time", "feature"):
        length = getattr(config, f"mask_{axis}_length", 1)
        if getattr(config, f"mask_{axis}_prob", 0) > 0 and length < 1:
            raise BadValue(
                f"checkpoint {checkpoint} has a mask_{axis}_length below 1",
                expected=f"1 or more in its config.json, or mask_{axis}_prob 0",
                got=f"mask_{axis}_length {length}",
            )
    width = "num_mel_bins" if config.model_type == "whisper" else "hidden_size"
    most = max(1, int(getattr(config, width, 0)) // 2)
    if getattr(config, "mask_feature_prob", 0) > 0 and config.mask_feature_length > most:
        say(
            f"checkpoint {checkpoint}: mask_feature_length is set from {config.mask_feature_length} to {most}, "
            "half of the network's width"
        )
        config.mask_feature_length = most


def _set_padding(config: Any, tokenizer: Any, architecture: Architecture) -> None:
    """Set the token that pads a batch, by which a classifier on the last token finds the end of a text."""
    text = config.get_text_config()
    if architecture.causal or text.pad_token_id is None:
        text.pad_token_id = config.pad_token_id = TokenReader(tokenizer, config).fill


def _load_with_best_attention(start: Checkpoint, auto: Any, config: Any) -> tuple[Any, Mapping[str, Any]]:
    """Load the network with fused attention where transformers has it, else with eager attention."""
    options = {"ignore_mismatched_sizes": True}  # a classifier of other classes is replaced
    try:
        return load_model(start, auto, config=copy.deepcopy(config), attn_implementation="sdpa", **options)
    except Unavailable:
        return load_model(start, auto, config=config, attn_implementation="eager", **options)


def _adapt_classifier(model: Any, auto: Any, before: list[str], after: list[str]) -> None:
    """Reorder the rows of a loaded classifier, or draw new weights where its classes were others.

    A classifier of another number of classes was replaced on loading.
    """
    if len(before) != len(after) or before == after:
        return
    if sorted(before) == sorted(after):
        rows = [before.index(name) for name in after]
        weights, order = model.state_dict(), torch.tensor(rows)
    else:
        weights, order = auto.from_config(model.config).state_dict(), torch.arange(len(after))
    keys = _find_class_weights(auto, model.config)
    model.load_state_dict({key: weights[key][order] for key in keys}, strict=False)


def _find_class_weights(auto: Any, config: Any) -> list[str]:
    """Find the weights that have one row per class."""
    more = copy.deepcopy(config)
    more.num_labels = config.num_labels + 1
    with torch.device("meta"):
        few, many = (auto.from_config(one).state_dict() for one in (copy.deepcopy(config), more))
    return [key for key in few if few[key].shape != many[key].shape]
