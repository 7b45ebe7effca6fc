"""Write a small set of every file that a version leaves on disk, for tests that later versions still read them.

Run it from the source tree of the version whose files are to be kept, with a new folder as its argument:
`python -m tests.compatibility.write tests/compatibility/0.1.0`. It makes a corpus of a few seconds of sound and tiny
random networks, calls that version's own commands on them, and records in `expected.json` what was typed, what the
files hold and what the commands answered. Models lie in a cache of the hub and paths are relative, so that the set can
be read from any folder; the root of the corpus, which `cli prepare` writes in full, is replaced by `/data`.
"""

import csv
import hashlib
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from featurestore.store import Store

COMMAND = (sys.executable, "-m", "cli")
ROOT = Path(__file__).parents[2]
PLACE, SYSTEM = "/data", "Linux"  # stand for the folder that the files were written in, and for the machine's kernel
LARGEST_PART = 15_000  # bytes; the file that is joined of the parts is larger
COUNT, RATE, FAILING = 24, 16_000, "u23"
LABELS = ("ang", "sad", "neu")
WORDS = [
    "the",
    "a",
    "we",
    "you",
    "never",
    "always",
    "saw",
    "told",
    "lost",
    "found",
    "my",
    "your",
    "dog",
    "money",
    "letter",
    "sister",
    "job",
    "house",
]
OWNER = "compatibility"  # of the models in the hub's cache

AUDIO = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (5, 8, 8),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
}
TEXT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "relative_attention": True,
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}

# What is typed, in the folder of the set; the tests type it again.
STORE = ("--store", "store")
FINETUNE = (
    *("finetune", *STORE, "--modality", "text", "--checkpoint", f"{OWNER}/text"),
    *("--epochs", "1", "--learning-rate", "0.01", "--batch-size", "8"),
)
BY_SESSION = ("--protocol", "leave-one-session-out", "--all-folds")
COMMANDS: Mapping[str, Sequence[str]] = {
    "prepare": ("prepare", "table", "corpus/table.csv", *STORE),
    "prepare calls": (
        *("prepare", "table", "corpus/calls.csv", "--store", "calls", "--name", "calls"),
        *("--column", "label=emotion", "--column", "audio=path"),
    ),
    "finetune": (*FINETUNE, "--out", "tuned/holdout"),
    "finetune by session": (*FINETUNE, *BY_SESSION, "--out", "tuned/fold"),
    "extract audio": ("extract", *STORE, "--encoder", f"{OWNER}/audio", "--frames", "--layers"),
    "extract tuned": ("extract", *STORE, "--encoder", f"tuned={OWNER}/tuned"),
    "extract fold": ("extract", *STORE, *(f"--encoder=fold@{fold}={OWNER}/fold-{fold}" for fold in (1, 2))),
    "extract egemaps": ("extract", *STORE, "--encoder", "egemaps"),
    "extract calls": ("extract", "--store", "calls", "--encoder", "egemaps"),
    "extract stopped": ("extract", "--store", "stopped", "--encoder", f"{OWNER}/audio"),
    "benchmark": (
        *("benchmark", *STORE, "--heads", "svm,mlp", "--features", "means=audio.mean+tuned.mean,tuned.logits"),
        *("--search", "1", "--shuffle", "--shares", "0.5", "--out", "benchmark"),
    ),
}
EXTRACTIONS = ("extract audio", "extract tuned", "extract fold", "extract egemaps")
BUNDLES = {
    "prior": ("--features", "audio.mean"),
    "logistic": ("--features", "audio.mean,tuned.mean,tuned.logits", "--normalize", "global"),
    "svm": ("--features", "egemaps.functionals,audio.layers[1]", "--search", "1"),
    "mlp": ("--features", "audio.frames[4],tuned.logits", "--param", "hidden=[16,8]"),
    "xgb": ("--features", "audio.mean,audio.std,tuned.cls", "--param", "n_estimators=4"),
}
MATRICES = ("audio.mean", "audio.std", "audio.frames[6]", "audio.layers[2]", "tuned.cls", "tuned.logits", "fold@1.mean")
NEW_SPEECH = ("u00", "u07")


def compute_digests(path: Path) -> dict[str, str]:
    """Compute the sha256 of each dataset's bytes, by name."""
    found = {}

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = hashlib.sha256(np.ascontiguousarray(item[()]).tobytes()).hexdigest()

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def build_speech_options(folder: Path, utterance_id: str) -> list[str]:
    """Give the options by which `cli predict` is asked about an utterance of the corpus."""
    with (folder / "corpus" / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    return ["--audio", str(folder / "corpus" / rows[utterance_id]["audio"]), "--text", rows[utterance_id]["text"]]


class _Folder:
    """The folder of a set, and the commands in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HF_HUB_CACHE": str(path / "hub"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }

    def run(self, *arguments: str, code: int = 0, largest: int | None = None) -> str:
        """Run a command and return its standard output.

        Args:
            arguments: of the command.
            code: the exit code that it must end with.
            largest: bytes of the largest file that it may write.
        """

        def limit() -> None:
            if largest:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.path,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )
        if done.returncode != code:
            raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}, not {code}:\n{done.stdout}")
        return done.stdout

    def answer(self, *arguments: str) -> Any:
        """Run a command with --json and return its answer."""
        return json.loads(self.run(*arguments, "--json"))

    def publish(self, model: Path, name: str) -> None:
        """Move a checkpoint into the hub's cache, where its name is the same on every machine."""
        commit = hashlib.sha1((model / "model.safetensors").read_bytes()).hexdigest()
        folder = self.path / "hub" / f"models--{OWNER}--{name}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text(commit)
        (folder / "snapshots").mkdir()
        shutil.move(model, folder / "snapshots" / commit)


def _write_sound(path: Path, seconds: float, seed: int) -> None:
    """Write a tone with harmonics and a little noise."""
    import soundfile

    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 110 + 60 * (seed % 3) + random.uniform(-10, 10)
    wave = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 5))
    wave = 0.2 * wave + 0.002 * random.standard_normal(len(time))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave.astype(np.float32), RATE, subtype="PCM_16")


def _write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_corpus(folder: Path) -> None:
    """Write a table of clips, the last of which no encoder can use, and one of segments without ids."""
    random = np.random.default_rng(0)
    rows = []
    for index in range(COUNT):
        utterance_id = f"u{index:02d}"
        usable = utterance_id != FAILING
        _write_sound(folder / "clips" / f"{utterance_id}.flac", 0.2 + 0.2 * random.random() if usable else 0.005, index)
        rows.append(
            {
                "id": utterance_id,
                "audio": f"clips/{utterance_id}.flac",
                "text": " ".join(random.choice(WORDS, random.integers(2, 9))) if usable else "",
                "label": LABELS[index % 7 % 3] if usable else "",
                "speaker": f"S{index % 4}",
                "session": f"{index % 2 + 1}",
            }
        )
    _write_table(folder / "table.csv", rows)
    _write_sound(folder / "calls.flac", 1.2, 99)
    times = [(0.0, 0.4), (0.4, 0.7), (0.7, 1.2)]
    emotions = zip(times, ("glad", "sad", "glad"), strict=True)
    calls = [{"path": "calls.flac", "start": start, "end": end, "emotion": label} for (start, end), label in emotions]
    _write_table(folder / "calls.csv", calls)


def _write_networks(folder: Path) -> None:
    """Write random networks as transformers saves them."""
    import transformers as hf

    hf.set_seed(0)
    hf.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder / "audio")
    hf.AutoModel.from_config(hf.Wav2Vec2Config(**AUDIO)).save_pretrained(folder / "audio")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*((word, 0.0) for word in special), *((f"▁{word}", -1.0) for word in WORDS)]
    tokenizer = hf.DebertaV2Tokenizer(vocab=vocabulary, unk_id=1)
    tokenizer.save_pretrained(folder / "text")
    network = hf.AutoModel.from_config(hf.DebertaV2Config(**TEXT, vocab_size=len(tokenizer)))
    network.save_pretrained(folder / "text")


def _stop_an_extraction(folder: _Folder) -> None:
    """Leave the first half of an extraction's parts: the joined file is too large for the disk."""
    stopped = folder.path / "stopped"
    stopped.mkdir()
    for name in ("corpus.json", "utterances.csv"):
        shutil.copy(folder.path / "store" / name, stopped)
    folder.run(*COMMANDS["extract stopped"], "--jobs", "1", code=1, largest=LARGEST_PART)
    parts = sorted(stopped.glob("audio.parts/*.h5"))
    for part in parts[len(parts) // 2 :]:
        part.unlink()


def _remove_what_is_made_again(path: Path) -> None:
    made = ("benchmark/report.*", "benchmark/leaderboard.*", "**/.lock*", "hub/.*", "hub/*.*")
    for leftover in [file for pattern in made for file in path.glob(pattern) if file.is_file()]:
        leftover.unlink()
    shutil.rmtree(path / "benchmark" / "figures")
    shutil.rmtree(path / "tuned")


def _remove_the_place(path: Path) -> None:
    """Replace the folder's own path and the kernel's name in JSON; no other file may hold that path."""
    for file in filter(Path.is_file, path.rglob("*")):
        content = file.read_bytes()
        if file.suffix == ".json":
            for own, neutral in ((str(path), PLACE), (platform.platform(), SYSTEM)):
                content = content.replace(own.encode(), neutral.encode())
            file.write_bytes(content)
        if str(path.parent).encode() in content:
            raise SystemExit(f"{file} holds the path of the folder that it was written in")


def _record(folder: _Folder) -> dict[str, Any]:
    """Record what the files hold and what the commands answer."""
    path = folder.path
    store = Store(path / "store")
    matrices = {}
    for feature in MATRICES:
        X, _, ids = store.matrix([feature], store.available([feature]))
        matrices[feature] = {"shape": list(X.shape), "sha256": hashlib.sha256(X.tobytes()).hexdigest(), "ids": ids}
    return {
        "commands": COMMANDS,
        "digests": {str(file.relative_to(path)): compute_digests(file) for file in sorted(path.rglob("*.h5"))},
        "matrices": matrices,
        "failed": {name: store.failures([f"{name}.mean"]) for name in ("audio", "tuned")},
        "predictions": {
            name: [
                folder.answer("predict", f"bundles/{name}", *build_speech_options(Path(), utterance_id))[0]
                for utterance_id in NEW_SPEECH
            ]
            for name in BUNDLES
        },
    }


def write(path: Path) -> None:
    """Write the whole set into a new folder."""
    path.mkdir(parents=True)
    folder = _Folder(path)
    _write_corpus(path / "corpus")
    _write_networks(path / "networks")
    for name in ("audio", "text"):
        folder.publish(path / "networks" / name, name)
    (path / "networks").rmdir()
    folder.run(*COMMANDS["prepare"])
    folder.run(*COMMANDS["finetune"])
    folder.publish(path / "tuned" / "holdout", "tuned")
    folder.run(*COMMANDS["finetune by session"])
    for fold in ("1", "2"):
        folder.publish(path / "tuned" / "fold" / fold, f"fold-{fold}")
    for name in EXTRACTIONS:
        folder.run(*COMMANDS[name], "--jobs", "1", code=3)  # one utterance fails
    folder.run(*COMMANDS["prepare calls"])
    folder.run(*COMMANDS["extract calls"], "--jobs", "1")
    _stop_an_extraction(folder)
    for name, options in BUNDLES.items():
        folder.run("fit-head", *STORE, "--head", name, *options, "--out", f"bundles/{name}")
    folder.run(*COMMANDS["benchmark"], "--jobs", "1")
    os.chdir(path)
    expected = _record(folder)
    _remove_what_is_made_again(path)
    (path / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", "utf-8")
    _remove_the_place(path)


if __name__ == "__main__":
    write(Path(sys.argv[1]).resolve())
