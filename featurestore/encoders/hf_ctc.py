"""Write down words with CTC networks of transformers (wav2vec2, HuBERT, WavLM and others), for cli transcribe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from featurestore.encoders import Encoded
from featurestore.item import Item
from featurestore.networks import fast_paths, probe
from featurestore.networks.audio_description import describe_normalization, describe_spectrum
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.clips import ClipInput, ClipReader
from featurestore.networks.forward import check_runs, to_device, to_host
from featurestore.networks.frames import compute_frame_rate
from featurestore.networks.identity import Identity, identify_network
from featurestore.networks.loading import load_processor, load_recognizer
from featurestore.networks.recognizers import check_no_request
from featurestore.networks.spoken_words import CONFIDENCE, build_words, collapse_frames
from featurestore.networks.supported_architectures import find_architecture
from featurestore.spec import EncoderSpec, Recognition

__all__ = ["HFCtc"]

# Samples in one padded batch on a GPU, as of the encoders of features.
_GPU_BUDGET = 120 * 16_000


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """Identify a CTC checkpoint.

    Raises:
        BadValue: its architecture or its feature extractor is not supported, or it has no choice of languages.
    """
    check_no_request(checkpoint, spec.recognition or Recognition())
    architecture = find_architecture(checkpoint, "audio")
    config, settings = checkpoint.config(), checkpoint.extractor()
    sampling_rate = int(settings.get("sampling_rate", 16_000))
    rate = compute_frame_rate(config, settings, sampling_rate)
    identity = identify_network(
        spec,
        checkpoint,
        architecture,
        modality="audio",
        kinds=(),
        used_as="ctc",
        rate=rate,
        decoding="greedy: the likeliest token of each frame, repetitions and blanks removed",
        case="lower where the vocabulary has upper case alone",
        confidence=f"{CONFIDENCE}, each the highest among its frames",
        preprocessing={
            "sampling_rate": sampling_rate,
            "channels": "mixed down to one",
            "resampling": "soxr HQ",
            "normalised": describe_normalization(config, settings),
            **describe_spectrum(config, settings),
        },
    )
    return replace(identity, kinds=("text", "confidence", *(["times"] if rate else [])), classes=())


class HFCtc:
    """A frozen CTC network with its tokenizer. `budget` is the number of samples in one padded and masked batch.

    As of the encoders of features, it is 0 on a CPU, for one clip at a time, and where masked batches are not exact.
    """

    def __init__(self, identity: Identity, device: str) -> None:
        import transformers as hf

        assert identity.checkpoint  # `identify` has set it
        self.rate = identity.description["rate"]
        architecture = find_architecture(identity.checkpoint, "audio")
        extractor = load_processor(identity.checkpoint, hf.AutoFeatureExtractor)
        tokenizer = load_processor(identity.checkpoint, hf.AutoTokenizer)
        self.model, self.device = load_recognizer(identity, hf.AutoModelForCTC, device), device
        config = self.model.config
        self.blank = int(tokenizer.pad_token_id if config.pad_token_id is None else config.pad_token_id)
        self.decode = _make_decoder(tokenizer)
        self.reader = ClipReader(extractor, config)
        isolated = fast_paths.speed_up(self.model, device)
        maskable = architecture.batchable and isolated and not getattr(config, "add_adapter", False)
        self.budget = _GPU_BUDGET if maskable and device.startswith("cuda") else 0
        check_runs(identity.checkpoint, self._try)

    def load(self, item: Item) -> ClipInput:
        """Decode, resample and normalize one clip.

        Raises:
            Unencodable: it is no usable audio, or too short for the network.
        """
        return self.reader.read(item.waveform(self.reader.rate))

    def size(self, loaded: ClipInput) -> int:
        """Return the length of a clip in samples."""
        return loaded.samples

    def encode(self, batch: Sequence[ClipInput], kinds: frozenset[str]) -> list[Encoded]:
        """Write down the words of clips, in one masked batch where there is a budget, else one by one."""
        if self.budget and len(batch) > 1:
            return self._pass(batch, self.reader.batch(batch))
        return [words for clip in batch for words in self._pass([clip], self.reader.alone(clip))]

    def _pass(self, batch: Sequence[ClipInput], inputs: Mapping[str, np.ndarray]) -> list[Encoded]:
        import torch

        with torch.inference_mode():
            given = {name: to_device(value, self.device) for name, value in inputs.items()}
            best = self.model(**given).logits.float().softmax(-1).max(-1)
        found = to_host({"probability": best.values, "number": best.indices})  # (B, T)
        rows = zip(batch, found["number"], found["probability"], strict=True)
        return [self._spell(numbers[: clip.frames], values[: clip.frames]) for clip, numbers, values in rows]

    def _spell(self, numbers: np.ndarray, probabilities: np.ndarray) -> Encoded:
        """Write down the words of one clip, by the likeliest token of each of its own frames (T,)."""
        tokens = collapse_frames(numbers.astype(int).tolist(), probabilities.tolist(), self.blank)
        words = build_words(tokens, self.decode)
        times = {"times": (words.spans / self.rate).astype(np.float32)} if self.rate else {}
        return words.encode() | times

    def _try(self) -> None:
        clip = self.reader.read(probe.make_tone(max(self.reader.shortest, self.reader.rate // 4)))
        self._pass([clip], self.reader.alone(clip))


def _make_decoder(tokenizer: Any) -> Callable[[list[int]], str]:
    """Make the function that returns the text of tokens. A text encoder that knows case is not made for capitals."""
    collapsed = {"group_tokens": False} if hasattr(tokenizer, "word_delimiter_token") else {}
    decode: Callable[[list[int]], str] = partial(tokenizer.decode, skip_special_tokens=True, **collapsed)
    special = set(tokenizer.all_special_tokens)
    letters = {letter for token in tokenizer.get_vocab() if token not in special for letter in token}
    if any(letter.islower() for letter in letters) or not any(letter.isupper() for letter in letters):
        return decode
    return lambda tokens: decode(tokens).lower()
