"""Any audio encoder or audio classifier of transformers: wav2vec2, HuBERT, WavLM, Whisper's encoder and others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from featurestore import pooling
from featurestore.checkpoint import Checkpoint
from featurestore.encoders import Encoded, Identity, Item
from featurestore.encoders._fixed import described, fixed, fixed_length
from featurestore.encoders._network import Tap, load_network, load_processor, to_device
from featurestore.encoders._network import identity as network_identity
from featurestore.errors import Unencodable
from featurestore.spec import EncoderSpec

__all__ = ["HFAudio"]

# Whisper's front: 10 ms mel frames, then a convolution of stride 2.
_WHISPER_STRIDE = 2

# Samples in one padded batch on a GPU: two minutes of audio, of which wav2vec2-base's first convolution makes 0.8 GB.
_GPU_BUDGET = 120 * 16_000


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """The identity of an audio checkpoint: `rate` is frames a second where the network states its strides."""
    settings = checkpoint.extractor()
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
    inputs: dict[str, np.ndarray]  # a batch of one
    samples: int


class HFAudio:
    """A frozen audio network; `budget` says how much one padded and masked batch may hold.

    On a CPU it is 0: one clip at a time, which is fastest there (no padding at all, and the first convolutions of a
    batch do not fit the cache). On a GPU networks that take the raw waveform get batches, each clip kept from the
    others' padding; other networks get one clip at a time everywhere.
    """

    def __init__(self, identity: Identity, device: str) -> None:
        import transformers as hf

        # Imported here, not above: both load torch, and to see that everything is done already must not.
        from featurestore.encoders._convolutions import multiply
        from featurestore.encoders._front import isolate_front

        assert identity.checkpoint  # `identify` has set it
        self.extractor = load_processor(identity.checkpoint, hf.AutoFeatureExtractor)
        self.model = load_network(identity, hf.AutoModelForAudioClassification, hf.AutoModel, device)
        self.whisper = identity.description["model_type"] == "whisper"
        if self.whisper and not identity.classes:
            self.model = self.model.get_encoder()
        self.tap = Tap(self.model.get_encoder() if self.whisper and identity.classes else self.model.base_model)
        self.device = device
        self.rate = identity.description["preprocessing"]["sampling_rate"]
        self.fixed = fixed_length(identity.checkpoint)
        self.has_logits = bool(identity.classes)
        self.maskable = isolate_front(self.model) and not getattr(self.model.config, "add_adapter", False)
        self.budget = _GPU_BUDGET if self.maskable and device.startswith("cuda") else 0
        if device == "cpu":
            multiply(self.model)

    def load(self, item: Item) -> _Clip:
        """Decodes, resamples and normalises one clip; raises Unencodable where it is no usable audio."""
        samples = item.waveform(self.rate)
        self._check_length(len(samples))
        inputs = self.extractor(samples, sampling_rate=self.rate, return_tensors="np")
        wanted = ("input_values",) if "input_values" in inputs else tuple(inputs)
        arrays = {name: np.asarray(inputs[name]) for name in wanted}
        if self.fixed:
            arrays = {name: fixed(values, self.fixed) for name, values in arrays.items()}
        return _Clip(arrays, self.fixed or len(samples))

    def size(self, loaded: _Clip) -> int:
        """The clip's length in samples."""
        return loaded.samples

    def encode(self, batch: Sequence[_Clip], kinds: frozenset[str]) -> list[Encoded]:
        """Encodes clips, in one masked batch where there is a budget for one, else one at a time."""
        if self.budget and self.maskable and len(batch) > 1:
            return self._together(batch, kinds)
        return [encoded for clip in batch for encoded in self._pass([clip], clip.inputs, kinds)]

    def _together(self, batch: Sequence[_Clip], kinds: frozenset[str]) -> list[Encoded]:
        """Encodes clips padded with zeros to the longest; `isolate_front` and the mask keep the zeros out of them."""
        longest = max(clip.samples for clip in batch)
        waves = np.zeros((len(batch), longest), np.float32)
        mask = np.zeros((len(batch), longest), np.int64)
        for row, clip in enumerate(batch):
            waves[row, : clip.samples] = clip.inputs["input_values"][0]
            mask[row, : clip.samples] = 1
        return self._pass(batch, {"input_values": waves, "attention_mask": mask}, kinds)

    def _pass(self, batch: Sequence[_Clip], inputs: Mapping[str, np.ndarray], kinds: frozenset[str]) -> list[Encoded]:
        """One forward pass; the true frames of each clip, pooled."""
        import torch

        with torch.inference_mode():
            output = self.model(
                **{name: to_device(value, self.device) for name, value in inputs.items()},
                output_hidden_states="layers" in kinds,
            )
        base = self.tap.take()
        last = base.last_hidden_state.float().cpu().numpy()
        states = [state.float().cpu().numpy() for state in base.hidden_states] if "layers" in kinds else []
        logits = output.logits.float().cpu().numpy() if self.has_logits else None
        found = []
        for row, clip in enumerate(batch):
            true = slice(self._frames(clip, last.shape[1]))
            encoded = {"mean": pooling.mean(last[row, true]), "std": pooling.std(last[row, true])}
            if logits is not None:
                encoded["logits"] = logits[row]
            if states:
                encoded["layers"] = pooling.layers([state[row, true] for state in states])
            if "frames" in kinds:
                encoded["frames"] = last[row, true]
            found.append(encoded)
        return found

    def _frames(self, clip: _Clip, given: int) -> int:
        """How many of the frames that came out stand for the clip itself, not for padding."""
        from featurestore.encoders._front import frame_count

        if self.whisper:  # pads every clip to 30 seconds
            return max(1, -(-clip.samples // (int(self.extractor.hop_length) * _WHISPER_STRIDE)))
        return frame_count(self.model.config, clip.samples) if self.maskable else given

    def _check_length(self, samples: int) -> None:
        from featurestore.encoders._front import shortest_clip

        if self.whisper and samples > self.extractor.n_samples:
            longest = self.extractor.n_samples / self.rate
            raise Unencodable(f"{samples / self.rate:.1f} s long: Whisper's encoder takes at most {longest:.0f} s")
        if getattr(self.model.config, "conv_kernel", None):
            least = shortest_clip(self.model.config)
            if samples < least:
                raise Unencodable(f"too short for one frame: {samples} samples at {self.rate} Hz, {least} needed")


def _frame_rate(config: dict[str, Any], settings: dict[str, Any], sampling_rate: int) -> float | None:
    if config.get("conv_stride"):
        return float(sampling_rate / prod(config["conv_stride"]))
    if config.get("model_type") == "whisper":
        return float(sampling_rate / (settings.get("hop_length", 160) * _WHISPER_STRIDE))
    return None
