"""Any text encoder or sequence classifier of transformers: DeBERTa-v2 and v3, BERT, RoBERTa and others."""

from collections.abc import Sequence

import numpy as np

from featurestore import pooling
from featurestore.checkpoint import Checkpoint
from featurestore.encoders import Encoded, Identity, Item
from featurestore.encoders._fixed import described, fixed_length
from featurestore.encoders._network import Tap, load_network, load_processor, to_device
from featurestore.encoders._network import identity as network_identity
from featurestore.encoders._tokens import Tokenised, Tokens
from featurestore.spec import EncoderSpec

__all__ = ["HFText"]

# Tokens in one padded batch. On a CPU the work per call is done once (`_constant.py`), so small batches that stay in
# the cache are fastest: 256, 512, 1024 and 2048 tokens took 4.8, 5.0, 5.7 and 6.1 s for the same 192 texts on one core.
_BUDGET, _GPU_BUDGET = 256, 8192


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """The identity of a text checkpoint: frames are tokens, so it has no rate."""
    return network_identity(
        spec,
        checkpoint,
        modality="text",
        kinds=("mean", "std", "cls"),
        pooling=f"{pooling.POOLING}; a frame is a token, special tokens included",
        rate=None,
        preprocessing={
            "tokenizer": "the checkpoint's own",
            "truncation": "none: a longer text fails",
            **described(checkpoint),
        },
    )


class HFText:
    """A frozen text network; texts of similar length share a masked batch."""

    def __init__(self, identity: Identity, device: str) -> None:
        import transformers as hf

        assert identity.checkpoint  # `identify` has set it
        tokenizer = load_processor(identity.checkpoint, hf.AutoTokenizer)
        self.model = load_network(identity, hf.AutoModelForSequenceClassification, hf.AutoModel, device)
        self.tap = Tap(self.model.base_model)
        self.device = device
        self.budget = _GPU_BUDGET if device.startswith("cuda") else _BUDGET
        self.texts = Tokenised(tokenizer, self.model.config, fixed_length(identity.checkpoint))
        self.has_logits = bool(identity.classes)

    def load(self, item: Item) -> Tokens:
        """Tokenises one text; raises Unencodable where there is none or it is longer than the network reads."""
        return self.texts.read(item.text)

    def size(self, loaded: Tokens) -> int:
        """The text's length in tokens."""
        return len(loaded)

    def encode(self, batch: Sequence[Tokens], kinds: frozenset[str]) -> list[Encoded]:
        """Encodes texts in one batch, padded to its longest and masked."""
        import torch

        tokens, mask = self.texts.batch(batch)
        with torch.inference_mode():
            output = self.model(
                input_ids=to_device(tokens, self.device),
                attention_mask=to_device(mask, self.device),
                output_hidden_states="layers" in kinds,
            )
        base = self.tap.take()
        states = base.hidden_states if "layers" in kinds else ()
        arrays = [state.float().cpu().numpy() for state in (base.last_hidden_state, *states)]
        encoded = [_pooled([array[row, : len(text)] for array in arrays], kinds) for row, text in enumerate(batch)]
        if self.has_logits:
            for one, logits in zip(encoded, output.logits.float().cpu().numpy(), strict=True):
                one["logits"] = logits
        return encoded


def _pooled(arrays: list[np.ndarray], kinds: frozenset[str]) -> Encoded:
    frames, *states = arrays  # each (T, D)
    encoded = {"mean": pooling.mean(frames), "std": pooling.std(frames), "cls": frames[0]}
    if "layers" in kinds:
        encoded["layers"] = pooling.layers(states)
    if "frames" in kinds:
        encoded["frames"] = frames
    return encoded
