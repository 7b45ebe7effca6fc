"""How the turns before an utterance are joined with it, token by token."""

import numpy as np
import pytest
import transformers as hf

from featurestore.errors import BadValue
from featurestore.networks.transcripts import TokenReader
from tests.support import tiny

CONTEXT = ("the dog", "my money never", "again")
TEXT = "we saw your house"


@pytest.fixture(scope="module", params=["bert", "deberta-v2", "roberta"])
def tokenizer(request, tmp_path_factory):
    folder = tiny.checkpoint(request.param, tmp_path_factory.mktemp(request.param))
    return hf.AutoTokenizer.from_pretrained(folder), hf.AutoConfig.from_pretrained(folder)


def plain(tokenizer, *turns):
    """Join turns by hand: special tokens around the whole, a separator after each turn but the last."""
    ids = [tokenizer.convert_tokens_to_ids(tokenizer.tokenize(turn)) for turn in turns]
    return [
        tokenizer.cls_token_id,
        *(token for turn in ids[:-1] for token in (*turn, tokenizer.sep_token_id)),
        *ids[-1],
        tokenizer.sep_token_id,
    ]


def test_turns_are_joined_by_the_separator_token_the_earliest_first(tokenizer):
    tokens, config = tokenizer
    reader = TokenReader(tokens, config, context=3)
    read = reader.read(TEXT, CONTEXT)
    assert read.tokens.tolist() == plain(tokens, *CONTEXT, TEXT)
    own = np.delete(read.tokens, read.context).tolist()
    assert own == reader.read(TEXT).tokens.tolist() == tokens(TEXT)["input_ids"]
    assert reader.read(TEXT).context == slice(0, 0)


def test_without_a_context_the_reader_ignores_earlier_turns(tokenizer):
    tokens, config = tokenizer
    assert TokenReader(tokens, config).read(TEXT, CONTEXT).tokens.tolist() == tokens(TEXT)["input_ids"]


@pytest.mark.parametrize("fixed", [False, True])
def test_the_earliest_turns_are_left_out_for_lack_of_room(tokenizer, fixed):
    tokens, config = tokenizer
    whole = [len(plain(tokens, *CONTEXT[start:], TEXT)) for start in range(4)]
    for room in range(whole[3], whole[0] + 2):
        reader = TokenReader(tokens, config, room if fixed else 0, context=3)
        reader.longest = room
        kept = next(start for start in range(4) if whole[start] <= room)
        expected = plain(tokens, *CONTEXT[kept:], TEXT)
        read = reader.read(TEXT, CONTEXT).tokens.tolist()
        assert read == expected + [reader.fill] * ((room - len(expected)) if fixed else 0)


def test_a_text_longer_than_a_fixed_length_is_cut_as_before_and_has_no_context(tokenizer):
    tokens, config = tokenizer
    reader = TokenReader(tokens, config, 4, context=3)
    assert reader.read(TEXT, CONTEXT).tokens.tolist() == tokens(TEXT)["input_ids"][:4]


def test_a_turn_that_does_not_fit_hides_those_before_it(tokenizer):
    """The context has no holes: a short early turn is not read in place of a long late one."""
    tokens, config = tokenizer
    reader = TokenReader(tokens, config, context=3)
    reader.longest = len(plain(tokens, "dog", TEXT))
    assert reader.read(TEXT, ("dog", "my money never")).tokens.tolist() == plain(tokens, TEXT)


def test_a_tokenizer_without_a_separator_uses_its_end_token_or_is_refused():
    words = {word: index for index, word in enumerate(["<unk>", "</s>", *tiny.WORDS])}
    config = hf.GPT2Config(vocab_size=len(words))
    made = hf.PreTrainedTokenizerFast(tokenizer_object=_word_tokenizer(words), unk_token="<unk>", eos_token="</s>")
    assert TokenReader(made, config, context=1).read("dog", ("the",)).tokens.tolist() == [
        words["the"],
        words["</s>"],
        words["dog"],
    ]
    bare = hf.PreTrainedTokenizerFast(tokenizer_object=_word_tokenizer(words), unk_token="<unk>")
    with pytest.raises(BadValue) as raised:
        TokenReader(bare, config, context=1)
    assert str(raised.value) == (
        "the tokenizer of this checkpoint has no token that separates turns\n"
        "  expected: a sep_token or an eos_token in its tokenizer_config.json\n"
        "  do: use another checkpoint, or leave --context out"
    )


def _word_tokenizer(words):
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer
