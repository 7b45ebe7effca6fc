"""Turn transcripts into tokens, the same way for encoding and for fine-tuning."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.errors import BadValue, Unencodable
from featurestore.networks.fixed_length import fit_length
from featurestore.networks.limits import TooLongForNetwork
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


@dataclass(frozen=True)
class TextInput:
    """One text as its network reads it, without padding to any other text.

    Args:
        tokens: of the text, with those of the turns before it (T,).
        context: where the tokens of the turns before it are, separators included; an empty slice where there are none.
    """

    tokens: Tokens
    context: slice


class TokenReader:
    """Turn transcripts into tokens with a checkpoint's own tokenizer. Nothing of an utterance's own text is truncated.

    Args:
        tokenizer: of transformers.
        config: of the network, which says how many positions it has.
        fixed_length: number of tokens that every text is cut or padded to; 0 to keep each text's own length. The
            network's own limit is used if it is smaller.
        context: turns before an utterance that may come with it; 0 for none.

    Raises:
        BadValue: a context, and the tokenizer has no token that separates turns.

    Attributes:
        longest: the most tokens that the network reads.
        fill: the token that pads a batch.
        separator: the token after each turn of a context; None without context.
    """

    def __init__(self, tokenizer: Any, config: Any, fixed_length: int = 0, context: int = 0) -> None:
        self.tokenizer = tokenizer
        self.longest = min(count_positions(config), int(tokenizer.model_max_length), sys.maxsize)
        self.fixed_length = min(fixed_length, self.longest)
        self.fill = _choose_padding(tokenizer, config)
        self.separator = find_separator(tokenizer) if context else None
        self._at_start = config.model_type in _PADDED_AT_START
        self._types = _special_types(tokenizer, config)

    def read(self, text: str, context: Sequence[str] = ()) -> TextInput:
        """Tokenize one text, behind the texts of the turns before it.

        Each turn of the context is followed by the separator token, and all of them stand between the special tokens at
        the beginning of the text and its own first token. As many of the last turns are taken as the network's limit
        leaves room for, each of them whole.

        Args:
            text: the utterance's own.
            context: texts of the turns before it, the earliest first; none is read without a separator.

        Raises:
            Unencodable: the text is empty.
            TooLongForNetwork: it is longer than the network reads.
        """
        if not text.strip():
            raise Unencodable("no transcript")
        tokens = self.tokenizer(text, truncation=False, verbose=False)["input_ids"]
        if len(tokens) > self.longest:
            raise TooLongForNetwork(f"text of {len(tokens)} tokens: the encoder reads at most {self.longest}")
        if not tokens:
            raise Unencodable("text of 0 tokens: the tokenizer does not know any of it")
        before = self._read_context(context, (self.fixed_length or self.longest) - len(tokens))
        start = self._find_first(text, tokens) if before else 0
        joined = np.array([*tokens[:start], *before, *tokens[start:]], np.int64)
        return TextInput(fit_length(joined, self.fixed_length, self.fill), slice(start, start + len(before)))

    def _read_context(self, context: Sequence[str], room: int) -> list[int]:
        """Tokenize the last turns of a context that fit into `room` tokens, with their separators."""
        before: list[int] = []
        if self.separator is None:
            return before
        for turn in reversed(context):
            tokens = [*self._tokenize_bare(turn), self.separator]
            if len(before) + len(tokens) > room:
                break
            before = [*tokens, *before]
        return before

    def _find_first(self, text: str, tokens: Sequence[int]) -> int:
        """Find the place of a text's first own token, behind the special tokens that the tokenizer puts before it."""
        own = self._tokenize_bare(text)
        places = range(len(tokens) - len(own) + 1)
        return next((place for place in places if list(tokens[place : place + len(own)]) == own), 0)

    def _tokenize_bare(self, text: str) -> list[int]:
        tokens = self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        return list(tokens)

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


def find_separator(tokenizer: Any) -> int:
    """Find the token that separates turns: the tokenizer's separator, or the end token where it has none.

    Raises:
        BadValue: it has neither.
    """
    token = tokenizer.eos_token_id if tokenizer.sep_token_id is None else tokenizer.sep_token_id
    if token is None:
        raise BadValue(
            "the tokenizer of this checkpoint has no token that separates turns",
            expected="a sep_token or an eos_token in its tokenizer_config.json",
            do="use another checkpoint, or leave --context out",
        )
    return int(token)


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
