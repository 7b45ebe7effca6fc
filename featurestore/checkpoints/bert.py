"""The BERT, RoBERTa and DeBERTa families of text networks, and what was distilled from them."""

from featurestore.checkpoints import PRETRAINING, CheckpointCard, list_corpora

_BOOKS = ("BookCorpus", "Wikipedia")
_WEB = (*_BOOKS, "CC-News", "OpenWebText", "Stories")

CARDS = (
    CheckpointCard(
        title="BERT, English",
        names=tuple(
            f"{owner}bert-{size}-{case}"
            for owner in ("", "google-bert/")
            for size in ("base", "large")
            for case in ("cased", "uncased")
        ),
        training=list_corpora({PRETRAINING: _BOOKS}),
        licence="apache-2.0",
        source="https://arxiv.org/abs/1810.04805",
    ),
    CheckpointCard(
        title="DistilBERT, English",
        names=tuple(f"{owner}distilbert-base-{case}" for owner in ("", "distilbert/") for case in ("cased", "uncased")),
        training=list_corpora({PRETRAINING: _BOOKS}),
        licence="apache-2.0",
        source="https://arxiv.org/abs/1910.01108",
    ),
    CheckpointCard(
        title="RoBERTa",
        names=("roberta-base", "roberta-large", "FacebookAI/roberta-base", "FacebookAI/roberta-large"),
        training=list_corpora({PRETRAINING: _WEB}),
        licence="mit",
        source="https://arxiv.org/abs/1907.11692",
    ),
    CheckpointCard(
        title="DistilRoBERTa",
        names=("distilroberta-base", "distilbert/distilroberta-base"),
        training=list_corpora({PRETRAINING: ["OpenWebText"]}),
        licence="apache-2.0",
        source="https://huggingface.co/distilbert/distilroberta-base",
        start="FacebookAI/roberta-base",
    ),
    CheckpointCard(
        title="DeBERTa-v3, English",
        names=tuple(f"microsoft/deberta-v3-{size}" for size in ("xsmall", "small", "base", "large")),
        training=list_corpora({PRETRAINING: _WEB}),
        licence="mit",
        source="https://arxiv.org/abs/2111.09543",
    ),
)
