"""What fine-tuning feeds a network: clips or texts one by one, batches of similar length, padded and masked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from transformers.trainer_pt_utils import get_length_grouped_indices

from featurestore.encoders._fixed import fixed
from featurestore.encoders._front import shortest_clip
from featurestore.encoders._tokens import Tokenised
from featurestore.errors import BadValue, Unencodable
from featurestore.manifest import Utterance

Inputs = dict[str, Any]


class Preparer(Protocol):
    """Turns utterances into what a network reads."""

    def load(self, utterance: Utterance) -> Inputs:
        """One utterance's inputs without padding; raises Unencodable."""

    def size(self, inputs: Inputs) -> int:
        """Length in samples or tokens."""

    def batch(self, items: Sequence[Inputs]) -> dict[str, torch.Tensor]:
        """Padded to the longest, with an attention mask."""


class Clips:
    """Clips, read from disk when they are needed, each normalised over its own samples.

    With a fixed length each is then cut, or padded with zeros that no mask hides.
    """

    def __init__(self, root: Path, extractor: Any, config: Any, fixed_length: int = 0) -> None:
        self.root, self.extractor, self.fixed = root, extractor, fixed_length
        if fixed_length and extractor.model_input_names[0] != "input_values":
            raise BadValue(
                f"a {config.model_type} encoder reads spectra, which have no fixed length in samples",
                do="leave fixed_length at 0, or take an encoder that reads the waveform",
            )
        self.least = shortest_clip(config) if getattr(config, "conv_kernel", None) else 1

    def load(self, utterance: Utterance) -> Inputs:
        """Decodes, resamples and normalises one clip."""
        from featurestore import audio

        if not utterance.audio:
            raise Unencodable("no audio in the manifest")
        samples = audio.read(self.root / utterance.audio, self.extractor.sampling_rate)  # (S,)
        if len(samples) < self.least:
            raise Unencodable(f"too short for one frame: {len(samples)} samples, {self.least} needed")
        inputs = self.extractor(samples, sampling_rate=self.extractor.sampling_rate, return_tensors="np")
        names = self.extractor.model_input_names[:1]
        return {name: fixed(np.asarray(inputs[name][0], dtype=np.float32), self.fixed) for name in names}

    def size(self, inputs: Inputs) -> int:
        """The clip's length in samples, or frames of its spectrum."""
        return len(next(iter(inputs.values())))

    def batch(self, items: Sequence[Inputs]) -> dict[str, torch.Tensor]:
        """Waveforms (B, S) with their mask; those of a fixed length, and spectra, which are equally long, without."""
        (name,) = items[0]
        if self.fixed or name != "input_values" or items[0][name].ndim > 1:
            return {name: torch.from_numpy(np.stack([item[name] for item in items]))}
        padded = self.extractor.pad(
            {name: [item[name] for item in items]},
            pad_to_multiple_of=self.extractor.sampling_rate // 10,  # on a CPU every new shape costs anew
            return_attention_mask=True,
            return_tensors="pt",
        )
        return {name: padded[name], "attention_mask": padded["attention_mask"].long()}


class Texts:
    """Texts as tokens; with a fixed length each is padded to it (as far as the network reads), without a mask."""

    def __init__(self, tokenizer: Any, config: Any, fixed_length: int = 0) -> None:
        self.texts = Tokenised(tokenizer, config, fixed_length)

    def load(self, utterance: Utterance) -> Inputs:
        """Tokenises one text."""
        return {"input_ids": self.texts.read(utterance.text)}

    def size(self, inputs: Inputs) -> int:
        """The text's length in tokens."""
        return len(inputs["input_ids"])

    def batch(self, items: Sequence[Inputs]) -> dict[str, torch.Tensor]:
        """Tokens (B, T) and their mask; without one where they are of a fixed length."""
        tokens, mask = map(torch.from_numpy, self.texts.batch([item["input_ids"] for item in items]))
        return {"input_ids": tokens} if self.texts.fixed else {"input_ids": tokens, "attention_mask": mask}


@dataclass(frozen=True)
class Part(torch.utils.data.Dataset[Inputs]):
    """The utterances to train on, or those held out, that can be read; `sizes` in samples or tokens."""

    utterances: tuple[Utterance, ...]
    targets: tuple[int, ...]
    sizes: tuple[int, ...]
    preparer: Preparer

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Inputs:
        return {**self.preparer.load(self.utterances[index]), "labels": self.targets[index]}


def part(
    utterances: Sequence[Utterance], classes: Mapping[str, str], names: Sequence[str], preparer: Preparer
) -> tuple[Part, dict[str, str]]:
    """Reads every utterance once: those that can be read, shortest first, and why the others cannot, by id."""
    sizes: dict[str, int] = {}
    unread: dict[str, str] = {}
    for utterance in utterances:
        try:
            sizes[utterance.id] = preparer.size(preparer.load(utterance))
        except Unencodable as problem:
            unread[utterance.id] = str(problem)
    kept = sorted((u for u in utterances if u.id in sizes), key=lambda u: (sizes[u.id], u.id))
    targets = tuple(names.index(classes[utterance.id]) for utterance in kept)
    return Part(tuple(kept), targets, tuple(sizes[utterance.id] for utterance in kept), preparer), unread


@dataclass(frozen=True)
class Collator:
    """Makes one padded batch of prepared utterances, `labels` (B,) included."""

    preparer: Preparer

    def __call__(self, items: Sequence[Inputs]) -> dict[str, torch.Tensor]:
        labels = torch.tensor([item["labels"] for item in items])
        bare = [{name: value for name, value in item.items() if name != "labels"} for item in items]
        return {**self.preparer.batch(bare), "labels": labels}


class ByLength(torch.utils.data.Sampler[int]):
    """Similar lengths side by side, in an order that depends on seed and epoch alone: a resumed epoch is the same."""

    def __init__(self, sizes: Sequence[int], batch: int, seed: int) -> None:
        self.sizes, self.batch, self.seed, self.epoch = list(sizes), batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(get_length_grouped_indices(self.sizes, self.batch, generator=generator))
