"""SpeechBrain's emotion recognizers."""

from featurestore.checkpoints import LABELS, CheckpointCard, list_corpora

CARDS = (
    CheckpointCard(
        title="wav2vec 2.0, base, tuned on IEMOCAP",
        names=("speechbrain/emotion-recognition-wav2vec2-IEMOCAP",),
        training=list_corpora({LABELS: ["iemocap"]}),
        licence="apache-2.0",
        source="https://huggingface.co/speechbrain/emotion-recognition-wav2vec2-IEMOCAP",
        start="facebook/wav2vec2-base",
        note="which turns were held out is not stated",
    ),
)
