"""The baselines of the Odyssey 2024 emotion recognition challenge."""

from featurestore.checkpoints import LABELS, CheckpointCard, list_corpora

CARDS = (
    CheckpointCard(
        title="Odyssey 2024 baseline: WavLM, large, tuned on MSP-Podcast",
        names=("3loi/SER-Odyssey-Baseline-WavLM-*",),
        training=list_corpora({LABELS: ["msp-podcast"]}),
        licence="mit",
        source="https://huggingface.co/3loi/SER-Odyssey-Baseline-WavLM-Categorical",
        start="microsoft/wavlm-large",
        note="release and partitions are not stated",
    ),
)
