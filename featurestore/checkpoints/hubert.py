"""The HuBERT family: base, large and extra large, and their speech recognizers."""

from featurestore.checkpoints import PRETRAINING, TRANSCRIPTS, CheckpointCard, list_corpora

_PAPER = "https://arxiv.org/abs/2106.07447"
_RECOGNIZERS = {"facebook/hubert-large-ls960-ft": "large", "facebook/hubert-xlarge-ls960-ft": "xlarge"}

CARDS = (
    CheckpointCard(
        title="HuBERT, base",
        names=("facebook/hubert-base-ls960",),
        training=list_corpora({PRETRAINING: ["LibriSpeech"]}),
        licence="apache-2.0",
        source=_PAPER,
    ),
    CheckpointCard(
        title="HuBERT, large and extra large",
        names=("facebook/hubert-large-ll60k", "facebook/hubert-xlarge-ll60k"),
        training=list_corpora({PRETRAINING: ["Libri-Light"]}),
        licence="apache-2.0",
        source=_PAPER,
    ),
    *(
        CheckpointCard(
            title=f"HuBERT, {size}, for speech recognition",
            names=(name,),
            training=list_corpora({TRANSCRIPTS: ["LibriSpeech"]}),
            licence="apache-2.0",
            source=f"https://huggingface.co/{name}",
            start=f"facebook/hubert-{size}-ll60k",
        )
        for name, size in _RECOGNIZERS.items()
    ),
)
