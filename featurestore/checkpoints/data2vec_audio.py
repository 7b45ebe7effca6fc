"""The data2vec family for speech: base and large, and their speech recognizers."""

from featurestore.checkpoints import PRETRAINING, TRANSCRIPTS, CheckpointCard, list_corpora

_PAPER = "https://arxiv.org/abs/2202.03555"

CARDS = (
    CheckpointCard(
        title="data2vec for speech, base",
        names=("facebook/data2vec-audio-base",),
        training=list_corpora({PRETRAINING: ["LibriSpeech"]}),
        licence="apache-2.0",
        source=_PAPER,
    ),
    CheckpointCard(
        title="data2vec for speech, base, for speech recognition",
        names=("facebook/data2vec-audio-base-960h", "facebook/data2vec-audio-base-100h"),
        training=list_corpora({TRANSCRIPTS: ["LibriSpeech"]}),
        licence="apache-2.0",
        source="https://huggingface.co/facebook/data2vec-audio-base-960h",
        start="facebook/data2vec-audio-base",
    ),
    CheckpointCard(
        title="data2vec for speech, large",
        names=("facebook/data2vec-audio-large",),
        training=list_corpora({PRETRAINING: ["Libri-Light"]}),
        licence="apache-2.0",
        source=_PAPER,
        note="its model card names LibriSpeech; table 2 of the paper names Libri-Light",
    ),
    CheckpointCard(
        title="data2vec for speech, large, for speech recognition",
        names=("facebook/data2vec-audio-large-960h",),
        training=list_corpora({TRANSCRIPTS: ["LibriSpeech"]}),
        licence="apache-2.0",
        source="https://huggingface.co/facebook/data2vec-audio-large-960h",
        start="facebook/data2vec-audio-large",
    ),
)
