"""Define label schemes that have the same classes in every corpus, by the English words for emotions."""

from collections.abc import Mapping

_SYNONYMS = {
    "angry": ("anger", "angry", "mad"),
    "disgusted": ("disgust", "disgusted"),
    "excited": ("excited", "excitement"),
    "fearful": ("fear", "fearful", "afraid", "scared"),
    "happy": ("happiness", "happy", "joy", "joyful"),
    "neutral": ("neutral", "neutral state", "neutrality"),
    "sad": ("sad", "sadness"),
    "surprised": ("surprise", "surprised", "pleasant surprise", "pleasantly surprised"),
}
_EMOTIONS = {word: emotion for emotion, words in _SYNONYMS.items() for word in words}
_BIG_4 = {emotion: emotion for emotion in ("angry", "happy", "neutral", "sad")}
_EKMAN_6 = ("angry", "disgusted", "fearful", "happy", "sad", "surprised")
# Class of each emotion. Calm is not neutral and amusement not happiness: such emotions are left out.
COMMON_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "big-4": {**_BIG_4, "excited": "happy"},
    "big-4-without-excited": _BIG_4,
    "ekman-6": {emotion: emotion for emotion in _EKMAN_6},
}


def map_to_common(name: str, labels: Mapping[str, str]) -> dict[str, str | None]:
    """Map label codes to the classes of a common label scheme, by their meaning.

    Args:
        name: of the scheme.
        labels: the meaning of each code, in English.

    >>> map_to_common("big-4", {"W": "Anger", "X": "excited", "A": "fear"})
    {'W': 'angry', 'X': 'happy', 'A': None}
    """
    classes = COMMON_SCHEMES[name]
    emotions = {code: _EMOTIONS.get(" ".join(meaning.lower().split()), "") for code, meaning in labels.items()}
    return {code: classes.get(emotion) for code, emotion in emotions.items()}
