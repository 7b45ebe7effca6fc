"""Plan a run of the paper from its switches and the corpus: folds, classes, settings and features."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.paper.switches import Switches
from featurestore import labels as schemes
from featurestore import registry
from featurestore.folds.fold import Fold
from featurestore.labels import Scheme
from featurestore.spec import PAPER
from featurestore.store import Store

CUT = 54_622  # samples at 16 kHz: a tenth of IEMOCAP's longest clip, as in the paper
FRAMES = 170  # wav2vec2 frames of CUT samples
BLOCK = 3  # epochs between two rows of the paper's tables
MODALITIES = ("text", "audio")


@dataclass(frozen=True)
class Epochs:
    """The number of passes over the training part, by model."""

    text: int = 9
    audio: int = 9
    fusion: int = 6


@dataclass(frozen=True)
class PaperPlan:
    """A run of the paper on one store.

    Args:
        store: prepared.
        switches: which quirks of the published code to follow.
        epochs: of each model.
        checkpoints: hub name or folder to start from, by modality; empty for the demo's own networks.
    """

    store: Store
    switches: Switches
    epochs: Epochs
    checkpoints: Mapping[str, str]

    @property
    def protocol(self) -> str:
        """The protocol that splits the turns."""
        return "paper-tail" if self.switches.sequential_split else "holdout"

    @property
    def labels(self) -> Scheme:
        """The classes of the fusion and of the audio model."""
        return schemes.load_scheme(schemes.find_default(self.store.corpus))

    def scheme(self, stage: str) -> Scheme:
        """Return the classes of a stage: `text`, `audio` or `fusion`."""
        if stage != "text" or not self.switches.every_text_label:
            return self.labels
        return schemes.load_scheme("iemocap-10" if self.labels.name.startswith("iemocap") else schemes.ALL)

    def fold(self, stage: str) -> Fold:
        """Return the fold of a stage. As published, a rare label may be in test only, where it counts as wrong."""
        classes = self.scheme(stage).apply(self.store.utterances)
        protocol = registry.module("protocols", self.protocol)
        folds: list[Fold] = protocol.folds(self.store.utterances, classes, 0)
        return folds[0]

    def encoder(self, modality: str) -> str:
        """Return the name of an encoder's feature file. Its `@` keeps it out of the store's default features."""
        return f"{modality}{PAPER}-{self.switches.mode}"

    def settings(self, modality: str) -> Any:
        """Return the fine-tuning settings of an encoder: the paper's, or the demo's for its small networks."""
        from featurestore.finetuning.options.settings import AS_PUBLISHED

        chosen = AS_PUBLISHED
        if self.is_own(modality):
            from featurestore.finetuning import demo_models

            chosen = demo_models.SETTINGS[modality]
        length = self.find_fixed_length(modality)
        return replace(chosen, epochs=getattr(self.epochs, modality), fixed_length=length)

    def is_own(self, modality: str) -> bool:
        """Tell whether the encoder starts from the demo's own small network."""
        return not self.checkpoints.get(modality)

    def find_fixed_length(self, modality: str) -> int:
        """Return the length that every input is cut or padded to, in samples or tokens, or 0 for its own length."""
        if modality == "audio":
            return CUT if self.switches.cut_audio else 0
        longest = max(len(utterance.text) for utterance in self.store.utterances)
        return longest if self.switches.unmasked_text else 0

    def fusion_features(self) -> list[str]:
        """Return the fusion's features in the paper's order: audio frames and logits, text vector and logits.

        The text vector is the network's output for the first token.
        """
        text, audio = (self.encoder(modality) for modality in MODALITIES)
        frames = f"{audio}.frames[{FRAMES}]" if self.switches.flattened_frames else f"{audio}.mean"
        return [frames, f"{audio}.logits", f"{text}.cls", f"{text}.logits"]

    def fusion_params(self) -> dict[str, Any]:
        """Return the settings of the fusion head."""
        switches = self.switches
        wide = switches.flattened_frames
        # the demo has 12 x fewer columns of frames than the paper, and 6 x shorter epochs of 30 steps
        small = self.is_own("audio") and self.is_own("text")
        return {
            "hidden": (512, 128, 32),
            "activation": "identity" if switches.linear_fusion else "relu",
            "extra_outputs": int(switches.extra_output),
            "double_softmax": switches.double_softmax,
            "standardize": not wide,
            "learning_rate": 1e-5 if wide and not small else 1e-3,
            "epochs": self.epochs.fusion,
            "batch_size": 32,
            "weight_decay": 0.01,
            "max_grad_norm": 1.0,
            "random_state": 0,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the plan for `results.json`."""
        encoders = {modality: asdict(self.settings(modality)) for modality in MODALITIES}
        return {
            "protocol": self.protocol,
            "checkpoints": {modality: self.checkpoints.get(modality) or "the demo's own" for modality in MODALITIES},
            "labels": {stage: self.scheme(stage).name for stage in (*MODALITIES, "fusion")},
            "settings": {**encoders, "fusion": {"features": self.fusion_features(), **self.fusion_params()}},
        }


@cache
def read_published_figures() -> dict[str, Any]:
    """Read the paper's figures and settings from `published.json`."""
    content: dict[str, Any] = json.loads((Path(__file__).parent / "published.json").read_text("utf-8"))
    return content


def split_epochs(epochs: int) -> list[tuple[int, int]]:
    """Return the first and last epoch of each block.

    >>> split_epochs(7)
    [(1, 3), (4, 6), (7, 7)]
    """
    return [(start, min(start + BLOCK - 1, epochs)) for start in range(1, epochs + 1, BLOCK)]
