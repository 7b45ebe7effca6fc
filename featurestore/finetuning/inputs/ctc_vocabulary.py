"""Spell transcripts with the symbols of a CTC checkpoint: the letters that its tokenizer knows, in their own case."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import transformers as hf

from featurestore.errors import BadValue
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.loading import load_processor
from featurestore.storage.json_files import find_object

_APOSTROPHES = dict.fromkeys("\u2018\u2019\u02bc\uff07", "'")  # as typeset, which vocabularies rarely hold
_DO = "start from a CTC checkpoint, such as facebook/wav2vec2-base-960h, or leave --ctc-weight out"


@dataclass(frozen=True)
class CtcVocabulary:
    """Symbols that a CTC layer can spell words with.

    Args:
        numbers: number of each letter, which is the row of the layer.
        blank: number of the symbol that stands between letters.
        delimiter: number of the symbol between words; None where words are not delimited.
    """

    numbers: Mapping[str, int]
    blank: int
    delimiter: int | None

    def count(self) -> int:
        """Count the symbols that a layer must have for these numbers."""
        return max(self.blank, *self.numbers.values(), -1 if self.delimiter is None else self.delimiter) + 1

    def spell(self, text: str) -> list[int]:
        """Return the symbols of a text. Characters that the vocabulary does not hold in any case are left out."""
        words = [[number for letter in word for number in self._find(letter)] for word in text.split()]
        symbols: list[int] = []
        for word in filter(None, words):
            symbols += [self.delimiter] if symbols and self.delimiter is not None else []
            symbols += word
        return symbols

    def count_unknown(self, texts: Iterable[str]) -> Counter[str]:
        """Count the characters of texts that are left out."""
        return Counter(letter for text in texts for word in text.split() for letter in word if not self._find(letter))

    def _find(self, letter: str) -> list[int]:
        """Find a letter as it is, in upper or in lower case. Upper case may be several letters."""
        plain = _APOSTROPHES.get(letter, letter)
        for spelling in (letter, plain, plain.upper(), plain.lower()):
            if all(part in self.numbers for part in spelling):
                return [self.numbers[part] for part in spelling]
        return []


def count_frames_needed(symbols: list[int]) -> int:
    """Count the frames that a transcript takes at least: one per symbol, and a blank between equal symbols."""
    return len(symbols) + sum(first == second for first, second in pairwise(symbols))


def load_vocabulary(start: Checkpoint) -> CtcVocabulary:
    """Load the vocabulary of a CTC checkpoint from its tokenizer.

    Raises:
        BadValue: it is no CTC checkpoint, it has no tokenizer, or its symbols are not letters.
        Unavailable: transformers cannot load its tokenizer.
    """
    _check_ctc(start)
    tokenizer: Any = load_processor(start, hf.AutoTokenizer)
    special = set(tokenizer.all_special_tokens)
    known = {token: int(number) for token, number in tokenizer.get_vocab().items()}
    mark = getattr(tokenizer, "word_delimiter_token", None)
    delimiter = known.get(mark, known.get(" ")) if mark else known.get(" ")
    letters = {
        token: number
        for token, number in known.items()
        if len(token) == 1 and token not in special and number != delimiter
    }
    if not any(letter.isalpha() for letter in letters):
        raise _refuse(start, "its vocabulary holds no letters")
    blank = start.config().get("pad_token_id")
    return CtcVocabulary(letters, int(tokenizer.pad_token_id if blank is None else blank), delimiter)


def _check_ctc(start: Checkpoint) -> None:
    """Raise BadValue where the files of a checkpoint show that it has no CTC layer over letters."""
    architectures = start.config().get("architectures") or []
    if not any(name.endswith("ForCTC") for name in architectures):
        raise _refuse(start, f"architecture {', '.join(architectures) or 'unknown'}")
    if not any((start.folder / name).is_file() for name in ("vocab.json", "tokenizer.json")):
        raise _refuse(start, "no vocab.json")
    kind = str((find_object(start.folder / "tokenizer_config.json") or {}).get("tokenizer_class", ""))
    if "Phoneme" in kind:
        raise _refuse(start, "a vocabulary of phonemes")


def _refuse(start: Checkpoint, got: str) -> BadValue:
    return BadValue(
        f"checkpoint {start.name} cannot learn to spell transcripts: it has no CTC layer over letters",
        expected="a network with an lm_head (Wav2Vec2ForCTC, HubertForCTC, WavLMForCTC, …) and its vocab.json",
        got=got,
        do=_DO,
    )
