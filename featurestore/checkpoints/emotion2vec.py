"""The emotion2vec family: a network of unlabelled emotional speech, and those tuned from it."""

from featurestore.checkpoints import LABELS, PRETRAINING, CheckpointCard, TrainingCorpus, list_corpora

_EMOBOX = (
    *("aesdd", "ased", "asvp-esd", "cafe", "casia", "crema-d", "emns", "emodb", "emov-db", "emovo", "emozionalmente"),
    *("enterface", "esd", "iemocap", "jl-corpus", "m3ed", "mead", "meld", "mer2023", "mesd", "msp-podcast", "oreau"),
    *("pavoque", "polish", "ravdess", "resd", "savee", "shemo", "subesco", "tess", "turev-db", "urdu"),
)
_OWNERS = ("emotion2vec", "iic")  # on huggingface.co and on modelscope.cn
_PAPER = "https://aclanthology.org/2024.findings-acl.931"
_AUTHOR = "https://github.com/ddlBoJack/emotion2vec/issues/46"

CARDS = (
    CheckpointCard(
        title="emotion2vec, base",
        names=tuple(f"{owner}/emotion2vec_base" for owner in _OWNERS),
        training=(
            *list_corpora({PRETRAINING: ["LibriSpeech", "iemocap", "meld", "cmu-mosei", "mead"]}),
            TrainingCorpus("msp-podcast", PRETRAINING, release="1.8"),
        ),
        licence="",
        source=_PAPER,
    ),
    CheckpointCard(
        title="emotion2vec+ seed",
        names=tuple(f"{owner}/emotion2vec_plus_seed" for owner in _OWNERS),
        training=list_corpora({LABELS: _EMOBOX}, source="https://github.com/emo-box/EmoBox"),
        licence="",
        source=_AUTHOR,
        start="emotion2vec/emotion2vec_base",
        note="201 of the 294 hours of EmoBox; which corpora and clips is not stated",
    ),
    CheckpointCard(
        title="emotion2vec+ base and large, tuned on speech that emotion2vec+ seed labelled",
        names=tuple(
            f"{owner}/emotion2vec_plus_{size}" for owner in ("emotion2vec", "iic") for size in ("base", "large")
        ),
        training=list_corpora({LABELS: ["speech labelled by emotion2vec+ seed"]}),
        licence="",
        source=_AUTHOR,
        start="emotion2vec/emotion2vec_plus_seed",
        note="its labels come from emotion2vec+ seed, so that the corpora of the seed count",
    ),
)
