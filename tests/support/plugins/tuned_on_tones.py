"""A network that was tuned on the corpus of tones: an example of a checkpoint card in one file."""

from featurestore.checkpoints import LABELS, CheckpointCard, TrainingCorpus

KIND = "checkpoints"
CARDS = (
    CheckpointCard(
        title="wav2vec 2.0, base, tuned on tones",
        names=("nobody/tuned-on-tones",),
        training=(TrainingCorpus("tones", LABELS, partitions=("train", "dev")),),
        licence="mit",
        source="https://huggingface.co/nobody/tuned-on-tones",
        start="facebook/wav2vec2-base",
    ),
)
