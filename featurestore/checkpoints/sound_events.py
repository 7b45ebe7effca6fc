"""Networks of general audio: AST and CLAP."""

from featurestore.checkpoints import EVENTS, CheckpointCard, list_corpora

CARDS = (
    CheckpointCard(
        title="Audio Spectrogram Transformer",
        names=("MIT/ast-finetuned-audioset-*",),
        training=list_corpora({EVENTS: ["AudioSet"]}),
        licence="bsd-3-clause",
        source="https://huggingface.co/MIT/ast-finetuned-audioset-10-10-0.4593",
    ),
    CheckpointCard(
        title="CLAP",
        names=("laion/clap-htsat-fused", "laion/clap-htsat-unfused"),
        training=list_corpora({EVENTS: ["LAION-Audio-630K"]}),
        licence="apache-2.0",
        source="https://arxiv.org/abs/2211.06687",
        note="the paper also trains on AudioCaps, Clotho and AudioSet; which of them this checkpoint saw is not stated",
    ),
)
