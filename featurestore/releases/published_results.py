"""Published results of benchmarks of several corpora, for the cards of these corpora."""

from collections.abc import Mapping

from featurestore.releases.reading import Published

_EMOBOX = (
    "Ma et al., EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark, Interspeech 2024, "
    "table 4: https://github.com/emo-box/EmoBox (commit 08280f2, docs/intra-corpus.jpg)"
)
_EMOBOX_NOTE = (
    "frozen encoder, small network on the mean over frames; the released recipe tests every epoch, and which of them "
    "the table reports is not said"
)
# UA is scikit-learn's balanced accuracy and WA its accuracy (README of EmoBox, EmoEval).
_EMOBOX_METRICS = ("unweighted_average_recall", "accuracy", "macro_f1")
_CONV_EMOTION = "https://github.com/declare-lab/conv-emotion (commit 6128ca2, README, Present SOTA Results)"
_CONV_EMOTION_NOTE = (
    "text alone, with the dialogue as context except for RoBERTa; the released code of COSMIC chooses the epoch on the "
    "dev part"
)


def list_emobox_results(
    labels: str, percent: Mapping[str, tuple[float, float, float]], note: str, protocol: str = ""
) -> tuple[Published, ...]:
    """List results of EmoBox's benchmark on one corpus.

    Args:
        labels: label scheme of the results.
        percent: UA, WA and F1 of each encoder, 0 to 100, as EmoBox prints them.
        note: how the folds are cut, and whether they share speakers.
        protocol: registry name of the same protocol; empty if there is none.
    """
    return tuple(
        Published(
            f"EmoBox, {encoder}", metric, _to_fraction(value), labels, _EMOBOX, f"{note}; {_EMOBOX_NOTE}", protocol
        )
        for encoder, values in percent.items()
        for metric, value in zip(_EMOBOX_METRICS, values, strict=True)
    )


def list_conv_emotion_results(
    labels: str, percent: Mapping[str, float], note: str, protocol: str = ""
) -> tuple[Published, ...]:
    """List results of the models in the repository conv-emotion on one corpus.

    Args:
        labels: label scheme of the results.
        percent: weighted F1 of each model, 0 to 100, as the repository prints it.
        note: what is tested.
        protocol: registry name of the same protocol; empty if there is none.
    """
    about = f"{note}; {_CONV_EMOTION_NOTE}"
    return tuple(
        Published(model, "weighted_f1", _to_fraction(value), labels, _CONV_EMOTION, about, protocol)
        for model, value in percent.items()
    )


def _to_fraction(percent: float) -> float:
    """Return a percentage as a fraction, without the digits that the division adds."""
    return round(percent / 100, 6)
