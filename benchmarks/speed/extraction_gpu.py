"""Extraction on a GPU of five networks' shapes, random weights, clips and transcripts of IEMOCAP's lengths.

Against: (a) the loop most people write, padded batches of 8 clips or 16 texts in corpus order on the same GPU. (b) the
arithmetic of the network at the float32 rate of a large matrix product, measured on the same card in the same run. The
share of that rate is the ratio. Where `nvidia-smi` is there, the card's utilization is a row: at least 90 %.

Ours is `extract` on a prepared store, from files to the finished feature file, with the worker started and the network
loaded. Without a GPU there is one line and no row. The tiny sizes run on a CPU.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed import _corpus, _gpu
from benchmarks.speed._engine import ExtractionTimer
from benchmarks.speed._row import Measurement, compare_repeats, summarize
from benchmarks.speed._time import time_call
from benchmarks.speed.audio_encoder import AudioLoop, operations
from benchmarks.speed.text_encoder import TextLoop
from benchmarks.speed.text_encoder import operations as text_operations
from featurestore.manifest import Utterance

CLIPS, TEXTS = 2048, 8192
LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
STABLE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (16, 16, 16),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (5, 8, 8),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
WHISPER = {
    "d_model": 1280,
    "encoder_layers": 32,
    "encoder_attention_heads": 20,
    "encoder_ffn_dim": 5120,
    "decoder_layers": 1,
    "decoder_attention_heads": 20,
    "decoder_ffn_dim": 64,
    "num_mel_bins": 128,
}
TINY_WHISPER = {
    "d_model": 16,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 32,
    "num_mel_bins": 128,
}


@dataclass(frozen=True)
class Shape:
    """A network's shape.

    Args:
        name: of the public checkpoint that has it.
        network: the class of the configuration in transformers, without `Config`.
        settings: of the configuration.
        tiny: settings for a run that only shows that it runs.
    """

    name: str
    network: str
    settings: dict[str, Any]
    tiny: dict[str, Any]


SHAPES = (
    Shape("wav2vec2-base", "Wav2Vec2", {}, TINY),
    Shape("wav2vec2-large", "Wav2Vec2", LARGE | STABLE, TINY | STABLE),
    Shape("wavlm-large", "WavLM", LARGE | STABLE, TINY | STABLE),
    Shape("whisper-large-v3", "Whisper", WHISPER, TINY_WHISPER),
)


def measure(folder: Path, small: bool) -> list[Measurement]:
    """Measure every shape on the GPU, or tiny ones on a CPU."""
    device = _gpu.find_gpu() or ("cpu" if small else "")
    if not device:
        print("extraction_gpu: skipped, because torch finds no GPU on this machine")
        return []
    rate = _gpu.multiply_rate(device, 256 if small else _gpu.SIDE)
    rows = [row for shape in SHAPES for row in _measure_audio(folder / shape.name, shape, device, rate, small)]
    return [*rows, *_measure_text(folder / "deberta-v3-large", device, rate, small)]


def _measure_audio(folder: Path, shape: Shape, device: str, rate: float, small: bool) -> list[Measurement]:
    seconds = _corpus.lengths(4).clip(max=1.0) if small else _corpus.lengths(CLIPS)
    clips = _corpus.write_clips(folder / "clips", seconds.tolist())
    checkpoint = write_network(folder / "checkpoint", shape, small)
    loop = AudioLoop(checkpoint, device)
    arithmetic = count_operations(loop.model, seconds.tolist())
    paths = [str(folder / "clips" / clip.audio) for clip in clips]
    timer = ExtractionTimer(folder, checkpoint, clips, folder / "clips", 1, device)
    settings = f"{shape.name}, {len(clips)} clips, {seconds.sum():.0f} s of audio, {_gpu.name_device(device)}"
    run = _Run(shape.name, float(seconds.sum()), "s of audio a second", arithmetic, settings)
    return list(run.measure(timer, lambda: loop.run(paths), rate, device, 1 if small else 3))


def _measure_text(folder: Path, device: str, rate: float, small: bool) -> list[Measurement]:
    texts = _corpus.transcripts(8 if small else TEXTS)
    rows = [Utterance(f"u{index:05d}", text=text) for index, text in enumerate(texts)]
    checkpoint = _corpus.write_text_encoder(folder / "checkpoint", small, _corpus.LARGE)
    loop = TextLoop(checkpoint, device)
    lengths = [len(tokens) for tokens in loop.tokenizer(texts)["input_ids"]]
    timer = ExtractionTimer(folder, checkpoint, rows, folder, 1, device)
    settings = f"{folder.name}, {len(texts)} transcripts, {np.mean(lengths):.1f} tokens, {_gpu.name_device(device)}"
    run = _Run(folder.name, len(texts), "texts a second", text_operations(loop.model.config, lengths), settings)
    return list(run.measure(timer, lambda: loop.run(texts, padding=True), rate, device, 1 if small else 3))


@dataclass(frozen=True)
class _Run:
    """The amount of work of one shape, and how its rows are named."""

    name: str
    amount: float
    unit: str
    arithmetic: float
    settings: str

    def measure(
        self, timer: ExtractionTimer, loop: Callable[[], object], rate: float, device: str, repeats: int
    ) -> Iterator[Measurement]:
        """Time the engine and the loop in alternation, after a warm-up of both."""
        timer.start()
        loop()
        ours, usual, busy = [], [], []
        for _ in range(repeats):
            with _gpu.sample_utilization() as samples:
                ours.append(self.amount / timer.seconds())
            busy += samples
            _gpu.wait(device)
            usual.append(self.amount / time_call(loop))
        limit = [self.amount * rate / self.arithmetic] * repeats
        product = f"{self.arithmetic / 1e12:,.2f} TFLOP at the rate of a matrix product, {rate / 1e12:.1f} TFLOP/s"
        yield compare_repeats(self.name, "padded batches", ours, usual, self.unit, self.settings)
        yield compare_repeats(self.name, product, ours, limit, self.unit, self.settings)
        if (share := _gpu.summarize_utilization(busy)) is not None:
            yield summarize(f"{self.name}: utilization", [share], "%", self.settings, bar=90, at_most=False)


def write_network(folder: Path, shape: Shape, tiny: bool) -> Path:
    """Write a checkpoint of a shape with random weights, and its feature extractor."""
    import transformers as hf

    hf.set_seed(0)
    config = getattr(hf, f"{shape.network}Config")(**(shape.tiny if tiny else shape.settings))
    getattr(hf, f"{shape.network}Model")(config).save_pretrained(folder)
    if shape.network == "Whisper":
        hf.WhisperFeatureExtractor(feature_size=config.num_mel_bins).save_pretrained(folder)
    else:
        hf.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


def count_operations(model: Any, seconds: Sequence[float]) -> float:
    """Count the floating-point operations of one forward pass per clip.

    They are a polynomial of degree two of the clip's length, because of attention, so three lengths tell all others.
    Whisper's encoder reads 30 s for each clip.
    """
    if model.main_input_name == "input_features":
        return len(seconds) * count_window_operations(model)
    lengths = np.array([1.0, 8.0, 30.0])
    counts = [operations(model, [length]) for length in lengths]
    return float(np.polyval(np.polyfit(lengths, counts, 2), seconds).sum())


def count_window_operations(encoder: Any) -> int:
    """Count the floating-point operations of Whisper's encoder for one window of 30 s."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        type(encoder)(encoder.config).eval()(torch.empty(1, encoder.config.num_mel_bins, 3000))
    return int(counter.get_total_flops())
