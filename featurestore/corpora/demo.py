"""Synthetic speech by eSpeak NG in IEMOCAP's layout, made on this machine: it proves the pipeline, not the science."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from featurestore.corpora import Card, Reading, iemocap
from featurestore.corpora._demo_files import Spoken, write_dialogue
from featurestore.corpora._demo_texts import LABELS, NEIGHBOURS, sentence
from featurestore.corpora._demo_voice import colour, resampled
from featurestore.corpora._espeak import Espeak, Prosody, check_available
from featurestore.errors import Mismatch, Unavailable
from featurestore.storage.atomic import write_text

VERSION = "1"  # of the generator: raise it whenever the corpus changes
SEED = 0
PER_LABEL = 20  # turns of each speaker with each label
CARD = Card(
    title="Demo corpus: synthetic speech in IEMOCAP's layout",
    licence="free to use, made on this machine (eSpeak NG itself: GPL-3.0)",
    citation="https://github.com/espeak-ng/espeak-ng",
    labels=LABELS,
    counts=dict.fromkeys(LABELS, 10 * PER_LABEL),
    default_scheme="iemocap-6",
    version=VERSION,
    note="synthetic speech by eSpeak NG: it proves the pipeline, not the science",
)
MARK = "demo.json"
DIALOGUES = tuple(f"{worn}_{script}" for worn in "FM" for script in ("impro01", "impro02", "script01_1"))


@dataclass(frozen=True)
class Speaker:
    """One speaker: the voice of eSpeak NG, words a minute, pitch (0 to 99)."""

    id: str
    voice: str
    rate: int
    pitch: int


SPEAKERS = (
    Speaker("Ses01F", "en-us+f2", 172, 46),
    Speaker("Ses01M", "en-us+m3", 165, 40),
    Speaker("Ses02F", "en-gb-x-rp+f3", 168, 50),
    Speaker("Ses02M", "en-gb-x-rp+m1", 172, 36),
    Speaker("Ses03F", "en-us+Annie", 165, 45),
    Speaker("Ses03M", "en-us+m7", 176, 42),
    Speaker("Ses04F", "en-gb-scotland+f1", 170, 44),
    Speaker("Ses04M", "en-gb-scotland+m2", 168, 44),
    Speaker("Ses05F", "en-us+linda", 174, 40),
    Speaker("Ses05M", "en-us+m5", 163, 38),
)
# Mean change of words a minute, pitch, pitch range and volume, added to what a speaker has (range 50 and volume 100 for
# all); then effort and breath, which small networks hear best. The spreads leave every emotion much of its neighbours'.
MANNERS = {
    "ang": (30, 4, 28, 30, 0.60, -3.9),
    "exc": (26, 20, 12, 20, 0.60, -1.6),
    "fru": (-12, -4, 22, 12, 0.0, -3.9),
    "hap": (-8, 20, 4, 5, 0.0, -1.6),
    "neu": (10, -3, -18, 0, -0.60, -3.9),
    "sad": (-30, -6, -24, -25, -0.60, -1.6),
}
SPREADS = (18, 10, 18, 15, 0.22, 0.65)
LIMITS = ((90, 0, 0, 30, -0.95, -7.0), (300, 99, 99, 190, 0.95, -0.5))
# mean valence, activation, dominance, 1 to 5
RATINGS = {
    "ang": (1.9, 3.8, 4.0),
    "exc": (4.1, 3.9, 3.5),
    "fru": (2.2, 2.9, 3.3),
    "hap": (4.0, 3.2, 3.2),
    "neu": (3.0, 2.6, 3.0),
    "sad": (2.2, 2.1, 2.6),
}


def default_root(store: Path) -> Path:
    """Where the corpus of a store lies unless the user says otherwise."""
    return store / "corpus"


def utterances(root: Path) -> Reading:
    """Makes the corpus in `root` unless it is there, complete and of this version; then reads it as IEMOCAP.

    Raises:
        Unavailable: eSpeak NG is not installed.
        Mismatch: `root` holds something else.
    """
    if _mark(root) != _fingerprint(SEED, PER_LABEL):
        generate(root, SEED, PER_LABEL)
    return iemocap.utterances(root)


def generate(root: Path, seed: int = SEED, per_label: int = PER_LABEL) -> None:
    """Writes the corpus beside `root` and renames it: a killed generation leaves nothing that looks complete.

    Args:
        root: a folder that is not there, is empty, or holds an earlier demo corpus.
        seed: of every draw; the same seed gives the same bytes.
        per_label: turns of each speaker with each label.

    Raises:
        Unavailable: eSpeak NG is not installed.
        Mismatch: `root` holds something else.
    """
    _check_ours(root)
    check_available()
    for leftover in root.parent.glob(f".{root.name}.*.tmp"):
        process = leftover.name.split(".")[-2]
        if process == str(os.getpid()) or (process.isdigit() and not _lives(int(process))):
            shutil.rmtree(leftover, ignore_errors=True)
    aside = root.with_name(f".{root.name}.{os.getpid()}.tmp")
    _write_apart(aside, seed, per_label)
    write_text(aside / MARK, json.dumps(_fingerprint(seed, per_label), indent=1) + "\n")
    if _mark(root) == _fingerprint(seed, per_label):  # another process has made it meanwhile
        shutil.rmtree(aside)
        return
    shutil.rmtree(root, ignore_errors=True)
    aside.rename(root)


def write(folder: Path, seed: int, per_label: int) -> None:
    """Writes the dialogues; only in a new process are the bytes the same, because eSpeak NG remembers what it spoke."""
    parent = os.getppid()
    espeak, random = Espeak(), np.random.default_rng(seed)
    for session in ("Ses01", "Ses02", "Ses03", "Ses04", "Ses05"):
        for name, turns in _session(session, per_label, espeak, random).items():
            if os.getppid() != parent:  # killed: nobody waits for it
                raise SystemExit
            write_dialogue(folder, name, turns)


def _write_apart(folder: Path, seed: int, per_label: int) -> None:
    code = "import sys; from pathlib import Path; from featurestore.corpora.demo import write"
    code += "; write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(seed), str(per_label)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable("the demo corpus could not be made", got=(done.stderr.strip() or "a crash").splitlines()[-1])


def _lives(process: int) -> bool:
    """Whether a process of that number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True


def _session(session: str, per_label: int, espeak: Espeak, random: np.random.Generator) -> Mapping[str, list[Spoken]]:
    """The dialogues of a session: its two speakers take turns, `per_label` turns each."""
    woman, man = (_speak(speaker, per_label, espeak, random) for speaker in SPEAKERS if speaker.id[:5] == session)
    return {
        f"{session}{name}": list(chain.from_iterable(zip(woman[name], man[name], strict=True))) for name in DIALOGUES
    }


def _speak(speaker: Speaker, per_label: int, espeak: Espeak, random: np.random.Generator) -> dict[str, list[Spoken]]:
    """All turns of a speaker by dialogue: every label equally often, in shuffled order."""
    labels = random.permutation(np.repeat(sorted(LABELS), per_label)).reshape(len(DIALOGUES), -1)
    return {
        name: [
            _turn(f"{speaker.id[:5]}{name}_{speaker.id[5]}{number:03d}", str(label), speaker, espeak, random)
            for number, label in enumerate(row)
        ]
        for name, row in zip(DIALOGUES, labels, strict=True)
    }


def _turn(name: str, label: str, speaker: Speaker, espeak: Espeak, random: np.random.Generator) -> Spoken:
    """One turn; given the label, words and manner are drawn independently, so that each tells something of its own."""
    text = sentence(label, random)
    means = np.array((speaker.rate, speaker.pitch, 50, 100, 0, 0)) + MANNERS[label]
    *prosody, effort, breath = np.clip(random.normal(means, SPREADS), *LIMITS).tolist()
    wave = resampled(espeak.say(text, speaker.voice, Prosody(*map(round, prosody))), espeak.rate)
    third = NEIGHBOURS[label] if random.random() < 0.3 else label
    ratings = np.clip(np.rint(random.normal(RATINGS[label], 0.5, (2, 3))), 1, 5).astype(int)  # (raters, 3)
    return Spoken(name, label, text, (label, label, third), ratings.tolist(), colour(wave, effort, breath, random))


def _fingerprint(seed: int, per_label: int) -> dict[str, object]:
    return {"generator": VERSION, "seed": seed, "per_label": per_label, "note": CARD.note}


def _mark(root: Path) -> object:
    """What an earlier generation recorded; None where there is no complete one."""
    try:
        return json.loads((root / MARK).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _check_ours(root: Path) -> None:
    """Raises Mismatch rather than replace a folder that is not a demo corpus."""
    if root.exists() and not (root / MARK).is_file() and not (root.is_dir() and not any(root.iterdir())):
        raise Mismatch(
            f"{root} is not a demo corpus, and is left as it is",
            expected="a folder that is not there yet, or an empty one",
            do="choose another --root; the demo corpus is written there",
        )
