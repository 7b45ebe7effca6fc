"""EmoDB, the Berlin Database of Emotional Speech: 10 German actors, 10 sentences, 7 emotions, 535 clips."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from featurestore.corpora import CorpusCard, Finding, Published, Reading, read_named_clips, read_rates, write_clip
from featurestore.manifest import Utterance
from featurestore.releases.published_results import list_emobox_results

_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "N": "neutral",
    "F": "happiness",
    "A": "fear",
    "T": "sadness",
    "E": "disgust",
}
_NKULULEKO = "nkululeko 1.14.1, https://github.com/felixbur/nkululeko"
_NKULULEKO_NOTE = (
    "run for this project on an altered copy (22,050 Hz, every clip cut or padded to 2.000 s), eGeMAPSv02, leave one "
    "speaker out, pooled over speakers; not to be compared with figures on another copy; nkululeko scales features "
    "over all clips, test clips included, before it cuts folds, so that its figures are not quite of unseen speakers"
)
_PROTOCOL = "leave-one-speaker-out"
CARD = CorpusCard(
    title="EmoDB: Berlin Database of Emotional Speech",
    licence="free of charge for research: http://emodb.bilderbar.info",
    source="http://emodb.bilderbar.info",
    language="German",
    words="the same ten sentences in every emotion",
    speakers=10,
    citation="Burkhardt et al., A database of German emotional speech, Interspeech 2005, 1517-1520",
    labels=_EMOTIONS,
    counts={"W": 127, "L": 81, "N": 79, "F": 71, "A": 69, "T": 62, "E": 46},
    schemes={"emodb-7": _EMOTIONS},
    default_scheme="emodb-7",
    version="535 clips",
    published=tuple(
        Published(f"nkululeko {head}", metric, value, "emodb-7", _NKULULEKO, _NKULULEKO_NOTE, _PROTOCOL)
        for head, recall, accuracy in (("svm", 0.571, 0.622), ("xgb", 0.549, 0.593), ("mlp, last epoch", 0.592, 0.622))
        for metric, value in (("unweighted_average_recall", recall), ("accuracy", accuracy))
    )
    + list_emobox_results(
        "emodb-7",
        {
            "wav2vec 2.0 base": (82.06, 83.14, 82.21),
            "WavLM large": (92.58, 92.67, 92.57),
            "Whisper large v3": (91.26, 92.43, 91.84),
        },
        "five folds of clips; all ten speakers are in both training and test",
        "random-utterance",
    ),
    note="acted; the same ten sentences in every emotion, so the words tell nothing about it",
)
LAYOUT = re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[WLNFATE])(?P<version>[a-z])", re.IGNORECASE)
_GENDERS = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "M"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "F"),
}
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
_SAMPLED = ("03", "08", "09", "10")
_RATE = 16_000  # Hz, of the original release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder `wav`, or one above it.

    Raises:
        NotFound: there is no clip of EmoDB.
    """
    reading = read_named_clips(
        root, CARD, LAYOUT, _to_utterance, example="wav/03a01Fa.wav", find_irregular=_find_irregular
    )
    return replace(reading, findings=(*reading.findings, *_detect_alterations(root, reading.utterances)))


def sample(folder: Path) -> None:
    """Write a release of four actors with clips of noise: each says two sentences in three emotions."""
    names = (
        f"{speaker}{sentence}{emotion}a" for speaker in _SAMPLED for sentence in ("a01", "b02") for emotion in "FNW"
    )
    for number, name in enumerate(names):
        write_clip(folder / "wav" / f"{name}.wav", number, _RATE)


def _to_utterance(match: re.Match[str], clip: str) -> Utterance:
    speaker, sentence, emotion = match["speaker"], match["sentence"].lower(), match["emotion"].upper()
    return Utterance(
        id=f"{speaker}{sentence}{emotion}{match['version'].lower()}",
        audio=clip,
        text=_SENTENCES.get(sentence, ""),
        label=emotion,
        speaker=speaker,
        gender=_GENDERS.get(speaker, ""),
        script=sentence,
    )


def _find_irregular(row: Utterance) -> Iterator[str]:
    if not row.text:
        yield "clips of an unknown sentence, kept with an empty text"
    if not row.gender:
        yield "clips of an unknown speaker, kept without a gender"


def _detect_alterations(root: Path, rows: Sequence[Utterance]) -> tuple[Finding, ...]:
    """Report a copy that is not the original at 16 kHz and natural length, since its figures are not comparable."""
    rates = read_rates(root, rows)
    lengths = {row.duration for row in rows} - {None}
    signs = []
    if other := sorted(set(rates.values()) - {_RATE}):
        signs.append(f"clips at {', '.join(map(str, other))} Hz (the original: {_RATE} Hz)")
    if len(rates) > 1 and len(lengths) == 1:
        signs.append(f"every clip {lengths.pop():.3f} s long (the original: natural lengths)")
    if not signs:
        return ()
    what = f"an altered copy: {', '.join(signs)}; compare figures only with figures on this copy"
    return (Finding(what, tuple(one for one, rate in rates.items() if rate != _RATE or not other)),)
