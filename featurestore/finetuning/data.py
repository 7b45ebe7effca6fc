"""Prepare utterances for fine-tuning, and batch those of similar length, padded and masked."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import torch
from transformers.trainer_pt_utils import get_length_grouped_indices

from featurestore.errors import BadValue, Unencodable
from featurestore.finetuning.augmentation import Augmentation
from featurestore.finetuning.clip_cache import ClipCache, hold_waveform
from featurestore.finetuning.loading_workers import explain_unreadable
from featurestore.item import Item
from featurestore.networks.clips import ClipInput, ClipReader
from featurestore.networks.frames import WHISPER
from featurestore.networks.padding import MASK
from featurestore.networks.supported_architectures import AUDIO, Architecture
from featurestore.networks.transcripts import TokenReader, Tokens
from featurestore.spec import WHOLE_WINDOW

# One utterance, prepared and not padded: what `Preparer.load` returns and `Preparer.batch` takes.
Loaded = Any

IGNORED = -100  # a label that counts nowhere, as torch's cross entropy has it


class Preparer(Protocol):
    """Turn utterances into what a network reads."""

    modality: str
    shortest: int  # samples that a clip must have; 0 for texts

    @property
    def rate(self) -> int | None:
        """Rate of the clips in Hz; None for texts."""

    def load(self, item: Item) -> Loaded:
        """Prepare one utterance without padding.

        Raises:
            Unencodable: it cannot be encoded, with the reason.
        """

    def size(self, loaded: Loaded) -> int:
        """Measure a prepared utterance, in samples, frames or tokens."""

    def batch(self, items: Sequence[Loaded]) -> dict[str, torch.Tensor]:
        """Pad to the longest, with an attention mask."""


class ClipPreparer:
    """Prepare clips by the network's own feature extractor, read from disk when they are needed.

    With a fixed length each is then cut, or padded with zeros without a mask. Batches of Whisper name each clip's own
    frames, which alone its classifier averages.
    """

    modality = "audio"

    def __init__(self, extractor: Any, config: Any, fixed_length: int = 0, window: str = WHOLE_WINDOW) -> None:
        name_spans = config.model_type == WHISPER
        self.reader = ClipReader(extractor, config, fixed_length, window=window, name_spans=name_spans)
        self.rate, self.shortest = self.reader.rate, self.reader.shortest
        self.batchable = AUDIO.get(str(config.model_type), Architecture()).batchable

    def load(self, item: Item) -> ClipInput:
        """Decode, resample and prepare one clip."""
        return self.reader.read(item.waveform(self.reader.rate))

    def size(self, loaded: ClipInput) -> int:
        """Measure a clip in samples, or in frames of its spectrum. Whisper's is as long as its window."""
        if self.reader.config.model_type == WHISPER:
            return self.reader.measure(loaded)
        return len(next(iter(loaded.inputs.values())))

    def batch(self, items: Sequence[ClipInput]) -> dict[str, torch.Tensor]:
        """Pad clips with a mask. Clips of a fixed length, and spectra of one length, are stacked without.

        A single clip of a network whose answer padding changes is not padded at all.
        """
        if len(items) == 1 and not self.batchable:
            inputs = self.reader.alone(items[0])
        else:
            inputs = self.reader.batch(items, self.reader.rate // 10)  # on a CPU every new shape costs time
        return {name: torch.from_numpy(values) for name, values in inputs.items()}


class TextPreparer:
    """Tokenize texts. With a fixed length each is padded to it (as far as the network reads), without a mask.

    Args:
        tokenizer: of transformers.
        config: of the network.
        fixed_length: tokens of every text; 0 for its own length.
        context: turns before an utterance that its item may carry; 0 for none.

    Raises:
        BadValue: a context, and the network has no token that can separate turns.
    """

    modality = "text"
    rate = None
    shortest = 0

    def __init__(self, tokenizer: Any, config: Any, fixed_length: int = 0, context: int = 0) -> None:
        self.texts = TokenReader(tokenizer, config, fixed_length, context)
        if context and config.is_encoder_decoder and self.texts.separator == config.eos_token_id:
            raise BadValue(
                f"a {config.model_type} network cannot be fine-tuned with context: its classifier reads the end token, "
                "which also separates turns",
                do="start from another network, such as BERT, RoBERTa or DeBERTa, or leave --context out",
            )

    def load(self, item: Item) -> Tokens:
        """Tokenize one text, with the turns before it."""
        return self.texts.read(item.text, item.context).tokens

    def size(self, loaded: Tokens) -> int:
        """Measure a text in tokens."""
        return len(loaded)

    def batch(self, items: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """Pad tokens to (B, T) with their mask, without one where they have a fixed length."""
        tokens, mask = self.texts.batch(items)
        types = self.texts.types(tokens)
        inputs = {"input_ids": tokens, **({} if self.texts.fixed_length else {MASK: mask})}
        inputs |= {} if types is None else {"token_type_ids": types}
        return {name: torch.from_numpy(values) for name, values in inputs.items()}


class Filler(NamedTuple):
    """Key of an utterance that fills a micro-batch of a process without a share, and counts nowhere.

    Args:
        number: index of the utterance.
        epoch: from 0.
    """

    number: int
    epoch: int


@dataclass(frozen=True)
class TrainingPart(torch.utils.data.Dataset[tuple[Loaded, int]]):
    """Utterances to train on, or those held out, that can be read.

    Args:
        items: the utterances, the shortest first.
        targets: the class of each, as its index among the logits.
        sizes: of each, in samples or tokens.
        contents: sha256 of the input of each, the decoded samples or the words.
        preparer: of the network.
        samples: length of each clip at the network's rate; 0 for texts.
        cache: of decoded clips; None where each is decoded when it is needed.
        augmentation: of clips that are asked for with an epoch; None for none.
    """

    items: tuple[Item, ...]
    targets: tuple[int, ...]
    sizes: tuple[int, ...]
    contents: tuple[str, ...]
    preparer: Preparer
    samples: tuple[int, ...] = ()
    cache: ClipCache | None = None
    augmentation: Augmentation | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: int | tuple[int, int]) -> tuple[Loaded, int]:
        """Prepare an utterance by its index, or as it is in training by its index and the epoch, from 0.

        The label of a `Filler` is `IGNORED`.

        Raises:
            UnreadableClip: it could be read before, and cannot any more.
        """
        index, epoch = key if isinstance(key, tuple) else (key, None)
        with explain_unreadable(self.items[index].id):
            target = IGNORED if isinstance(key, Filler) else self.targets[index]
            return self.preparer.load(self._find_input(self.items[index], epoch)), target

    def _find_input(self, item: Item, epoch: int | None) -> Item:
        """Return the utterance with its samples, as cached and as varied in the epoch."""
        item, rate = replace(item), self.preparer.rate  # a copy: an item keeps its decoded clip in memory
        held = self.cache.read(item.id) if self.cache else None
        varied = self.augmentation if epoch is not None else None
        if rate is None or (held is None and varied is None):
            return item
        wave = item.waveform(rate) if held is None else held
        return hold_waveform(item, wave if varied is None else varied.vary(wave, item.id, epoch or 0), rate)


@dataclass(frozen=True)
class _Row:
    """What is known of an utterance that was read."""

    size: int
    id: str
    item: Item
    content: str
    samples: int


def read_part(
    items: Sequence[Item],
    classes: Mapping[str, str],
    class_names: Sequence[str],
    preparer: Preparer,
    check: Callable[[Item], None] = lambda item: None,
    cache: ClipCache | None = None,
) -> tuple[TrainingPart, dict[str, Unencodable]]:
    """Read every utterance of a part once.

    Args:
        items: the utterances of the part.
        classes: class by utterance id.
        class_names: the classes in the order of the logits.
        preparer: of the network.
        check: called before an utterance is read; raises Unencodable for one that is left out.
        cache: receives the decoded clips, and has those of an earlier process.

    Returns:
        the utterances that can be read, shortest first, and the reason of each of the others, by utterance id.
    """
    read: list[_Row] = []
    left_out: dict[str, Unencodable] = {}
    for item in items:
        try:
            check(item)
            read.append(_read_item(item, preparer, cache))
        except Unencodable as reason:
            left_out[item.id] = reason
    if cache:
        cache.close()
    read.sort(key=lambda row: (row.size, row.id))
    part = TrainingPart(
        items=tuple(row.item for row in read),
        targets=tuple(class_names.index(classes[row.id]) for row in read),
        sizes=tuple(row.size for row in read),
        contents=tuple(row.content for row in read),
        preparer=preparer,
        samples=tuple(row.samples for row in read),
        cache=cache,
    )
    return part, left_out


def _read_item(item: Item, preparer: Preparer, cache: ClipCache | None) -> _Row:
    """Read one utterance, from the cache where it has the clip."""
    rate, once = preparer.rate, replace(item)
    if rate is None:
        return _Row(preparer.size(preparer.load(once)), item.id, item, once.hash_input(preparer.modality), 0)
    row = cache.find(item) if cache and item.audio else None
    held = cache.read(item.id) if cache and row else None
    wave = once.waveform(rate) if held is None else held
    size = preparer.size(preparer.load(hold_waveform(item, wave, rate)))
    content = once.hash_input(preparer.modality) if row is None else row.content
    if cache and row is None:
        cache.add(item, wave, content)
    return _Row(size, item.id, item, content, len(wave))


@dataclass(frozen=True)
class Collator:
    """Make one padded batch of prepared utterances, `labels` (B,) included."""

    preparer: Preparer

    def __call__(self, items: Sequence[tuple[Loaded, int]]) -> dict[str, torch.Tensor]:
        """Return a padded batch with its labels."""
        loaded, labels = zip(*items, strict=True)
        return {**self.preparer.batch(loaded), "labels": torch.tensor(labels)}


class LengthGroupedSampler(torch.utils.data.Sampler[tuple[int, int]]):
    """Order utterances so that batches hold similar lengths, as keys (index, epoch) of a training part.

    The order depends on seed and epoch alone, so that a resumed epoch has the same batches. Transformers' own grouping
    by length would decode every clip to measure it, and its order does not survive a resumed epoch.

    Args:
        sizes: of the utterances, in samples or tokens.
        batch: utterances per optimizer step.
        seed: of the order.
    """

    def __init__(self, sizes: Sequence[int], batch: int, seed: int) -> None:
        self.sizes, self.batch, self.seed, self.epoch = list(sizes), batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, as the trainer does at the start of every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = get_length_grouped_indices(self.sizes, self.batch, generator=generator)
        return iter([(index, self.epoch) for index in order])


class MicroBatchSampler(torch.utils.data.Sampler[list[tuple[int, int]]]):
    """Cut every batch of an order into parts of at most `micro`, so that a batch of 31 gives 8, 8, 8 and 7.

    Processes that share a batch have the same number of parts, of which those without an utterance hold a `Filler`.

    Args:
        order: of the utterances.
        batch: utterances per optimizer step; the last batch of an epoch may have fewer.
        micro: utterances in memory at once.
        processes: that share every batch.
        process: the one whose share this is, from 0.
    """

    def __init__(
        self, order: LengthGroupedSampler, batch: int, micro: int, *, processes: int = 1, process: int = 0
    ) -> None:
        self.sampler, self.batch, self.together = order, batch, micro * processes
        self.processes, self.process = processes, process

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the order."""
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch)
        return whole * math.ceil(self.batch / self.together) + math.ceil(rest / self.together)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = list(self.sampler)
        for start in range(0, len(order), self.batch):
            end = min(start + self.batch, len(order))
            for first in range(start, end, self.together):
                yield self._take_share(order[first : min(first + self.together, end)])

    def _take_share(self, keys: list[tuple[int, int]]) -> list[tuple[int, int]]:
        first, last = (len(keys) * number // self.processes for number in (self.process, self.process + 1))
        return keys[first:last] or [Filler(*keys[-1])]
