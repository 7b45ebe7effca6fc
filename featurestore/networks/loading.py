"""Load networks in float32 with every weight present, and their tokenizers and feature extractors."""

import warnings
from collections.abc import Mapping
from typing import Any

from featurestore.errors import Mismatch, Unavailable
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.identity import Identity
from featurestore.networks.supported_architectures import Architecture

# Weights that no stored vector depends on and many published checkpoints lack; without a classifier the pooler too.
UNUSED = ("masked_spec_embed",)

# Architectures whose encoder alone has a class of its own, which spares loading the decoder.
_ENCODERS = ("mt5", "t5", "umt5")


def load_network(
    identity: Identity, architecture: Architecture, classifier: Any, bare: Any, device: str
) -> tuple[Any, Any]:
    """Load a frozen network in float32 and evaluation mode, with its classifier where it has one.

    Args:
        identity: of the checkpoint.
        architecture: of the checkpoint.
        classifier: transformers' auto class of networks with a classifier.
        bare: transformers' auto class of networks without one.
        device: where the network will run.

    Returns:
        the network to call, and the part of it whose frames are stored: itself where it has no classifier.

    Raises:
        Mismatch: weights are missing.
        Unavailable: transformers cannot load the checkpoint; the message carries its reason.
    """
    auto = classifier if identity.classes else _choose_bare_class(identity, bare)
    unused = ("decoder", "pooler") if architecture.encoder else ("pooler",)
    model = _load_complete(identity, auto, UNUSED if identity.classes else (*UNUSED, *unused))
    base = _choose_base(model, identity, architecture)
    return _freeze(model if identity.classes else base, device), base


def load_recognizer(identity: Identity, auto: Any, device: str) -> Any:
    """Load the frozen network of a recognizer in float32 and evaluation mode.

    Args:
        identity: of the checkpoint.
        auto: transformers' auto class of such networks.
        device: where the network will run.

    Raises:
        Mismatch: weights are missing.
        Unavailable: transformers cannot load the checkpoint; the message carries its reason.
    """
    return _freeze(_load_complete(identity, auto, UNUSED), device)


def _load_complete(identity: Identity, auto: Any, unused: tuple[str, ...]) -> Any:
    """Load a network with every weight but those that are unused."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # its warnings about weights become errors below
    logging.disable_progress_bar()
    if identity.checkpoint is None:
        raise ValueError("a hand-made extractor has no network")
    model, report = load_model(identity.checkpoint, auto, attn_implementation=identity.description["attention"])
    check_complete(identity.checkpoint.name, report, unused)
    return model


def _freeze(model: Any, device: str) -> Any:
    import torch

    if device.startswith("cuda"):
        # TensorFloat-32 keeps three digits: a vector would depend on which kernel the batch's shape selects
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return model.eval().requires_grad_(False).to(device)


def _choose_bare_class(identity: Identity, bare: Any) -> Any:
    """Choose the class that loads a network without a classifier."""
    import transformers as hf

    assert identity.checkpoint  # checked by the caller
    kind, saved = identity.description["model_type"], identity.checkpoint.config().get("architectures") or [""]
    if kind in _ENCODERS:
        return hf.AutoModelForTextEncoding
    if kind == "speecht5":
        return hf.SpeechT5ForSpeechToText
    if kind == "clap_audio_model":  # transformers maps it to no class
        projected = saved[0] == "ClapAudioModelWithProjection"
        return hf.ClapAudioModelWithProjection if projected else hf.ClapAudioModel
    return bare


def _choose_base(model: Any, identity: Identity, architecture: Architecture) -> Any:
    """Choose the part of a network whose output is frames of the input."""
    if identity.description["model_type"] in ("clap", "clap_audio_model"):
        return getattr(model, "audio_model", model)
    return model.get_encoder() if architecture.encoder else model.base_model


def load_model(checkpoint: Checkpoint, auto: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Load a network in float32 by one of transformers' auto classes.

    Returns:
        the network, and transformers' report of missing, unexpected and mismatched weights.

    Raises:
        Unavailable: transformers cannot load it: it does not know the network, or a file is damaged.
    """
    import torch

    try:
        model, report = auto.from_pretrained(
            checkpoint.folder,
            dtype=torch.float32,  # transformers 5 would otherwise take the checkpoint's own, float16 included
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # networks raise errors of any type on a bad configuration or a damaged file
        got = str(error).strip().partition("\n")[0]
        raise Unavailable(
            f"transformers cannot load checkpoint {checkpoint.name}",
            got=got,
            do="use the folder that save_pretrained wrote, whole",
        ) from None
    return model, report


def load_processor(checkpoint: Checkpoint, auto: Any) -> Any:
    """Load the tokenizer or feature extractor of a checkpoint, from its folder alone.

    Raises:
        Unavailable: transformers cannot load it: a file is missing or damaged; the message carries its reason.
    """
    try:
        with warnings.catch_warnings():
            # AST's extractor warns of its own published settings
            warnings.filterwarnings("ignore", "At least one mel filter has all zero values")
            return auto.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # tokenizers raises plain exceptions
        what = "feature extractor" if checkpoint.modality() == "audio" else "tokenizer"
        raise Unavailable(
            f"transformers cannot load the {what} of checkpoint {checkpoint.name}",
            got=str(error).strip().partition("\n")[0],
            do="use the folder that save_pretrained wrote, whole",
        ) from None


def check_complete(name: str, report: Mapping[str, Any], unused: tuple[str, ...]) -> None:
    """Raise Mismatch where a weight that shapes a vector would be random. Transformers itself only warns."""
    lacking = [key for key in report["missing_keys"] if not any(part in key for part in unused)]
    wrong = [str(key[0]) for key in report["mismatched_keys"]]
    if lacking or wrong:
        raise Mismatch(
            f"checkpoint {name} does not hold every weight of the network that its config.json describes",
            got=f"{len(lacking) + len(wrong)} missing or of another shape, {sorted(lacking + wrong)[0]} among them",
            do="use the folder that save_pretrained wrote, whole",
        )
