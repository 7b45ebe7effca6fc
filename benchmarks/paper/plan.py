"""What a run of the paper does, worked out from its switches and the corpus before anything is done."""

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
from featurestore.store import Store

CUT = 54_622  # samples at 16 kHz: a tenth of IEMOCAP's longest clip, as the paper has it
FRAMES = 170  # frames of wav2vec2 in as many samples
BLOCK = 3  # epochs between two rows of the paper's tables
MODALITIES = ("text", "audio")


@dataclass(frozen=True)
class Epochs:
    """Passes over the training part, of each of the three models."""

    text: int = 9
    audio: int = 9
    fusion: int = 6


@dataclass(frozen=True)
class Plan:
    """A run of the paper on one store.

    Args:
        store: prepared.
        switches: which of the published code's ways it follows.
        epochs: of each model.
        checkpoints: hub name or folder to start from, by modality; empty for the demo's own.
    """

    store: Store
    switches: Switches
    epochs: Epochs
    checkpoints: Mapping[str, str]

    @property
    def protocol(self) -> str:
        """How the turns are cut."""
        return "paper-tail" if self.switches.sequential_split else "holdout"

    @property
    def labels(self) -> Scheme:
        """The classes of the fusion and of the audio model."""
        return schemes.scheme(schemes.default(self.store.corpus))

    def scheme(self, stage: str) -> Scheme:
        """The classes that a stage learns: `text`, `audio` or `fusion`."""
        if stage != "text" or not self.switches.every_text_label:
            return self.labels
        return schemes.scheme("iemocap-10" if self.labels.name.startswith("iemocap") else schemes.ALL)

    def fold(self, stage: str) -> Fold:
        """The cut of a stage. As published, a rare label may be in its test part alone, where it counts as wrong."""
        classes = self.scheme(stage).apply(self.store.utterances)
        protocol = registry.module("protocols", self.protocol)
        folds: list[Fold] = protocol.folds(self.store.utterances, classes, 0)
        return folds[0]

    def encoder(self, modality: str) -> str:
        """The name of an encoder's feature file; an `@` keeps it out of the store's default features."""
        return f"{modality}@paper-{self.switches.mode}"

    def settings(self, modality: str) -> Any:
        """How an encoder is tuned: the paper's settings, or the demo's own for its small networks."""
        from featurestore.finetuning.finetune import Settings

        chosen = Settings()
        if self.is_own(modality):
            from featurestore.finetuning import demo_models

            chosen = demo_models.SETTINGS[modality]
        length = self.fixed_length(modality)
        return replace(chosen, epochs=getattr(self.epochs, modality), fixed_length=length)

    def is_own(self, modality: str) -> bool:
        """Whether the encoder starts from the demo's own small network."""
        return not self.checkpoints.get(modality)

    def fixed_length(self, modality: str) -> int:
        """What every input is cut or padded to, in samples or tokens; 0 where each is as long as it is."""
        if modality == "audio":
            return CUT if self.switches.cut_audio else 0
        longest = max(len(utterance.text) for utterance in self.store.utterances)
        return longest if self.switches.unmasked_text else 0

    def fusion_features(self) -> list[str]:
        """What the fusion reads, in the paper's order: frames and scores of the audio, vector and scores of the text.

        The text's vector is that of its first token, as the network gives it.
        """
        text, audio = (self.encoder(modality) for modality in MODALITIES)
        frames = f"{audio}.frames[{FRAMES}]" if self.switches.flattened_frames else f"{audio}.mean"
        return [frames, f"{audio}.logits", f"{text}.cls", f"{text}.logits"]

    def fusion_params(self) -> dict[str, Any]:
        """The settings of the fusion head, all of them that matter."""
        switches = self.switches
        wide = switches.flattened_frames
        # the demo's frames are 12 x narrower than the paper's, and its epochs of 30 steps are 6 x shorter
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
        """All of it, for the results."""
        encoders = {modality: asdict(self.settings(modality)) for modality in MODALITIES}
        return {
            "protocol": self.protocol,
            "checkpoints": {modality: self.checkpoints.get(modality) or "the demo's own" for modality in MODALITIES},
            "labels": {stage: self.scheme(stage).name for stage in (*MODALITIES, "fusion")},
            "settings": {**encoders, "fusion": {"features": self.fusion_features(), **self.fusion_params()}},
        }


@cache
def published() -> dict[str, Any]:
    """The paper's figures and settings, from the one file that holds them."""
    content: dict[str, Any] = json.loads((Path(__file__).parent / "published.json").read_text("utf-8"))
    return content


def blocks(epochs: int) -> list[tuple[int, int]]:
    """First and last epoch of each block.

    >>> blocks(7)
    [(1, 3), (4, 6), (7, 7)]
    """
    return [(start, min(start + BLOCK - 1, epochs)) for start in range(1, epochs + 1, BLOCK)]
