"""Any audio encoder or audio classifier of transformers: wav2vec2, HuBERT, WavLM, Whisper's encoder and others."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from featurestore import audio, pooling
from featurestore.checkpoint import Checkpoint
from featurestore.encoders import Encoded, Identity, Item
from featurestore.encoders._fixed import described, fixed, fixed_length
from featurestore.encoders._network import Tap, load_network
from featurestore.encoders._network import identity as network_identity
from featurestore.errors import Unencodable
from featurestore.spec import EncoderSpec

__all__ = ["HFAudio"]

# Whisper's front: 10 ms mel frames, then a convolution of stride 2.
_WHISPER_STRIDE = 2


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """The identity of an audio checkpoint: `rate` is frames a second where the network states its strides."""
    settings = _extractor_settings(checkpoint)
    sampling_rate = int(settings.get("sampling_rate", 16_000))
    return network_identity(
        spec,
        checkpoint,
        modality="audio",
        kinds=("mean", "std"),
        pooling=pooling.POOLING,
        rate=_frame_rate(checkpoint.config(), settings, sampling_rate),
        preprocessing={
            "sampling_rate": sampling_rate,
            "channels": "mixed down to one",
            "resampling": "soxr HQ",
            "normalised": "each clip over its own samples" if settings.get("do_normalize") else "no",
            **described(checkpoint),
        },
    )


@dataclass(frozen=True)
class _Clip:
    inputs: dict[str, np.ndarray]  # each without a batch axis
    samples: int


class HFAudio:
    """A frozen audio network; on a CPU clips are encoded one at a time, which is fastest there (no padding at all)."""

    budget = 0

    def __init__(self, identity: Identity, device: str) -> None:
        import transformers as hf

        assert identity.checkpoint  # `identify` has set it
        folder = identity.checkpoint.folder
        self.extractor = hf.AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
        self.model = load_network(identity, hf.AutoModelForAudioClassification, hf.AutoModel, device)
        self.whisper = identity.description["model_type"] == "whisper"
        if self.whisper and not identity.classes:
            self.model = self.model.get_encoder()
        self.tap = Tap(self.model.get_encoder() if self.whisper and identity.classes else self.model.base_model)
        self.device = device
        self.rate = identity.description["preprocessing"]["sampling_rate"]
        self.fixed = fixed_length(identity.checkpoint)
        self.has_logits = bool(identity.classes)

    def load(self, item: Item) -> _Clip:
        """Decodes, resamples and normalises one clip; raises Unencodable where it is no usable audio."""
        if item.audio is None:
            raise Unencodable("no audio in the manifest")
        samples = audio.read(item.audio, self.rate)
        self._check_length(len(samples))
        inputs = self.extractor(samples, sampling_rate=self.rate, return_tensors="np")
        wanted = ("input_values",) if "input_values" in inputs else tuple(inputs)
        arrays = {name: np.asarray(inputs[name][0]) for name in wanted}
        if self.fixed:
            arrays = {name: fixed(values, self.fixed) for name, values in arrays.items()}
        return _Clip(arrays, self.fixed or len(samples))

    def size(self, loaded: _Clip) -> int:
        """The clip's length in samples."""
        return loaded.samples

    def encode(self, batch: Sequence[_Clip], kinds: frozenset[str]) -> list[Encoded]:
        """Encodes clips one at a time, so that none can touch another."""
        return [self._encode(clip, kinds) for clip in batch]

    def _encode(self, clip: _Clip, kinds: frozenset[str]) -> Encoded:
        import torch

        inputs = {name: torch.from_numpy(value)[None].to(self.device) for name, value in clip.inputs.items()}
        with torch.inference_mode():
            output = self.model(**inputs, output_hidden_states="layers" in kinds)
        base = self.tap.take()
        frames = self._true(base.last_hidden_state, clip)
        encoded = {"mean": pooling.mean(frames), "std": pooling.std(frames)}
        if self.has_logits:
            encoded["logits"] = output.logits[0].float().cpu().numpy()
        if "layers" in kinds:
            encoded["layers"] = pooling.layers([self._true(state, clip) for state in base.hidden_states])
        if "frames" in kinds:
            encoded["frames"] = frames
        return encoded

    def _true(self, states: Any, clip: _Clip) -> np.ndarray:
        """The frames (T, D) that stand for the clip itself, without those of Whisper's padding to 30 seconds."""
        frames: np.ndarray = states[0].float().cpu().numpy()
        if not self.whisper:
            return frames
        return frames[: max(1, -(-clip.samples // (self.extractor.hop_length * _WHISPER_STRIDE)))]

    def _check_length(self, samples: int) -> None:
        if self.whisper and samples > self.extractor.n_samples:
            longest = self.extractor.n_samples / self.rate
            raise Unencodable(f"{samples / self.rate:.1f} s long: Whisper's encoder takes at most {longest:.0f} s")
        kernels = getattr(self.model.config, "conv_kernel", None)
        if kernels:
            least = _receptive_field(kernels, self.model.config.conv_stride)
            if samples < least:
                raise Unencodable(f"too short for one frame: {samples} samples at {self.rate} Hz, {least} needed")


def _receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    field = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        field = (field - 1) * stride + kernel
    return field


def _frame_rate(config: dict[str, Any], settings: dict[str, Any], sampling_rate: int) -> float | None:
    if config.get("conv_stride"):
        return float(sampling_rate / prod(config["conv_stride"]))
    if config.get("model_type") == "whisper":
        return float(sampling_rate / (settings.get("hop_length", 160) * _WHISPER_STRIDE))
    return None


def _extractor_settings(checkpoint: Checkpoint) -> dict[str, Any]:
    import json

    for name in ("preprocessor_config.json", "processor_config.json"):
        path = checkpoint.folder / name
        if path.is_file():
            settings: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return settings.get("feature_extractor", settings)  # type: ignore[no-any-return]
    return {}
