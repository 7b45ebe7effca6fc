"""audEERING's wav2vec 2.0 network for arousal, dominance and valence."""

from featurestore.checkpoints import LABELS, CheckpointCard, TrainingCorpus

CARDS = (
    CheckpointCard(
        title="wav2vec 2.0, large, robust, tuned on arousal, dominance and valence",
        names=("audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim",),
        training=(TrainingCorpus("msp-podcast", LABELS, ("train", "dev", "val"), release="1.7"),),
        licence="cc-by-nc-sa-4.0",
        source="https://arxiv.org/abs/2203.07378",
        start="facebook/wav2vec2-large-robust",
        note="another release of the corpus may have moved clips to other partitions",
    ),
)
