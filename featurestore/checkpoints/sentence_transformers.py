"""Networks for sentence similarity, tuned on pairs of sentences."""

from featurestore.checkpoints import SENTENCES, CheckpointCard, list_corpora

_PAIRS = (
    *("S2ORC", "Stack Exchange", "MS MARCO", "GooAQ", "Yahoo Answers", "CodeSearchNet", "SearchQA", "ELI5", "SNLI"),
    *("MultiNLI", "WikiHow", "Natural Questions", "TriviaQA", "sentence compression", "Flickr30k captions", "AltLex"),
    *("Simple Wikipedia", "Quora question pairs", "SPECTER", "PAQ", "WikiAnswers", "Reddit comments"),
)

CARDS = (
    CheckpointCard(
        title="Sentence networks of one billion pairs",
        names=tuple(
            f"sentence-transformers/all-{network}" for network in ("mpnet-base-v2", "MiniLM-L6-v2", "MiniLM-L12-v2")
        ),
        training=list_corpora({SENTENCES: _PAIRS}),
        licence="apache-2.0",
        source="https://huggingface.co/sentence-transformers/all-mpnet-base-v2",
    ),
)
