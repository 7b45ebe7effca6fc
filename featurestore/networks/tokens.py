"""Texts as tokens, the same for encoding and for tuning: what a network can read, and a padded batch with its mask."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.errors import Unencodable
from featurestore.networks.families import OFFSET_POSITIONS
from featurestore.networks.fixed_length import fixed

Tokens = NDArray[np.int64]

# What configurations call the number of positions; LED's encoder has more than its decoder.
_POSITIONS = ("max_encoder_position_embeddings", "max_position_embeddings", "n_positions", "max_seq_len")

# Positions relative to each other or in the order of reading: no text is too long, whatever the configuration says.
_UNLIMITED = frozenset(
    {"bloom", "falcon_mamba", "funnel", "longt5", "mamba", "mt5", "rwkv", "switch_transformers", "t5", "umt5", "xlnet"}
)

# A classifier of these reads the last position of a batch, padding or not.
_SUMMARISED_AT_END = ("xlnet",)


class Tokenised:
    """Read texts with a checkpoint's own tokenizer; nothing is truncated.

    Args:
        tokenizer: of transformers.
        config: of the network, which says how many positions it has.
        fixed_length: tokens that every text is cut or padded to, as far as the network reads; 0: each its own length.

    `longest` is the number of tokens that the network reads, `fill` the token that pads a batch.
    """

    def __init__(self, tokenizer: Any, config: Any, fixed_length: int = 0) -> None:
        self.tokenizer = tokenizer
        self.longest = min(positions(config), int(tokenizer.model_max_length), sys.maxsize)
        self.fixed = min(fixed_length, self.longest)
        self.fill = _fill(tokenizer, config)
        self._at_start = config.model_type in _SUMMARISED_AT_END
        self._types = _special_types(tokenizer, config)

    def read(self, text: str) -> Tokens:
        """Tokenise one text (T,); raise Unencodable where there is none, or more than the network reads."""
        if not text.strip():
            raise Unencodable("no text in the manifest")
        tokens = self.tokenizer(text, truncation=False, verbose=False)["input_ids"]
        if len(tokens) > self.longest:
            raise Unencodable(f"text of {len(tokens)} tokens: the encoder reads at most {self.longest}")
        if not tokens:
            raise Unencodable("text of 0 tokens: the tokenizer makes nothing of it")
        return fixed(np.array(tokens, np.int64), self.fixed, self.fill)

    def batch(self, texts: Sequence[Tokens]) -> tuple[Tokens, Tokens]:
        """Pad tokens to the longest (B, T), with a mask (B, T): 1 for a token, 0 for padding.

        Padding goes to the end, but of XLNet to the start, whose classifier reads the last position.
        """
        longest = max(map(len, texts))
        tokens = np.full((len(texts), longest), self.fill, np.int64)
        mask = np.zeros_like(tokens)
        for row, text in enumerate(texts):
            place = slice(longest - len(text), None) if self._at_start else slice(len(text))
            tokens[row, place] = text
            mask[row, place] = 1
        return tokens, mask

    def types(self, tokens: Tokens) -> Tokens | None:
        """Token types (B, T) where the network would read others than the tokenizer's by default, else None."""
        if self._types is None:
            return None
        types = np.zeros_like(tokens)
        for token, kind in self._types.items():
            types[tokens == token] = kind
        return types


def positions(config: Any) -> int:
    """Count the tokens that a network has positions for; `sys.maxsize` where it has no limit."""
    if config.model_type in _UNLIMITED:
        return sys.maxsize
    if config.is_encoder_decoder and getattr(config, "encoder", None) is not None:
        config = config.encoder
    stated = (getattr(config, name, None) for name in _POSITIONS)
    count = next((int(value) for value in stated if value and value > 0), sys.maxsize)
    return count - ((config.pad_token_id or 0) + 1 if config.model_type in OFFSET_POSITIONS else 0)


def _fill(tokenizer: Any, config: Any) -> int:
    """Choose the token that pads a batch: under a mask any does that the network has an embedding for."""
    ids = (tokenizer.pad_token_id, getattr(config, "pad_token_id", None), tokenizer.eos_token_id)
    known = range(getattr(config, "vocab_size", None) or sys.maxsize)
    return next((int(token) for token in ids if token is not None and token in known), 0)


def _special_types(tokenizer: Any, config: Any) -> dict[int, int] | None:
    """Types of the special tokens around a single text, as XLNet and Funnel tell their last and first token apart."""
    if config.model_type not in ("funnel", "xlnet"):
        return None
    found = tokenizer("a", verbose=False)
    if "token_type_ids" not in found:
        return None
    return dict(zip(found["input_ids"], found["token_type_ids"], strict=True))
