"""Networks for speech recognition that single authors tuned on acted emotional speech."""

from featurestore.checkpoints import LABELS, CheckpointCard, list_corpora

_ENGLISH, _XLSR = "jonatasgrosman/wav2vec2-large-xlsr-53-english", "facebook/wav2vec2-large-xlsr-53"
_FOUR = ("ravdess", "savee", "tess", "urdu")
# by hub name: the corpora that its model card names, and its start; empty where the model card names none
_TUNED: dict[str, tuple[tuple[str, ...], str]] = {
    "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition": (("ravdess",), _ENGLISH),
    "r-f/wav2vec-english-speech-emotion-recognition": (("ravdess", "savee", "tess"), _ENGLISH),
    "FarhadMadadzade/wav2vec2-large-xlsr-53-english-ser-linear": (("ravdess", "savee", "tess", "crema-d"), ""),
    "harshit345/xlsr-wav2vec-speech-emotion-recognition": (("aesdd",), ""),
    "m3hrdadfi/wav2vec2-xlsr-greek-speech-emotion-recognition": (("aesdd",), ""),
    "m3hrdadfi/wav2vec2-xlsr-persian-speech-emotion-recognition": (("shemo",), ""),
    "firdhokk/speech-emotion-recognition-with-facebook-wav2vec2-large-xlsr-53": (_FOUR, _XLSR),
    "firdhokk/speech-emotion-recognition-with-openai-whisper-large-v3": (_FOUR, "openai/whisper-large-v3"),
}

CARDS = tuple(
    CheckpointCard(
        title=f"{name.partition('/')[2]}, tuned on {', '.join(corpora)}",
        names=(name,),
        training=list_corpora({LABELS: corpora}),
        licence="apache-2.0",
        source=f"https://huggingface.co/{name}",
        start=start,
        note="which clips were held out is not stated",
    )
    for name, (corpora, start) in _TUNED.items()
)
