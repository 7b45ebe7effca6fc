"""Tell which files of a checkpoint shape a vector: weights, configuration, and what its inputs are prepared with."""

from collections.abc import Mapping

# Settings of the feature extractor. Of two such files transformers reads one: see `Checkpoint.find_extractor`.
EXTRACTOR, PROCESSOR = "preprocessor_config.json", "processor_config.json"

# What transformers' tokenizers are made from, besides sentencepiece's `*.model`. Chat templates are not among it.
TOKENIZER = frozenset(
    {
        "added_tokens.json",
        "bpe.codes",
        "byte_maps.json",
        "dict.txt",
        "emoji.json",
        "entity_vocab.json",
        "merges.txt",
        "normalizer.json",
        "prophetnet.tokenizer",
        "source.spm",
        "special_tokens_map.json",
        "target.spm",
        "target_vocab.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab-src.json",
        "vocab-tgt.json",
        "vocab.json",
        "vocab.txt",
        "word_pronunciation.json",
        "word_shape.json",
    }
)

# Beside config.json: how a network generates text.
GENERATION = "generation_config.json"

# Networks that write down words read them from their tokenizer, too: `seq2seq` generates text, `ctc` spells.
_WRITING = ("ctc", "seq2seq")

# Files that descriptions of earlier versions never list, so that a description without them says nothing of them.
_UNLISTED = frozenset({"bpe.codes", "prophetnet.tokenizer", "source.spm", "target.spm"})


def shapes_vectors(name: str, modality: str, *, spells: bool = False) -> bool:
    """Tell whether a file of this name can shape a vector, or a network that is fine-tuned.

    Args:
        name: of the file, without its folder.
        modality: of the encoder, `audio` or `text`; of a recognizer `ctc` or `seq2seq`.
        spells: whether an audio network also learns to spell with its tokenizer.
    """
    if name == "config.json" or (name == GENERATION and modality == "seq2seq"):
        return True
    spells = spells or modality in _WRITING
    if modality in ("audio", *_WRITING) and name in (EXTRACTOR, PROCESSOR):
        return True
    return (modality == "text" or spells) and (name in TOKENIZER or name.endswith(".model"))


def list_changed_files(
    before: Mapping[str, str], now: Mapping[str, str], modality: str, *, spells: bool = False
) -> list[str]:
    """List the files that shape vectors and differ between two descriptions, by name.

    Earlier versions listed every file of the folder. What shapes no vector is left out of the comparison.

    Args:
        before: sha256 by name of file, of one description.
        now: that of the other.
        modality: of both.
        spells: whether an audio network also learns to spell with its tokenizer.
    """
    names = {name for name in {**before, **now} if shapes_vectors(name, modality, spells=spells)}
    lacking = {name for name in names if (name in before) != (name in now)}
    # Earlier versions listed both files with the extractor's settings, of which only one is read.
    twice = {EXTRACTOR, PROCESSOR} if any(name in before and name in now for name in (EXTRACTOR, PROCESSOR)) else set()
    compared = names - (lacking & (_UNLISTED | twice))
    return sorted(name for name in compared if before.get(name) != now.get(name))
