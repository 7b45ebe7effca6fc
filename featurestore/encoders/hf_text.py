"""Encode texts with networks of transformers: DeBERTa-v2 and v3, BERT, RoBERTa, T5's encoder and others."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from featurestore.encoders import Encoded
from featurestore.errors import Unencodable
from featurestore.item import Item
from featurestore.networks import fast_paths, pooling, probe
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.fixed_length import describe_fixed_length, read_fixed_length
from featurestore.networks.forward import BaseOutput, check_runs, to_device, to_host
from featurestore.networks.identity import Identity, describe_transcript, identify_network
from featurestore.networks.loading import load_network, load_processor
from featurestore.networks.pooling import Mask, mark_true_frames, split_rows
from featurestore.networks.precision import Autocast
from featurestore.networks.supported_architectures import Architecture, find_architecture
from featurestore.networks.text_context import choose_context, describe_joining
from featurestore.networks.transcripts import TextInput, TokenReader
from featurestore.spec import EncoderSpec

__all__ = ["HFText"]

# Tokens in one padded batch. On a CPU a call costs little of its own (`fast_deberta.py`), so small batches that stay in
# the cache are fastest: 256, 512, 1024 and 2048 tokens took 4.8, 5.0, 5.7 and 6.1 s for the same 192 texts on one core.
_BUDGET, _GPU_BUDGET = 256, 8192

_FRAME = "a frame is a token, special tokens included"


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """Identify a text checkpoint. Its frames are tokens, so it has no rate.

    Raises:
        BadValue: its architecture is not supported, or the context is below 0.
    """
    architecture = find_architecture(checkpoint, "text")
    context = choose_context(checkpoint, spec.context)
    causal = "; a token sees those before it, so there is no cls" if architecture.causal else ""
    return identify_network(
        spec,
        checkpoint,
        architecture,
        modality="text",
        kinds=("mean", "std") if architecture.causal else ("mean", "std", "cls"),
        pooling=f"{pooling.POOLING}; {_FRAME}{causal}",
        rate=None,
        preprocessing={
            "tokenizer": "the checkpoint's own",
            "truncation": "none: a longer text fails",
            **({"part": "the encoder"} if architecture.encoder else {}),
            **({} if architecture.batchable else {"batches": "one text at a time"}),
            **describe_fixed_length(checkpoint),
            **describe_joining(context),
        },
        **(({"context": context} if context else {}) | describe_transcript(spec.transcript)),
    )


class HFText:
    """A frozen text network. Texts of similar length share a masked batch where its architecture allows that.

    With a context it reads the turns before an utterance, too. Frames, and what is pooled from them, are those of the
    utterance's own tokens and of the special tokens around the text; `cls` and `logits` are the whole text's.
    `notes` are lines for the user about its precision.
    """

    def __init__(self, identity: Identity, device: str) -> None:
        import transformers as hf

        assert identity.checkpoint  # `identify` has set it
        architecture = find_architecture(identity.checkpoint, "text")
        tokenizer = load_processor(identity.checkpoint, hf.AutoTokenizer)
        auto, bare = hf.AutoModelForSequenceClassification, hf.AutoModel
        self.model, self.base = load_network(identity, architecture, auto, bare, device)
        self.base_output = BaseOutput(self.base)
        fast_paths.speed_up(self.model, device)
        self.device, self.autocast = device, Autocast(device, identity.precision)
        self.has_logits, self.has_cls = bool(identity.classes), not architecture.causal
        self.maskable = architecture.batchable and not (self.has_logits and _decides_by_token(architecture))
        self.maskable = self.maskable and not _changes_with_length(self.model.config)
        self.budget = (_GPU_BUDGET if device.startswith("cuda") else _BUDGET) if self.maskable else 0
        fixed_length, self.context = read_fixed_length(identity.checkpoint), identity.context
        self.texts = TokenReader(tokenizer, self.model.config, fixed_length, self.context)
        kinds = frozenset(identity.kinds)
        check_runs(identity.checkpoint, lambda: self._pass([self.texts.read(probe.TEXT)], kinds))
        self.notes = self.autocast.check(identity.checkpoint.name, lambda: self.encode(self._read_probe(), kinds))

    def load(self, item: Item) -> TextInput:
        """Tokenize one text, with the turns before it where the encoder reads them.

        Raises:
            Unencodable: there is no text, or it is longer than the network reads.
        """
        return self.texts.read(item.text, item.context[-self.context :] if self.context else ())

    def size(self, loaded: TextInput) -> int:
        """Return the text's length in tokens, context included."""
        return len(loaded.tokens)

    def encode(self, batch: Sequence[TextInput], kinds: frozenset[str]) -> list[Encoded]:
        """Encode texts in one padded and masked batch where that is exact, else one at a time."""
        if self.maskable or len(batch) == 1:
            return self._pass(batch, kinds)
        return [encoded for text in batch for encoded in self._pass([text], kinds)]

    def _pass(self, batch: Sequence[TextInput], kinds: frozenset[str]) -> list[Encoded]:
        import torch

        if hasattr(self.base, "set_attention_type"):  # after a short text BigBird stays with full attention
            self.base.set_attention_type(self.base.config.attention_type)
        with torch.inference_mode():
            with self.autocast():
                output = self.model(**self._inputs(batch), output_hidden_states="layers" in kinds)
            base = self.base_output.take()
            true = _mark_own_tokens(batch)
            pooled = _pool(base, true, kinds)
            if self.has_cls:
                pooled["cls"] = base.last_hidden_state[:, 0].clone()  # a view would keep every frame in memory
            if self.has_logits:
                pooled["logits"] = output.logits
        return split_rows(to_host(pooled), true)

    def _read_probe(self) -> list[TextInput]:
        read = []
        for text in probe.TEXTS:
            with suppress(Unencodable):  # longer than the network reads
                read.append(self.texts.read(text))
        return read

    def _inputs(self, batch: Sequence[TextInput]) -> dict[str, Any]:
        tokens, mask = self.texts.batch([text.tokens for text in batch])
        types = self.texts.types(tokens)
        inputs = {"input_ids": tokens, "attention_mask": mask, **({} if types is None else {"token_type_ids": types})}
        return {name: to_device(values, self.device) for name, values in inputs.items()}


def _decides_by_token(architecture: Architecture) -> bool:
    """Tell whether a classifier finds the last token by the padding token's number instead of the mask."""
    return architecture.causal or architecture.encoder


def _changes_with_length(config: Any) -> bool:
    """Tell whether rotary positions are scaled by the length of the batch."""
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = {str(part.get("rope_type")) for part in (rope, *rope.values()) if isinstance(part, dict)}
    return bool(kinds & {"dynamic", "longrope"})


def _mark_own_tokens(batch: Sequence[TextInput]) -> Mask:
    """Mark the tokens (B, T) that are a text's own: neither its context nor padding."""
    counts = [len(text.tokens) for text in batch]
    true = mark_true_frames(counts, max(counts))
    for row, text in enumerate(batch):
        true[row, text.context] = False
    return true


def _pool(base: Any, true: Mask, kinds: frozenset[str]) -> dict[str, Any]:
    """Pool what the base network returned: tensors (B, …) by kind on the device, frames with their padding."""
    mean, std = pooling.pool(base.last_hidden_state, true)
    pooled = {"mean": mean, "std": std}
    if "layers" in kinds:
        pooled["layers"] = pooling.average_layers(base.hidden_states, true)
    if "frames" in kinds:
        pooled["frames"] = base.last_hidden_state
    return pooled
