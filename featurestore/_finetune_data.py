"""Feed a network in fine-tuning: clips or texts one by one, batches of similar length, padded and masked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers.trainer_pt_utils import get_length_grouped_indices

from featurestore.encoders import Item
from featurestore.encoders._clips import Clip, ClipReader
from featurestore.encoders._tokens import Tokenised, Tokens
from featurestore.errors import Unencodable
from featurestore.manifest import Utterance

# One utterance, prepared and not padded: what `Preparer.load` makes and `Preparer.batch` takes.
Loaded = Any


class Preparer(Protocol):
    """Turns utterances into what a network reads."""

    def load(self, utterance: Utterance) -> Loaded:
        """Prepare one utterance without padding; raises Unencodable."""

    def size(self, loaded: Loaded) -> int:
        """Measure a prepared utterance, in samples, frames or tokens."""

    def batch(self, items: Sequence[Loaded]) -> dict[str, torch.Tensor]:
        """Pad to the longest, with an attention mask."""


class Clips:
    """Clips, read from disk when they are needed, each prepared by the network's own feature extractor.

    With a fixed length each is then cut, or padded with zeros that no mask hides.
    """

    def __init__(self, root: Path, extractor: Any, config: Any, fixed_length: int = 0) -> None:
        self.root, self.reader = root, ClipReader(extractor, config, fixed_length)

    def item(self, utterance: Utterance) -> Item:
        """Say which clip of the corpus an utterance is."""
        return Item(utterance.id, self.root / utterance.audio if utterance.audio else None, utterance.text)

    def load(self, utterance: Utterance) -> Clip:
        """Decode, resample and prepare one clip."""
        from featurestore import audio

        item = self.item(utterance)
        if item.audio is None:
            raise Unencodable("no audio in the manifest")
        return self.reader.read(audio.read(item.audio, self.reader.rate))

    def size(self, loaded: Clip) -> int:
        """Measure a clip in samples, or in frames of its spectrum."""
        return len(next(iter(loaded.inputs.values())))

    def batch(self, items: Sequence[Clip]) -> dict[str, torch.Tensor]:
        """Pad clips with a mask; those of a fixed length, and spectra of one length, are stacked without."""
        multiple = self.reader.rate // 10  # on a CPU every new shape costs anew
        return {name: torch.from_numpy(values) for name, values in self.reader.batch(items, multiple).items()}


class Texts:
    """Texts as tokens; with a fixed length each is padded to it (as far as the network reads), without a mask."""

    def __init__(self, tokenizer: Any, config: Any, fixed_length: int = 0) -> None:
        self.texts = Tokenised(tokenizer, config, fixed_length)

    def load(self, utterance: Utterance) -> Tokens:
        """Tokenise one text."""
        return self.texts.read(utterance.text)

    def size(self, loaded: Tokens) -> int:
        """Measure a text in tokens."""
        return len(loaded)

    def batch(self, items: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """Pad tokens to (B, T) with their mask; without one where they are of a fixed length."""
        tokens, mask = self.texts.batch(items)
        types = self.texts.types(tokens)
        inputs = {"input_ids": tokens, **({} if self.texts.fixed else {"attention_mask": mask})}
        inputs |= {} if types is None else {"token_type_ids": types}
        return {name: torch.from_numpy(values) for name, values in inputs.items()}


@dataclass(frozen=True)
class Part(torch.utils.data.Dataset[tuple[Loaded, int]]):
    """The utterances to train on, or those held out, that can be read; `sizes` in samples or tokens."""

    utterances: tuple[Utterance, ...]
    targets: tuple[int, ...]
    sizes: tuple[int, ...]
    preparer: Preparer

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> tuple[Loaded, int]:
        return self.preparer.load(self.utterances[index]), self.targets[index]


def part(
    utterances: Sequence[Utterance],
    classes: Mapping[str, str],
    names: Sequence[str],
    preparer: Preparer,
    check: Callable[[Utterance], None] = lambda utterance: None,
) -> tuple[Part, dict[str, Unencodable]]:
    """Read every utterance once.

    Args:
        utterances: of the part.
        classes: class by id.
        names: the classes in the order of the logits.
        preparer: of the network.
        check: is asked before an utterance is read; raises Unencodable for one that is not wanted.

    Returns:
        those that can be read, shortest first, and why the others are left out, by id.
    """
    sizes: dict[str, int] = {}
    left_out: dict[str, Unencodable] = {}
    for utterance in utterances:
        try:
            check(utterance)
            sizes[utterance.id] = preparer.size(preparer.load(utterance))
        except Unencodable as reason:
            left_out[utterance.id] = reason
    kept = sorted((u for u in utterances if u.id in sizes), key=lambda u: (sizes[u.id], u.id))
    targets = tuple(names.index(classes[utterance.id]) for utterance in kept)
    return Part(tuple(kept), targets, tuple(sizes[utterance.id] for utterance in kept), preparer), left_out


@dataclass(frozen=True)
class Collator:
    """Makes one padded batch of prepared utterances, `labels` (B,) included."""

    preparer: Preparer

    def __call__(self, items: Sequence[tuple[Loaded, int]]) -> dict[str, torch.Tensor]:
        loaded, labels = zip(*items, strict=True)
        return {**self.preparer.batch(loaded), "labels": torch.tensor(labels)}


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
