"""Turn transcripts into tokens, the same way for encoding and for fine-tuning."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.errors import Unencodable
from featurestore.networks.fixed_length import fit_length
from featurestore.networks.padding import pad_tokens
from featurestore.networks.supported_architectures import OFFSET_POSITIONS

Tokens = NDArray[np.int64]

# What configurations call the number of positions. LED's encoder has more than its decoder.
_POSITIONS = ("max_encoder_position_embeddings", "max_position_embeddings", "n_positions", "max_seq_len")

# Positions are relative, or follow from the order of reading: no text is too long, whatever the configuration says.
_UNLIMITED = frozenset(
    {"bloom", "falcon_mamba", "funnel", "longt5", "mamba", "mt5", "rwkv", "switch_transformers", "t5", "umt5", "xlnet"}
)

# A classifier of these reads the last position of a batch, padding or not, so that padding goes before the text.
_PADDED_AT_START = ("xlnet",)


class TokenReader:
    """Turn transcripts into tokens with a checkpoint's own tokenizer. Nothing is truncated.

    Args:
        tokenizer: of transformers.
        config: of the network, which says how many positions it has.
        fixed_length: number of tokens that every text is cut or padded to; 0 to keep each text's own length. The
            network's own limit is used if it is smaller.

    Attributes:
        longest: the most tokens that the network reads.
        fill: the token that pads a batch.
    """

    def __init__(self, tokenizer: Any, config: Any, fixed_length: int = 0) -> None:
        self.tokenizer = tokenizer
        self.longest = min(count_positions(config), int(tokenizer.model_max_length), sys.maxsize)
        self.fixed_length = min(fixed_length, self.longest)
        self.fill = _choose_padding(tokenizer, config)
        self._at_start = config.model_type in _PADDED_AT_START
        self._types = _special_types(tokenizer, config)

    def read(self, text: str) -> Tokens:
        """Tokenize one text (T,).

        Raises:
            Unencodable: the text is empty, or longer than the network reads.
        """
        if not text.strip():
            raise Unencodable("no transcript")
        tokens = self.tokenizer(text, truncation=False, verbose=False)["input_ids"]
        if len(tokens) > self.longest:
            raise Unencodable(f"text of {len(tokens)} tokens: the encoder reads at most {self.longest}")
        if not tokens:
            raise Unencodable("text of 0 tokens: the tokenizer does not know any of it")
        return fit_length(np.array(tokens, np.int64), self.fixed_length, self.fill)

    def batch(self, texts: Sequence[Tokens]) -> tuple[Tokens, Tokens]:
        """Pad tokens to the longest text (B, T), with a mask (B, T): 1 for a token, 0 for padding."""
        return pad_tokens(texts, self.fill, at_start=self._at_start)

    def types(self, tokens: Tokens) -> Tokens | None:
        """Return token types (B, T) where the network's default differs from the tokenizer's, else None."""
        if self._types is None:
            return None
        types = np.zeros_like(tokens)
        for token, kind in self._types.items():
            types[tokens == token] = kind
        return types


def count_positions(config: Any) -> int:
    """Count the tokens that a network has positions for. `sys.maxsize` means no limit."""
    if config.model_type in _UNLIMITED:
        return sys.maxsize
    if config.is_encoder_decoder and getattr(config, "encoder", None) is not None:
        config = config.encoder
    stated = (getattr(config, name, None) for name in _POSITIONS)
    count = next((int(value) for value in stated if value and value > 0), sys.maxsize)
    return count - ((config.pad_token_id or 0) + 1 if config.model_type in OFFSET_POSITIONS else 0)


def _choose_padding(tokenizer: Any, config: Any) -> int:
    """Choose the token that pads a batch. Under a mask any token works that the network has an embedding for."""
    ids = (tokenizer.pad_token_id, getattr(config, "pad_token_id", None), tokenizer.eos_token_id)
    known = range(getattr(config, "vocab_size", None) or sys.maxsize)
    return next((int(token) for token in ids if token is not None and token in known), 0)


def _special_types(tokenizer: Any, config: Any) -> dict[int, int] | None:
    """Find the types of the special tokens around a single text: XLNet's last and Funnel's first token differ."""
    if config.model_type not in ("funnel", "xlnet"):
        return None
    encoding = tokenizer("a", verbose=False)
    if "token_type_ids" not in encoding:
        return None
    return dict(zip(encoding["input_ids"], encoding["token_type_ids"], strict=True))
