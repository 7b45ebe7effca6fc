"""Fine-tuning on a GPU: wav2vec2-base and deberta-v3-small, random weights, as many and as long inputs as IEMOCAP's.

Against, in the same run: (a) the loop most people write, transformers' Trainer with padded batches in random order, the
same batch size and precision, and clips decoded in the main process. (b) the arithmetic of an epoch, forward and
backward, at the rate of a large matrix product of the same precision on the same card: the ratio is the share of that
rate. (c) what the paper took for an epoch on an M2 Pro: 25 minutes for audio, 45 for text.

Ours is `finetune`, the second of two epochs, whole: batches, steps, and the state that is saved at its end. Nothing is
held out. `EMOFUSE_SPEED_CLIPS=600` takes fewer utterances; the paper's times are then divided likewise. Without a GPU
there is one line and no row. The tiny sizes run on a CPU.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed import _corpus, _gpu
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from featurestore.finetuning.finetune import finetune
from featurestore.finetuning.options.settings import Settings
from featurestore.item import Item
from featurestore.manifest import Utterance

VARIABLE = "EMOFUSE_SPEED_CLIPS"
UTTERANCES, TINY = 5_904, 12
PAPER = {"audio": 25 * 60.0, "text": 45 * 60.0}  # seconds an epoch
CLASSES = ("angry", "happy", "neutral", "sad")
EPOCHS = 2
SETTINGS = Settings(epochs=EPOCHS, dev=0.0, select="last", seed=1)
PRECISIONS = {"float32": "float32", "bf16": "bfloat16"}
MICRO_BATCH = 8  # of the plain loop, which has the memory for it on a small card
PROVENANCE = {"corpus": "made-up", "manifest": "0" * 64, "labels": "all", "protocol": "holdout", "fold": "0"}
_EPOCH = re.compile(r"epoch \d+ of \d+: loss ")


@dataclass(frozen=True)
class Job:
    """What is fine-tuned.

    Args:
        name: of the network.
        modality: `audio` or `text`.
        checkpoint: to start from.
        rows: the utterances, with a label.
        root: folder of their clips.
        sizes: length of each, in samples or tokens.
    """

    name: str
    modality: str
    checkpoint: Path
    rows: list[Utterance]
    root: Path
    sizes: list[int]


@dataclass
class EpochClock:
    """Note when each epoch ends, by the lines that fine-tuning says."""

    ends: list[float] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        """Note the time of an epoch's line."""
        if _EPOCH.match(line):
            self.ends.append(time.perf_counter())


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure both networks in float32 and bf16 on the GPU, or tiny ones on a CPU."""
    device = _gpu.find_gpu() or ("cpu" if small else "")
    if not device:
        print("finetune_gpu: skipped, because torch finds no GPU on this machine")
        return []
    count = TINY if small else int(os.environ.get(VARIABLE, UTTERANCES))
    jobs = [make(folder / name, count, small) for name, make in (("audio", write_audio), ("text", write_text))]
    return [row for job in jobs for precision in PRECISIONS for row in _measure(folder, job, precision, device, small)]


def _measure(folder: Path, job: Job, precision: str, device: str, small: bool) -> Iterator[Measurement]:
    name = f"{job.name} {precision}"
    settings = f"{job.name}, {len(job.rows)} utterances, batches of {SETTINGS.batch_size}, {_gpu.name_device(device)}"
    rate = _gpu.multiply_rate(device, 256 if small else _gpu.SIDE, dtype=PRECISIONS[precision])
    _forget_peak(device)
    with _gpu.sample_utilization() as samples:
        ours = time_epoch(job, folder / f"tuned-{job.modality}-{precision}", precision, device)
    peak = _read_peak(device)
    plain = time_plain_epoch(job, folder / f"plain-{job.modality}-{precision}", precision, device)
    arithmetic = count_operations(job)
    product = f"{arithmetic / 1e12:,.2f} TFLOP at the rate of a {precision} product, {rate / 1e12:.1f} TFLOP/s"
    yield compare_repeats(
        f"{name}: an epoch", "Trainer", [ours], [plain], "s", settings, bar=None if small else 2, faster=True
    )
    yield compare_repeats(f"{name}: an epoch", product, [ours], [arithmetic / rate], "s", settings, faster=True)
    paper = PAPER[job.modality] * len(job.rows) / UTTERANCES
    yield compare_repeats(f"{name}: an epoch", "the paper's M2 Pro", [ours], [paper], "s", settings, faster=True)
    if peak:
        yield summarize(f"{name}: peak memory", [peak], "GB", settings)
    if (share := _gpu.summarize_utilization(samples)) is not None:
        yield summarize(f"{name}: utilization", [share], "%", settings)


def time_epoch(job: Job, out: Path, precision: str, device: str) -> float:
    """Fine-tune for two epochs, and return the seconds of the second."""
    clock = EpochClock()
    ids = [row.id for row in job.rows]
    finetune(
        items=[Item(row.id, job.root / row.audio if row.audio else None, row.text) for row in job.rows],
        classes={row.id: row.label for row in job.rows},
        train_ids=ids,
        held_out_ids=[],
        modality=job.modality,
        checkpoint=str(job.checkpoint),
        out=out,
        settings=replace(SETTINGS, precision=precision, device=device),
        provenance=PROVENANCE,
        say=clock,
    )
    before, last = clock.ends
    return last - before


def time_plain_epoch(job: Job, out: Path, precision: str, device: str) -> float:
    """Train two epochs by a plain Trainer, and return the seconds of the second."""
    import transformers as hf

    audio = job.modality == "audio"
    auto = hf.AutoModelForAudioClassification if audio else hf.AutoModelForSequenceClassification
    reader = (hf.AutoFeatureExtractor if audio else hf.AutoTokenizer).from_pretrained(job.checkpoint)
    hf.utils.logging.set_verbosity_error()  # the classifier's weights are new, as they should be
    model = auto.from_pretrained(job.checkpoint, num_labels=len(CLASSES))
    if audio:
        model.freeze_feature_encoder()
    clock = EpochClock()

    class Clock(hf.TrainerCallback):
        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            _gpu.wait(device)
            clock.ends.append(time.perf_counter())

    arguments = hf.TrainingArguments(
        str(out),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=MICRO_BATCH,
        gradient_accumulation_steps=SETTINGS.batch_size // MICRO_BATCH,
        learning_rate=SETTINGS.learning_rate,
        bf16=precision == "bf16",
        use_cpu=device == "cpu",
        remove_unused_columns=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    rows = _PlainRows(job, reader)
    hf.Trainer(model, arguments, train_dataset=rows, data_collator=rows.collate, callbacks=[Clock()]).train()
    before, last = clock.ends
    return last - before


class _PlainRows:
    """The utterances as most people read them: each is decoded when it is asked for, and a batch is padded."""

    def __init__(self, job: Job, reader: Any) -> None:
        self.job, self.reader = job, reader

    def __len__(self) -> int:
        return len(self.job.rows)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        import soundfile

        row = self.job.rows[index]
        value = soundfile.read(self.job.root / row.audio, dtype="float32")[0] if row.audio else row.text
        return value, CLASSES.index(row.label)

    def collate(self, batch: list[tuple[Any, int]]) -> dict[str, Any]:
        """Pad a batch, with its labels."""
        import torch

        values, labels = zip(*batch, strict=True)
        given = {"sampling_rate": _corpus.RATE} if self.job.modality == "audio" else {}
        inputs = self.reader(list(values), padding=True, return_tensors="pt", **given)
        return {**inputs, "labels": torch.tensor(labels)}


def count_operations(job: Job) -> float:
    """Count the floating-point operations of an epoch, forward and backward, of the utterances' own lengths.

    They are a polynomial of degree two of the length, because of attention, so three lengths tell all others. The
    convolutional front is frozen, and has no backward pass.
    """
    lengths = [max(job.sizes) // 4, max(job.sizes) // 2, max(job.sizes)]
    counts = [count_step(job, length) for length in lengths]
    return float(np.polynomial.Polynomial.fit(lengths, counts, 2)(np.array(job.sizes)).sum())


def count_step(job: Job, length: int) -> int:
    """Count the floating-point operations of one utterance, forward and backward, as torch counts them."""
    import torch
    import transformers as hf
    from torch.utils.flop_counter import FlopCounterMode

    config = hf.AutoConfig.from_pretrained(job.checkpoint)
    audio = job.modality == "audio"
    auto = hf.AutoModelForAudioClassification if audio else hf.AutoModelForSequenceClassification
    # the meta device computes nothing; DeBERTa needs values
    with torch.device("meta" if audio else "cpu"), FlopCounterMode(display=False) as counter:
        model = auto.from_config(config).eval()
        if audio:
            model.freeze_feature_encoder()
        given = torch.empty(1, length) if audio else torch.zeros(1, length, dtype=torch.long)
        model(given).logits.sum().backward()
    return int(counter.get_total_flops())


def write_audio(folder: Path, count: int, small: bool) -> Job:
    """Write clips of IEMOCAP's lengths and a checkpoint of wav2vec2-base's shape."""
    seconds = _corpus.lengths(count).clip(max=1.0 if small else _corpus.LONGEST)
    clips = _corpus.write_clips(folder / "clips", seconds.tolist())
    rows = [replace(row, label=_choose_label(index)) for index, row in enumerate(clips)]
    checkpoint = _corpus.write_audio_encoder(folder / "checkpoint", tiny=small)
    sizes = (seconds * _corpus.RATE).astype(int).tolist()
    return Job("wav2vec2-base", "audio", checkpoint, rows, folder / "clips", sizes)


def write_text(folder: Path, count: int, small: bool) -> Job:
    """Write transcripts of IEMOCAP's lengths and a checkpoint of deberta-v3-small's shape."""
    import transformers as hf

    texts = _corpus.transcripts(count)
    rows = [Utterance(f"u{index:05d}", text=text, label=_choose_label(index)) for index, text in enumerate(texts)]
    checkpoint = _corpus.write_text_encoder(folder / "checkpoint", tiny=small)
    sizes = [len(tokens) for tokens in hf.AutoTokenizer.from_pretrained(checkpoint)(texts)["input_ids"]]
    return Job("deberta-v3-small", "text", checkpoint, rows, folder, sizes)


def _choose_label(index: int) -> str:
    return CLASSES[index % len(CLASSES)]


def _forget_peak(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)


def _read_peak(device: str) -> float:
    """Return the peak of the GPU memory that tensors took, in GB. 0 without a GPU."""
    import torch

    return torch.cuda.max_memory_allocated(device) / 1e9 if device.startswith("cuda") else 0.0
