"""The MMS family: wav2vec 2.0 networks of 1,406 languages."""

from featurestore.checkpoints import PRETRAINING, CheckpointCard, list_corpora

CARDS = (
    CheckpointCard(
        title="Massively Multilingual Speech",
        names=("facebook/mms-300m", "facebook/mms-1b"),
        training=list_corpora(
            {
                PRETRAINING: [
                    *("MMS-lab", "Multilingual LibriSpeech", "Common Voice", "VoxLingua107", "BABEL", "VoxPopuli"),
                ]
            }
        ),
        licence="cc-by-nc-4.0",
        source="https://arxiv.org/abs/2305.13516",
    ),
)
