"""The wav2vec 2.0 family: base, large, robust, XLSR-53 and XLS-R, and their speech recognizers."""

from featurestore.checkpoints import PRETRAINING, TRANSCRIPTS, CheckpointCard, list_corpora

_PAPER = "https://arxiv.org/abs/2006.11477"
_ROBUST = "https://arxiv.org/abs/2104.01027"

CARDS = (
    CheckpointCard(
        title="wav2vec 2.0",
        names=("facebook/wav2vec2-base", "facebook/wav2vec2-large"),
        training=list_corpora({PRETRAINING: ["LibriSpeech"]}),
        licence="apache-2.0",
        source=_PAPER,
    ),
    CheckpointCard(
        title="wav2vec 2.0, large, of Libri-Light",
        names=("facebook/wav2vec2-large-lv60",),
        training=list_corpora({PRETRAINING: ["Libri-Light"]}),
        licence="apache-2.0",
        source=_PAPER,
    ),
    CheckpointCard(
        title="wav2vec 2.0, base, for speech recognition",
        names=("facebook/wav2vec2-base-960h", "facebook/wav2vec2-base-100h"),
        training=list_corpora({TRANSCRIPTS: ["LibriSpeech"]}),
        licence="apache-2.0",
        source="https://huggingface.co/facebook/wav2vec2-base-960h",
        start="facebook/wav2vec2-base",
    ),
    CheckpointCard(
        title="wav2vec 2.0, large, for speech recognition",
        names=("facebook/wav2vec2-large-960h",),
        training=list_corpora({TRANSCRIPTS: ["LibriSpeech"]}),
        licence="apache-2.0",
        source=_PAPER,
        start="facebook/wav2vec2-large",
    ),
    CheckpointCard(
        title="wav2vec 2.0, large, of Libri-Light, for speech recognition",
        names=("facebook/wav2vec2-large-960h-lv60", "facebook/wav2vec2-large-960h-lv60-self"),
        training=list_corpora({TRANSCRIPTS: ["LibriSpeech"]}),
        licence="apache-2.0",
        source=_PAPER,
        start="facebook/wav2vec2-large-lv60",
    ),
    CheckpointCard(
        title="wav2vec 2.0, large, robust",
        names=("facebook/wav2vec2-large-robust",),
        training=list_corpora({PRETRAINING: ["Libri-Light", "Common Voice", "Switchboard", "Fisher"]}),
        licence="apache-2.0",
        source=_ROBUST,
    ),
    CheckpointCard(
        title="wav2vec 2.0, large, robust, for speech recognition on LibriSpeech",
        names=("facebook/wav2vec2-large-robust-ft-libri-960h",),
        training=list_corpora({TRANSCRIPTS: ["LibriSpeech"]}),
        licence="apache-2.0",
        source="https://huggingface.co/facebook/wav2vec2-large-robust-ft-libri-960h",
        start="facebook/wav2vec2-large-robust",
    ),
    CheckpointCard(
        title="wav2vec 2.0, large, robust, for speech recognition on Switchboard",
        names=("facebook/wav2vec2-large-robust-ft-swbd-300h",),
        training=list_corpora({TRANSCRIPTS: ["Switchboard"]}),
        licence="apache-2.0",
        source="https://huggingface.co/facebook/wav2vec2-large-robust-ft-swbd-300h",
        start="facebook/wav2vec2-large-robust",
    ),
    CheckpointCard(
        title="XLSR-53",
        names=("facebook/wav2vec2-large-xlsr-53",),
        training=list_corpora({PRETRAINING: ["Multilingual LibriSpeech", "Common Voice", "BABEL"]}),
        licence="apache-2.0",
        source="https://arxiv.org/abs/2006.13979",
    ),
    CheckpointCard(
        title="XLSR-53 for English speech recognition",
        names=("jonatasgrosman/wav2vec2-large-xlsr-53-english",),
        training=list_corpora({TRANSCRIPTS: ["Common Voice"]}),
        licence="apache-2.0",
        source="https://huggingface.co/jonatasgrosman/wav2vec2-large-xlsr-53-english",
        start="facebook/wav2vec2-large-xlsr-53",
    ),
    CheckpointCard(
        title="XLS-R",
        names=("facebook/wav2vec2-xls-r-300m", "facebook/wav2vec2-xls-r-1b", "facebook/wav2vec2-xls-r-2b"),
        training=list_corpora(
            {PRETRAINING: ["VoxPopuli", "Multilingual LibriSpeech", "Common Voice", "BABEL", "VoxLingua107"]}
        ),
        licence="apache-2.0",
        source="https://huggingface.co/facebook/wav2vec2-xls-r-300m",
    ),
)
