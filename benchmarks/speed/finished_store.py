"""`cli extract` on a finished store: under 1 s for 10,000 utterances, under 20 s for 1,000,000, nothing encoded.

Python's start and the imports are part of it. The first command after the extraction reads every clip, because a
clip that has just been written is not indexed yet. The next ones only ask for the state of each file, and `--paranoid`
reads all.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.speed import _command, _corpus, _machine
from benchmarks.speed._engine import ExtractionTimer
from benchmarks.speed._growth import SIZES
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from featurestore.encoders import identify
from featurestore.extraction.cache_key import compute_keys
from featurestore.extraction.header import build_header
from featurestore.extraction.part_file import build_failure_columns, pack_digests
from featurestore.manifest import Utterance
from featurestore.spec import EncoderSpec
from featurestore.storage import schema
from featurestore.storage.feature_file import FeatureFile
from featurestore.storage.feature_writer import encode_text, write

SECONDS = 0.5  # length of a clip
BARS = {10_000: 1.0, 1_000_000: 20.0}  # seconds
_LINKS = 1000  # clips in one folder, which are links to one file: file systems allow 65,000 of a file


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Time the command several times on a store that one extraction has finished, then on larger ones."""
    count = 20 if small else 10_000
    checkpoint = _corpus.write_audio_encoder(folder / "checkpoint", tiny=True)
    clips = _corpus.write_clips(folder / "clips", [SECONDS] * count)
    ExtractionTimer(folder, checkpoint, clips, folder / "clips", _machine.count_cores()).seconds()
    store, repeats = folder / "store1", 1 if small else 5
    _command.extract(store, checkpoint)
    runs = [_command.extract(store, checkpoint) for _ in range(repeats)]
    paranoid = [_command.extract(store, checkpoint, "--paranoid").seconds for _ in range(repeats)]
    encoded = [float(run.answer[0]["encoded"]) for run in runs]
    seconds = [run.seconds for run in runs]
    settings = f"{count:,} clips of {SECONDS} s, files in the page cache"
    rows = [
        summarize("cli extract on a finished store", seconds, "s", settings, bar=BARS[10_000]),
        compare_repeats("cli extract on a finished store", "--paranoid", seconds, paranoid, "s", settings),
        summarize("utterances encoded by it", encoded, "", settings, bar=0),
    ]
    return rows if small else [*rows, *_measure_growth(folder, checkpoint, FeatureFile(store / "audio.h5"))]


def _measure_growth(folder: Path, checkpoint: Path, sample: FeatureFile) -> list[Measurement]:
    """Time the command on stores of every size, whose clips are links to a few files: only their number counts."""
    rows = []
    for size in SIZES:
        store = _write_finished(folder / f"store-{size}", checkpoint, size, sample)
        runs = [_command.extract(store, checkpoint) for _ in range(2)]  # the first makes the index
        settings = "clips are hard links, 1,000 to a file, states in the cache of the kernel"
        name = f"cli extract on a finished store of {size:,}"
        rows += [
            summarize(name, [runs[1].seconds], "s", settings, bar=BARS.get(size)),
            summarize(f"{name}, without an index", [runs[0].seconds], "s", settings),
            summarize(f"{name}, memory", [runs[1].peak], "MB", settings),
            summarize(f"utterances encoded by it, of {size:,}", [runs[1].answer[0]["encoded"]], "", settings, bar=0),
        ]
    return rows


def _write_finished(path: Path, checkpoint: Path, size: int, sample: FeatureFile) -> Path:
    """Write a store with the feature file that an extraction would write: every row is the first of a sample."""
    store = _corpus.write_store(path, _link_clips(path.with_name(f"{path.name}-clips"), size), path.parent)
    identity = identify(EncoderSpec("audio", str(checkpoint)))
    row_keys = compute_keys(store, identity.fingerprint(), identity.modality)
    columns = {name: np.repeat(np.array(sample[name][:1]), size, axis=0) for name in schema.ROWS if name in sample}
    columns |= {name: np.array(sample[name]) for name in sample.names if name.startswith("trained")}
    columns |= {schema.ID: encode_text(list(row_keys)), schema.KEY: pack_digests(list(row_keys.values()))}
    columns |= {schema.CONTENT: pack_digests([sample.contents[0]] * size), **build_failure_columns([])}
    write(path / "audio.h5", columns, build_header(store, identity, manifest=store.manifest_digest))
    return path


def _link_clips(folder: Path, size: int) -> Sequence[Utterance]:
    """Link clips to copies of one file, and return their rows."""
    (first,) = _corpus.write_clips(folder, [SECONDS])
    rows = []
    for number in range(size):
        place = folder / str(number // _LINKS)
        if number % _LINKS == 0:
            place.mkdir()
            shutil.copy(folder / first.audio, place / "clip")
        os.link(place / "clip", place / f"{number}.wav")
        rows.append(Utterance(f"u{number}", f"{folder.name}/{place.name}/{number}.wav", duration=SECONDS))
    return rows
