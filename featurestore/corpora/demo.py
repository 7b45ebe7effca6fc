"""Synthetic speech by eSpeak NG in IEMOCAP's layout, made on this machine: it proves the pipeline, not the science."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from featurestore.corpora import CorpusCard, Reading, iemocap
from featurestore.corpora._demo_texts import LABELS
from featurestore.errors import Mismatch, Unavailable
from featurestore.storage.atomic import write_text
from featurestore.storage.json_files import find_object

VERSION = "2"  # of the generator; increase it whenever the corpus changes
SEED = 0
PER_LABEL = 20  # turns of each speaker with each label
CARD = CorpusCard(
    title="Demo corpus: synthetic speech in IEMOCAP's layout",
    licence="free to use, made on this machine (eSpeak NG itself: GPL-3.0)",
    citation="https://github.com/espeak-ng/espeak-ng",
    labels=LABELS,
    counts=dict.fromkeys(LABELS, 10 * PER_LABEL),
    default_scheme="iemocap-6",
    version=VERSION,
    note="synthetic speech by eSpeak NG: it proves the pipeline, not the science",
    vote_codes=iemocap.VOTE_CODES,
)
MARK = "demo.json"


def default_root(store: Path) -> Path:
    """Return the folder that the corpus of a store is generated in by default."""
    return store / "corpus"


def utterances(root: Path) -> Reading:
    """Read the corpus in `root` as IEMOCAP, and generate it first unless it is complete and of this version.

    Raises:
        Unavailable: eSpeak NG is not installed.
        Mismatch: `root` holds something else.
    """
    if _read_mark(root) != _build_mark(SEED, PER_LABEL):
        generate(root, SEED, PER_LABEL)
    return iemocap.utterances(root)


def generate(root: Path, seed: int = SEED, per_label: int = PER_LABEL) -> None:
    """Generate the corpus in a temporary folder beside `root` and rename it, so that `root` is always complete.

    Args:
        root: a folder that does not exist, is empty, or holds an earlier demo corpus.
        seed: seed of every draw; the same seed gives the same bytes.
        per_label: turns of each speaker with each label.

    Raises:
        Unavailable: eSpeak NG is not installed, or fails.
        Mismatch: `root` holds something else.
    """
    from featurestore.corpora._demo_espeak import check_available

    _check_replaceable(root)
    check_available()
    _remove_leftovers(root)
    temporary = root.with_name(f".{root.name}.{os.getpid()}.tmp")
    _write_in_new_process(temporary, seed, per_label)
    write_text(temporary / MARK, json.dumps(_build_mark(seed, per_label), indent=1) + "\n")
    if _read_mark(root) == _build_mark(seed, per_label):  # another process has generated it since
        shutil.rmtree(temporary)
        return
    shutil.rmtree(root, ignore_errors=True)
    temporary.rename(root)


def write(folder: Path, seed: int, per_label: int) -> None:
    """Write the dialogues.

    Only a new process repeats the bytes, because the samples of eSpeak NG depend on what it has spoken before.
    """
    import numpy as np

    from featurestore.corpora._demo_espeak import Espeak
    from featurestore.corpora._demo_turns import draw_dialogues
    from featurestore.corpora._iemocap_writer import write_dialogue

    parent = os.getppid()
    for dialogue, turns in draw_dialogues(per_label, Espeak(), np.random.default_rng(seed)):
        if os.getppid() != parent:  # the process that waits for this one was killed
            raise SystemExit
        write_dialogue(folder, dialogue, turns)


def sample(folder: Path) -> None:
    """Write a small corpus that counts as complete, with noise instead of speech: 60 turns."""
    import numpy as np

    from featurestore.corpora._demo_espeak import Prosody
    from featurestore.corpora._demo_turns import draw_dialogues
    from featurestore.corpora._iemocap_writer import RATE, write_dialogue

    random = np.random.default_rng(SEED)

    class Noise:
        rate = RATE

        def say(self, text: str, voice: str, prosody: Prosody) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
            return random.normal(0, 1000, 1600 + 20 * len(text)).astype(np.int16)

    for dialogue, turns in draw_dialogues(1, Noise(), random):
        write_dialogue(folder, dialogue, turns)
    write_text(folder / MARK, json.dumps(_build_mark(SEED, PER_LABEL), indent=1) + "\n")


def _write_in_new_process(folder: Path, seed: int, per_label: int) -> None:
    code = "import sys; from pathlib import Path; from featurestore.corpora.demo import write"
    code += "; write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"
    result = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(seed), str(per_label)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if result.returncode:
        raise Unavailable(
            "the demo corpus could not be generated", got=(result.stderr.strip() or "a crash").splitlines()[-1]
        )


def _remove_leftovers(root: Path) -> None:
    """Remove the temporary folders of processes that were killed."""
    for leftover in root.parent.glob(f".{root.name}.*.tmp"):
        process = leftover.name.split(".")[-2]
        if process == str(os.getpid()) or (process.isdigit() and not _is_running(int(process))):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_running(process: int) -> bool:
    """Return whether a process with that number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _build_mark(seed: int, per_label: int) -> dict[str, object]:
    return {"generator": VERSION, "seed": seed, "per_label": per_label, "note": CARD.note}


def _read_mark(root: Path) -> object:
    """Return what an earlier generation has recorded, or None if there is no complete corpus."""
    return find_object(root / MARK)


def _check_replaceable(root: Path) -> None:
    """Raise Mismatch if `root` holds something else than a demo corpus."""
    if root.exists() and not (root / MARK).is_file() and not (root.is_dir() and not any(root.iterdir())):
        raise Mismatch(
            f"{root} is not a demo corpus, nothing was changed",
            expected="a folder that does not exist yet, or an empty one",
            do="choose another --root for the demo corpus",
        )
