"""The WavLM family: base, base plus and large."""

from featurestore.checkpoints import PRETRAINING, CheckpointCard, list_corpora

CARDS = (
    CheckpointCard(
        title="WavLM, base",
        names=("microsoft/wavlm-base",),
        training=list_corpora({PRETRAINING: ["LibriSpeech"]}),
        licence="",
        source="https://arxiv.org/abs/2110.13900",
    ),
    CheckpointCard(
        title="WavLM, base plus and large",
        names=("microsoft/wavlm-base-plus", "microsoft/wavlm-large"),
        training=list_corpora({PRETRAINING: ["Libri-Light", "GigaSpeech", "VoxPopuli"]}),
        licence="",
        source="https://huggingface.co/microsoft/wavlm-base-plus",
    ),
)
