"""Train an audio encoder to spell its transcripts beside its classes, by a CTC loss on its frames.

The network, the head and the sum of losses are those of Cai et al., "Speech Emotion Recognition with Multi-task
Learning", Interspeech 2021: cross entropy + weight x CTC, with weight 0.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from featurestore.errors import BadValue, Mismatch, format_count
from featurestore.finetuning.inputs.ctc_vocabulary import CtcVocabulary, count_frames_needed
from featurestore.finetuning.inputs.data import ClipPreparer, TrainingPart
from featurestore.item import Item
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.clips import ClipInput
from featurestore.networks.forward import BaseOutput
from featurestore.networks.frames import count_true_frames
from featurestore.progress import Say

# What a batch holds for the CTC loss, beside the inputs of the network.
SYMBOLS, SYMBOL_COUNTS, FRAMES = "symbols", "symbol_counts", "frames"

_HEAD = "ctc_head"  # the layer's name in the network during training, and so in the checkpoints of a stopped run
_ALL = torch.iinfo(torch.int64).max  # all frames of the batch are the clip's
_SHOWN = 5  # characters that a line lists


@dataclass(frozen=True)
class TranscribedClip:
    """One prepared clip and the symbols of its transcript; none where it has no transcript."""

    clip: ClipInput
    symbols: tuple[int, ...]


class TranscriptPreparer:
    """Prepare clips with their transcripts.

    Args:
        clips: how the network reads clips.
        vocabulary: of the checkpoint.
    """

    modality = "audio"

    def __init__(self, clips: ClipPreparer, vocabulary: CtcVocabulary) -> None:
        self.clips, self.vocabulary = clips, vocabulary
        self.rate, self.shortest = clips.rate, clips.shortest

    def load(self, item: Item) -> TranscribedClip:
        """Prepare one clip and spell its transcript."""
        return TranscribedClip(self.clips.load(item), tuple(self.vocabulary.spell(item.text)))

    def size(self, loaded: TranscribedClip) -> int:
        """Measure a clip in samples, or in frames of its spectrum."""
        return self.clips.size(loaded.clip)

    def batch(self, items: Sequence[TranscribedClip]) -> dict[str, Tensor]:
        """Pad clips with a mask, and transcripts (B, L) with blanks. `frames` (B,) counts each clip's own frames."""
        counts = [len(item.symbols) for item in items]
        symbols = torch.full((len(items), max(counts)), self.vocabulary.blank)
        for row, item in zip(symbols, items, strict=True):
            row[: len(item.symbols)] = torch.tensor(item.symbols, dtype=torch.int64)
        frames = [_ALL if item.clip.frames is None else item.clip.frames for item in items]
        inputs = self.clips.batch([item.clip for item in items])
        counted = {SYMBOL_COUNTS: torch.tensor(counts), FRAMES: torch.tensor(frames)}
        return {**inputs, SYMBOLS: symbols, **counted}

    def count_frames(self, size: int) -> int | None:
        """Count the frames of a clip by its size. None where they do not follow from it."""
        reader = self.clips.reader
        return count_true_frames(reader.config, reader.extractor, size, None)[0]


class CtcObjective:
    """CTC loss on the frames of a network, by the CTC layer of its starting checkpoint.

    Args:
        model: a classifier of transformers; the layer becomes a part of it until `detach`.
        start: the CTC checkpoint.
        weight: of the loss in the sum.
        vocabulary: of the checkpoint.

    Raises:
        BadValue: the checkpoint lacks the weights of its CTC layer.
        Mismatch: they do not fit the network or the vocabulary.
    """

    def __init__(self, model: Any, start: Checkpoint, weight: float, vocabulary: CtcVocabulary) -> None:
        self.model, self.weight, self.blank = model, weight, vocabulary.blank
        layer = _load_layer(start)
        _check_layer(start, layer, _read_width(model.config), vocabulary.count())
        setattr(model, _HEAD, nn.Sequential(nn.Dropout(float(getattr(model.config, "final_dropout", 0.0))), layer))
        self.base_output = BaseOutput(model.base_model)
        self._sum: Any = 0.0
        self._count = 0

    def compute(self, inputs: dict[str, Tensor]) -> Tensor:
        """Compute the weighted loss of the batch that the network has just read.

        The loss of an utterance is -ln p(transcript | clip), in nats per transcript. A batch has the mean over all its
        utterances, of which those without a transcript, or with one that is longer than its clip, count 0.

        Args:
            inputs: the batch, with `symbols` (B, L), `symbol_counts` (B,) and `frames` (B,).
        """
        states = self.base_output.take().last_hidden_state  # (B, T, D)
        rows = inputs[SYMBOL_COUNTS] > 0
        if not rows.any():
            return states.new_zeros(())
        scores = getattr(self.model, _HEAD)(states[rows])  # (B, T, V)
        with torch.backends.cudnn.flags(enabled=False):  # cuDNN's takes other inputs, and has no zero_infinity
            losses = nn.functional.ctc_loss(
                scores.float().log_softmax(-1).transpose(0, 1),
                inputs[SYMBOLS][rows],
                inputs[FRAMES][rows].clamp(max=scores.shape[1]),
                inputs[SYMBOL_COUNTS][rows],
                blank=self.blank,
                reduction="none",
                zero_infinity=True,
            )  # (B,)
        self._sum, self._count = self._sum + losses.detach().sum(), self._count + len(losses)
        return self.weight * losses.sum() / len(rows)

    def forget(self) -> None:
        """Release what the network returned, for a batch without this loss."""
        self.base_output.take()

    def take_mean(self) -> tuple[float, int]:
        """Return the mean loss per transcript since the last call, unweighted, and the number of transcripts.

        Both are 0 where there was no transcript.
        """
        mean, count = float(self._sum) / max(1, self._count), self._count
        self._sum, self._count = 0.0, 0
        return mean, count

    def detach(self) -> None:
        """Remove the CTC layer from the network, which then is an ordinary classifier."""
        delattr(self.model, _HEAD)


def add_ctc(model: Any, start: Checkpoint, part: TrainingPart, weight: float, say: Say) -> CtcObjective:
    """Add the CTC layer of a checkpoint to a network, and report on the transcripts of its training part.

    Raises:
        BadValue, Mismatch: as `CtcObjective` and `report_transcripts` raise.
    """
    preparer = part.preparer
    if not isinstance(preparer, TranscriptPreparer):
        raise TypeError("the training part was read without transcripts")
    report_transcripts(part, preparer, say)
    return CtcObjective(model, start, weight, preparer.vocabulary)


def report_transcripts(part: TrainingPart, preparer: TranscriptPreparer, say: Say) -> None:
    """Report how many training utterances have a transcript, and what of the transcripts is left out.

    Raises:
        BadValue: no training utterance has a transcript that the vocabulary can spell.
    """
    spelled = [preparer.vocabulary.spell(item.text) for item in part.items]
    unknown = preparer.vocabulary.count_unknown(item.text for item in part.items)
    dropped = ", ".join(f"{letter!r} {count}" for letter, count in unknown.most_common(_SHOWN))
    dropped += " …" if len(unknown) > _SHOWN else ""
    if not any(spelled):
        raise BadValue(
            f"none of {len(part)} training utterances has a transcript that this checkpoint can spell",
            expected="transcripts in the column text, in the letters of the checkpoint's vocabulary",
            got=f"characters {dropped}" if dropped else "no transcripts",
            do="fill the column text and run cli prepare again, start from a checkpoint of this language, or leave "
            "--ctc-weight out",
        )
    frames = [preparer.count_frames(size) for size in part.sizes]
    long = sum(
        count is not None and count_frames_needed(symbols) > count
        for symbols, count in zip(spelled, frames, strict=True)
    )
    lines = [f"CTC: {sum(map(bool, spelled))} of {len(part)} training utterances have a transcript"]
    left_out = format_count(unknown.total(), "character")
    lines += [f"{left_out} outside the checkpoint's vocabulary left out ({dropped})"] if unknown else []
    lines += [f"{format_count(long, 'transcript')} longer than the clip not counted"] if long else []
    say("; ".join(lines))


def _load_layer(start: Checkpoint) -> nn.Linear:
    """Load the CTC layer of a checkpoint."""
    found: dict[str, Tensor] = {}
    for path in sorted(start.folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as weights:
            names = [name for name in weights.keys() if name.startswith("lm_head.")]  # noqa: SIM118  # no mapping
            found |= {name: weights.get_tensor(name) for name in names}
    if set(found) != {"lm_head.weight", "lm_head.bias"}:
        raise BadValue(
            f"checkpoint {start.name} does not hold the weights of its CTC layer",
            expected="lm_head.weight and lm_head.bias in its safetensors files",
            got=", ".join(sorted(found)) or "neither",
            do="use the folder that save_pretrained wrote, whole, or leave --ctc-weight out",
        )
    symbols, width = found["lm_head.weight"].shape
    layer = nn.Linear(width, symbols)
    layer.load_state_dict({name.removeprefix("lm_head."): value.float() for name, value in found.items()})
    return layer


def _read_width(config: Any) -> int:
    """Read the width of the frames that a network ends with."""
    return int(config.output_hidden_size if getattr(config, "add_adapter", False) else config.hidden_size)


def _check_layer(start: Checkpoint, layer: nn.Linear, width: int, symbols: int) -> None:
    """Raise Mismatch where a CTC layer has another width than the network, or too few symbols for the vocabulary."""
    if layer.in_features != width or layer.out_features < symbols:
        raise Mismatch(
            f"the CTC layer of checkpoint {start.name} does not fit its network and vocabulary",
            expected=f"width {width}, {symbols} symbols or more",
            got=f"width {layer.in_features}, {layer.out_features} symbols",
            do="use the folder that save_pretrained wrote, whole, with its own vocab.json",
        )
