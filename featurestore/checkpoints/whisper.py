"""The Whisper family of speech recognizers, whose training audio is not published."""

from featurestore.checkpoints import TRANSCRIPTS, CheckpointCard, list_corpora

_AUDIO = list_corpora({TRANSCRIPTS: ["audio of the web, not named"]})
_NOTE = "which recordings are in it is not stated, so that no corpus can be ruled out"

CARDS = (
    CheckpointCard(
        title="Whisper, 680,000 hours with transcripts",
        names=tuple(f"openai/whisper-{size}" for size in ("tiny*", "base*", "small*", "medium*", "large", "large-v2")),
        training=_AUDIO,
        licence="apache-2.0",
        source="https://arxiv.org/abs/2212.04356",
        note=_NOTE,
    ),
    CheckpointCard(
        title="Whisper large-v3, 1 million hours with transcripts and 4 million hours transcribed by large-v2",
        names=("openai/whisper-large-v3", "openai/whisper-large-v3-turbo"),
        training=_AUDIO,
        licence="",
        source="https://huggingface.co/openai/whisper-large-v3",
        note=_NOTE,
    ),
)
