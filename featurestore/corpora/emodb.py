"""EmoDB, the Berlin Database of Emotional Speech: 10 German actors, 10 sentences, 7 emotions, 535 clips."""

import re
from collections.abc import Sequence
from pathlib import Path

from featurestore.corpora import CorpusCard, Finding, Published, Reading, set_durations
from featurestore.errors import NotFound
from featurestore.manifest import Utterance

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
    licence="freely available for research: http://emodb.bilderbar.info",
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
    ),
    note="acted; the same ten sentences in every emotion, so the words tell nothing about it",
)
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
_NAME = re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[WLNFATE])[a-z]")
_RATE = 16_000  # Hz, of the original release


def utterances(root: Path) -> Reading:
    """Read a release, one utterance per clip, by name.

    Args:
        root: the folder `wav`, or the one that holds it.

    Raises:
        NotFound: there is no clip of EmoDB.
    """
    paths = (*root.glob("wav/*.wav"), *root.glob("*.wav"))
    clips = sorted(path for path in paths if not path.name.startswith("._"))
    by_id = {path.stem: path for path in clips if _NAME.fullmatch(path.stem)}
    if not by_id:
        raise NotFound(
            f"{root} is not an EmoDB release",
            expected="a folder with wav/03a01Fa.wav and so on",
            got=f"a folder with {len(clips)} other wav files" if root.is_dir() else "no such folder",
            do="get the release from http://emodb.bilderbar.info; for your own data: cli prepare table TABLE",
        )
    rows = [_to_utterance(by_id[utterance_id], root) for utterance_id in sorted(by_id)]
    complete, lengths = set_durations(root, rows)
    ignored = tuple(path.relative_to(root).as_posix() for path in clips if path not in by_id.values())
    return Reading(complete, (*_findings(ignored, complete), *lengths, *_detect_alterations(root, complete)))


def sample(folder: Path) -> None:
    """Write a release of four actors with clips of noise: each says two sentences in three emotions."""
    import numpy as np
    import soundfile

    random = np.random.default_rng(0)
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    for speaker in ("03", "08", "09", "10"):
        for sentence in ("a01", "b02"):
            for number, emotion in enumerate("FNW"):
                noise = random.normal(0, 0.1, 1600 + 160 * number).astype(np.float32)
                soundfile.write(folder / "wav" / f"{speaker}{sentence}{emotion}a.wav", noise, _RATE)


def _to_utterance(path: Path, root: Path) -> Utterance:
    match = _NAME.fullmatch(path.stem)
    speaker, sentence, emotion = match.groups() if match else ("", "", "")
    return Utterance(
        id=path.stem,
        audio=path.relative_to(root).as_posix(),
        text=_SENTENCES.get(sentence, ""),
        label=emotion,
        speaker=speaker,
        gender=_GENDERS.get(speaker, ""),
        script=sentence,
    )


def _findings(ignored: Sequence[str], rows: Sequence[Utterance]) -> tuple[Finding, ...]:
    findings = (
        Finding("wav files with another name than EmoDB's, or with a duplicate one, ignored", tuple(ignored)),
        Finding("clips of an unknown sentence, kept with an empty text", _ids_without(rows, "text")),
        Finding("clips of an unknown speaker, kept without a gender", _ids_without(rows, "gender")),
    )
    return tuple(finding for finding in findings if finding.where)


def _ids_without(rows: Sequence[Utterance], column: str) -> tuple[str, ...]:
    return tuple(row.id for row in rows if not getattr(row, column))


def _detect_alterations(root: Path, rows: Sequence[Utterance]) -> tuple[Finding, ...]:
    """Report a copy that is not the original at 16 kHz and natural length, since its figures are not comparable."""
    from featurestore.audio import decode

    rates = {row.id: decode.probe(root / row.audio).rate for row in rows if row.duration is not None}
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
