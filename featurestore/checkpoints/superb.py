"""SUPERB's emotion recognizers: a classifier on a frozen network, trained on IEMOCAP."""

from featurestore.checkpoints import LABELS, CheckpointCard, list_corpora

_STARTS = {
    "hubert-base": "facebook/hubert-base-ls960",
    "hubert-large": "facebook/hubert-large-ll60k",
    "wav2vec2-base": "facebook/wav2vec2-base",
    "wav2vec2-large": "facebook/wav2vec2-large-lv60",
}

CARDS = tuple(
    CheckpointCard(
        title=f"SUPERB emotion recognition on {network}",
        names=(f"superb/{network}-superb-er",),
        training=list_corpora({LABELS: ["iemocap"]}),
        licence="apache-2.0",
        source=f"https://huggingface.co/superb/{network}-superb-er",
        start=start,
        note=f"the session that was held out is not stated; for the network alone, which was frozen, use {start}",
    )
    for network, start in _STARTS.items()
)
