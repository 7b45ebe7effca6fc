"""Texts as tokens, the same for encoding and for tuning: what a network can read, and a padded batch with its mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.encoders._fixed import fixed
from featurestore.errors import Unencodable

Tokens = NDArray[np.int64]

_USUAL = 512  # positions of a network whose configuration names none


class Tokenised:
    """Reads texts with a checkpoint's own tokenizer; nothing is truncated.

    Args:
        tokenizer: of transformers.
        config: of the network, which says how many positions it has.
        fixed_length: tokens that every text is cut or padded to, as far as the network reads; 0: each its own length.
    """

    def __init__(self, tokenizer: Any, config: Any, fixed_length: int = 0) -> None:
        self.tokenizer = tokenizer
        positions = int(getattr(config, "max_position_embeddings", None) or _USUAL)
        if "roberta" in config.model_type:  # its positions start after the padding index
            positions -= config.pad_token_id + 1
        self.longest = min(positions, int(tokenizer.model_max_length))
        self.fixed = min(fixed_length, self.longest)

    def read(self, text: str) -> Tokens:
        """The tokens (T,) of one text; raises Unencodable where there is none, or more than the network reads."""
        if not text.strip():
            raise Unencodable("no text in the manifest")
        tokens = self.tokenizer(text, truncation=False, verbose=False)["input_ids"]
        if len(tokens) > self.longest:
            raise Unencodable(f"text of {len(tokens)} tokens: the encoder reads at most {self.longest}")
        return fixed(np.array(tokens, np.int64), self.fixed, self.tokenizer.pad_token_id)

    def batch(self, texts: Sequence[Tokens]) -> tuple[Tokens, Tokens]:
        """Tokens padded to the longest (B, T), and the mask (B, T): 1 for a token, 0 for padding."""
        longest = max(map(len, texts))
        tokens = np.full((len(texts), longest), self.tokenizer.pad_token_id, np.int64)
        mask = np.zeros_like(tokens)
        for row, text in enumerate(texts):
            tokens[row, : len(text)] = text
            mask[row, : len(text)] = 1
        return tokens, mask
