"""What the two kinds of transformers encoder share: identity, loading, and the base network's output."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from featurestore.errors import Mismatch, Unavailable
from featurestore.exposure import from_record
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.families import Family
from featurestore.networks.identity import OPTIONAL, Identity
from featurestore.spec import EncoderSpec

# Weights that no stored vector depends on and many published checkpoints lack; without a classifier the pooler too.
UNUSED = ("masked_spec_embed",)

# Architectures whose encoder alone has a class of its own, which spares loading the decoder.
_ENCODERS = ("mt5", "t5", "umt5")

# Families whose fused attention transformers supports and our tests cover; any other runs eager, which all have.
FUSED = {"bert", "distilbert", "hubert", "roberta", "wav2vec2", "whisper", "xlm-roberta"}


def identity(
    spec: EncoderSpec,
    checkpoint: Checkpoint,
    family: Family,
    *,
    modality: str,
    kinds: tuple[str, ...],
    **described: Any,
) -> Identity:
    """Identify a transformers checkpoint; `described` adds what is particular to its modality."""
    config, digests, classes = checkpoint.config(), checkpoint.digests(), checkpoint.classes()
    record = checkpoint.trained_on()
    description = {
        "class": f"hf-{modality}",
        "checkpoint": checkpoint.name,
        "revision": checkpoint.revision,
        "model_type": config.get("model_type", ""),
        "weights": digests.pop("weights"),
        "files": digests,
        "dtype": "float32",
        "attention": "sdpa" if config.get("model_type") in FUSED else "eager",
        **described,
    }
    return Identity(
        name=spec.name or modality,
        modality=modality,
        description=description,
        kinds=(
            *kinds,
            *(["logits"] if classes else []),
            *(kind for kind in OPTIONAL if kind != "layers" or family.layers),
        ),
        classes=tuple(classes),
        trained_on=from_record(record),
        checkpoint=checkpoint,
    )


def load_network(identity: Identity, family: Family, classifier: Any, bare: Any, device: str) -> tuple[Any, Any]:
    """Load a frozen network in float32 and evaluation mode, with its classifier where it has one.

    Returns:
        the network to call, and the part of it whose frames are stored: itself where it has no classifier.

    Raises:
        Mismatch: weights are missing.
        Unavailable: transformers cannot load the checkpoint; the message carries its reason.
    """
    import torch
    from transformers.utils import logging

    from featurestore.networks.constant import do_once

    logging.set_verbosity_error()  # what it has to say about weights is checked below, and told as an error
    logging.disable_progress_bar()
    checkpoint = identity.checkpoint
    if checkpoint is None:
        raise ValueError("a hand-made extractor has no network")
    auto = classifier if identity.classes else _bare(identity, bare)
    model, report = load_model(checkpoint, auto, attn_implementation=identity.description["attention"])
    unused = ("decoder", "pooler") if family.encoder else ("pooler",)
    check_complete(checkpoint.name, report, UNUSED if identity.classes else (*UNUSED, *unused))
    if device.startswith("cuda"):
        # TensorFloat-32 keeps three digits: a vector would depend on which kernel the batch's shape selects
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    frames = _giving_frames(model, identity, family)
    model = model if identity.classes else frames
    model = model.eval().requires_grad_(False).to(device)
    do_once(model)
    return model, frames


def _bare(identity: Identity, bare: Any) -> Any:
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


def _giving_frames(model: Any, identity: Identity, family: Family) -> Any:
    """Find the part of a network whose output is frames of the input."""
    if identity.description["model_type"] in ("clap", "clap_audio_model"):
        return getattr(model, "audio_model", model)
    return model.get_encoder() if family.encoder else model.base_model


def load_model(checkpoint: Checkpoint, auto: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Load a network in float32 by one of transformers' auto classes, and what it reports of weights.

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
    except Exception as error:  # whatever a configuration or a damaged file leads a foreign network to
        got = str(error).strip().partition("\n")[0]
        raise Unavailable(f"transformers cannot load checkpoint {checkpoint.name}", got=got) from None
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
    except Exception as error:  # tokenizers' own errors have no type of their own
        what = "feature extractor" if checkpoint.modality() == "audio" else "tokenizer"
        raise Unavailable(
            f"transformers cannot load the {what} of checkpoint {checkpoint.name}",
            got=str(error).strip().partition("\n")[0],
            do="use the folder that save_pretrained wrote, whole",
        ) from None


def check_runs(checkpoint: Checkpoint, run: Callable[[], object]) -> None:
    """Run a network once, so that one that transformers cannot run is told before any utterance is encoded.

    Raises:
        Unavailable: it fails; the message carries its reason.
    """
    try:
        run()
    except Exception as error:
        got = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise Unavailable(
            f"transformers cannot run checkpoint {checkpoint.name}, whatever it is given",
            got=got,
            do="run it with transformers alone, and compare its config.json with that of a checkpoint which works",
        ) from None


def to_device(values: np.ndarray, device: str) -> Any:
    """Copy an array to a device; to a GPU through pinned memory, so that copying does not stop the sender."""
    import torch

    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else tensor.to(device)


def check_complete(name: str, report: Mapping[str, Any], unused: tuple[str, ...]) -> None:
    """Raise Mismatch where a weight that shapes a vector would be random: transformers itself only warns."""
    lacking = [key for key in report["missing_keys"] if not any(part in key for part in unused)]
    wrong = [str(key[0]) for key in report["mismatched_keys"]]
    if lacking or wrong:
        raise Mismatch(
            f"checkpoint {name} does not hold every weight of the network that its config.json describes",
            got=f"{len(lacking) + len(wrong)} missing or of another shape, {sorted(lacking + wrong)[0]} among them",
            do="use the folder that save_pretrained wrote, whole",
        )


class Tap:
    """Keeps what the base network returned in the last forward pass, whatever classifier sits on top of it."""

    def __init__(self, base: Any) -> None:
        self.output: Any = None
        base.register_forward_hook(self._keep)

    def _keep(self, module: Any, inputs: Any, output: Any) -> None:
        self.output = output

    def take(self) -> Any:
        """Return the last output, handed over so that it is not kept alive."""
        output, self.output = self.output, None
        return output
