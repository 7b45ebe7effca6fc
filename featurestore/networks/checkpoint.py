"""Resolve a checkpoint, a local folder or a hub name, to a folder of safetensors weights, and read its files."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, NotFound, Unavailable
from featurestore.networks.vector_files import EXTRACTOR, PROCESSOR, shapes_vectors
from featurestore.storage.checksum import hash_file
from featurestore.storage.json_files import read_object

# What loading may read. Weights other than safetensors are pickles and are never fetched.
FILES = ["*.json", "*.safetensors", "*.model", "*.txt"]
RECORD = "finetune.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on this machine.

    Args:
        name: its hub name, or the absolute path of its folder.
        folder: where its files are.
        revision: the hub's commit; empty for a local folder.
    """

    name: str
    folder: Path
    revision: str = ""

    def config(self) -> dict[str, Any]:
        """Read the network's `config.json`."""
        return read_object(self.folder / "config.json")

    def modality(self) -> str:
        """Return `audio` where it has a feature extractor, `text` where it has only a tokenizer.

        Raises:
            BadValue: it has neither.
        """
        if self.extractor():
            return "audio"
        if any((self.folder / name).is_file() for name in ("tokenizer_config.json", "tokenizer.json", "vocab.txt")):
            return "text"
        raise BadValue(
            f"checkpoint {self.name} has neither a feature extractor nor a tokenizer",
            expected="preprocessor_config.json (audio) or tokenizer_config.json (text) beside config.json",
            got=", ".join(sorted(path.name for path in self.folder.iterdir())),
            do="save the feature extractor or tokenizer into the folder with save_pretrained",
        )

    def extractor(self) -> dict[str, Any]:
        """Read the settings of its feature extractor. Empty where it has none."""
        name = self.find_extractor()
        if not name:
            return {}
        settings = read_object(self.folder / name)
        return _select_extractor(settings) if name == PROCESSOR else settings

    def find_extractor(self) -> str:
        """Find the file that transformers reads the feature extractor's settings from. Empty where there is none."""
        processor = self.folder / PROCESSOR
        if processor.is_file() and _select_extractor(read_object(processor)):
            return PROCESSOR
        return EXTRACTOR if (self.folder / EXTRACTOR).is_file() else ""

    def classes(self) -> list[str]:
        """List the classes of its classifier in order of the logits. Empty where it has none."""
        config = self.config()
        kinds = ("ForSequenceClassification", "ForAudioClassification")
        if not any(name.endswith(kinds) for name in config.get("architectures") or []):
            return []
        names = config.get("id2label") or {str(index): f"LABEL_{index}" for index in range(2)}
        return [names[key] for key in sorted(names, key=int)]

    def digests(self, modality: str, *, spells: bool = False) -> dict[str, str]:
        """Compute the sha256 of every file that shapes a vector: `weights`, and each of the others by its name.

        Args:
            modality: of the encoder that it is used as, `audio` or `text`; of a recognizer `ctc` or `seq2seq`.
            spells: whether an audio network is fine-tuned to spell with the checkpoint's tokenizer, too.
        """
        names = {path.name for path in self.folder.iterdir() if shapes_vectors(path.name, modality, spells=spells)}
        unread = {EXTRACTOR, PROCESSOR} - {self.find_extractor()}
        weights = sorted(path.name for path in self.folder.glob("*.safetensors"))
        return {
            "weights": _hash_files(self.folder, weights),
            **{name: _hash_files(self.folder, [name]) for name in sorted(names - unread)},
        }

    def read_finetune_record(self) -> dict[str, Any]:
        """Read what fine-tuning recorded, the content of `finetune.json`. Empty where there is none."""
        path = self.folder / RECORD
        return read_object(path) if path.is_file() else {}


def resolve(name: str, handmade: Sequence[str] = ()) -> Checkpoint:
    """Find a checkpoint: a local folder, or a hub name (`owner/model[@revision]`) through the hub's local cache.

    Args:
        name: the folder or hub name.
        handmade: names of encoders without a checkpoint, which a message may suggest.

    Raises:
        NotFound: no such folder, or no such model on the hub.
        Unavailable: the hub cannot be reached and the model is not in the cache.
        BadValue: the folder holds no safetensors weights.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        checkpoint = Checkpoint(str(folder.resolve()), folder.resolve())
    elif name.startswith((".", "/", "~")) or name.count("/") != 1:
        close = get_close_matches(name.lower(), handmade, n=1)
        others = f", or a hand-made encoder: {', '.join(handmade)}" if handmade else ""
        raise NotFound(
            f"there is no checkpoint folder {name}",
            do=f"did you mean {close[0]}?"
            if close
            else f"give an existing folder, a model on the hub (owner/model){others}",
        )
    else:
        checkpoint = _fetch_from_hub(name)
    if not (checkpoint.folder / "config.json").is_file():
        raise BadValue(
            f"{name} is not a checkpoint",
            expected="config.json and model.safetensors, as save_pretrained writes them",
            do="give the folder that save_pretrained or cli finetune wrote, or a model on the hub: owner/model",
        )
    if not any(checkpoint.folder.glob("*.safetensors")):
        raise BadValue(
            f"checkpoint {name} has no safetensors weights, and pickled weights are never loaded",
            got=", ".join(sorted(path.name for path in checkpoint.folder.iterdir())),
            do="load it where you trust it, and save it to a new folder with save_pretrained",
        )
    return checkpoint


def _fetch_from_hub(name: str) -> Checkpoint:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    model, _, revision = name.partition("@")
    try:
        folder = Path(snapshot_download(model, revision=revision or None, allow_patterns=FILES))
        if not any(folder.glob("*.safetensors")):
            folder = _download_conversion(model) or folder
    except RepositoryNotFoundError:
        raise NotFound(
            f"the hub has no model {name!r}, or it is private",
            do="check the name, or log in with `hf auth login`, or give a local folder instead",
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise Unavailable(
            f"cannot fetch checkpoint {name}: the hub cannot be reached and it is not in the local cache",
            got=str(error).strip().partition("\n")[0].removeprefix("Got: "),
            do="copy the model's folder to this machine, and give the folder instead of the name",
        ) from None
    return Checkpoint(name, folder, revision=folder.name)


def _download_conversion(model: str) -> Path | None:
    # Older models (deberta-v3-small among them) have their safetensors only on the hub's conversion pull request.
    from huggingface_hub import snapshot_download
    from transformers.safetensors_conversion import auto_conversion

    revision = auto_conversion(model)[1]
    return Path(snapshot_download(model, revision=revision, allow_patterns=FILES)) if revision else None


def _select_extractor(processor: dict[str, Any]) -> dict[str, Any]:
    """Return the feature extractor's part of a processor's settings. Empty where it has none."""
    settings: dict[str, Any] = processor.get("feature_extractor", processor.get("audio_processor", {}))
    return settings


def _hash_files(folder: Path, names: list[str]) -> str:
    digests = [hash_file(folder / name) for name in names]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
