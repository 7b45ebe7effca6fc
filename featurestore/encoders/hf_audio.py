"""Encode clips with audio networks of transformers: wav2vec2, HuBERT, WavLM, Whisper's encoder, AST and others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from featurestore.encoders import Encoded
from featurestore.item import Item
from featurestore.networks import fast_paths, pooling, precision_probe
from featurestore.networks.audio_description import describe_normalization, describe_pooling, describe_spectrum
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.clips import ClipInput, ClipReader
from featurestore.networks.fixed_length import describe_fixed_length, read_fixed_length
from featurestore.networks.forward import BaseOutput, check_runs, to_device, to_host
from featurestore.networks.frames import ONE_LENGTH, WHISPER, arrange_over_time, compute_frame_rate
from featurestore.networks.identity import Identity, identify_network
from featurestore.networks.loading import load_network, load_processor
from featurestore.networks.pooling import Mask, mark_true_frames, split_rows
from featurestore.networks.precision import Autocast
from featurestore.networks.supported_architectures import find_architecture
from featurestore.spec import EncoderSpec

__all__ = ["HFAudio"]

# Samples in one padded batch on a GPU: two minutes of audio, of which wav2vec2-base's first convolution makes 0.8 GB.
_GPU_BUDGET = 120 * 16_000


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """Identify an audio checkpoint.

    Raises:
        BadValue: its architecture or its feature extractor is not supported.
    """
    architecture = find_architecture(checkpoint, "audio")
    config, settings = checkpoint.config(), checkpoint.extractor()
    sampling_rate = int(settings.get("sampling_rate", 16_000))
    return identify_network(
        spec,
        checkpoint,
        architecture,
        modality="audio",
        kinds=("mean", "std"),
        pooling=describe_pooling(config),
        rate=compute_frame_rate(config, settings, sampling_rate),
        preprocessing={
            "sampling_rate": sampling_rate,
            "channels": "mixed down to one",
            "resampling": "soxr HQ",
            "normalised": describe_normalization(config, settings),
            **describe_spectrum(config, settings),
            **_describe_batches(str(config["model_type"]), batchable=architecture.batchable),
            **describe_fixed_length(checkpoint),
        },
    )


def _describe_batches(model_type: str, *, batchable: bool) -> dict[str, str]:
    """Describe that clips are encoded one at a time on a GPU too."""
    # Whisper's description never said so, and must stay as it is: stored vectors are found by it.
    return {} if batchable or model_type == WHISPER else {"batches": "one clip at a time"}


class HFAudio:
    """A frozen audio network. `budget` is the number of samples in one padded and masked batch.

    On a CPU it is 0, for one clip at a time, which is fastest there: nothing is padded, and the first convolutions of a
    batch do not fit the cache. On a GPU, architectures whose masked batches are exact (`supported_architectures.py`)
    get batches. Other networks get one clip at a time everywhere. `notes` are lines for the user about its precision.
    """

    def __init__(self, identity: Identity, device: str) -> None:
        import transformers as hf

        assert identity.checkpoint  # `identify` has set it
        architecture = find_architecture(identity.checkpoint, "audio")
        extractor = load_processor(identity.checkpoint, hf.AutoFeatureExtractor)
        auto, bare = hf.AutoModelForAudioClassification, hf.AutoModel
        self.model, base = load_network(identity, architecture, auto, bare, device)
        self.base_output = BaseOutput(base)
        self.config = base.config
        self.reader = ClipReader(extractor, self.config, read_fixed_length(identity.checkpoint))
        self.device, self.autocast = device, Autocast(device, identity.precision)
        self.has_logits = bool(identity.classes)
        isolated = fast_paths.speed_up(self.model, device)
        self.maskable = architecture.batchable and isolated and not getattr(self.config, "add_adapter", False)
        self.budget = _GPU_BUDGET if self.maskable and device.startswith("cuda") else 0
        if self.config.model_type != WHISPER:  # its input is always 30 seconds long: too slow for a trial
            check_runs(identity.checkpoint, lambda: self._try(frozenset(identity.kinds)))
        self.notes = self.autocast.check(
            identity.checkpoint.name, lambda: self._encode_probe(frozenset(identity.kinds))
        )

    def load(self, item: Item) -> ClipInput:
        """Decode, resample and normalize one clip.

        Raises:
            Unencodable: it is no usable audio, or too short or too long for the network.
        """
        return self.reader.read(item.waveform(self.reader.rate))

    def size(self, loaded: ClipInput) -> int:
        """Return the clip's length in samples."""
        return loaded.samples

    def encode(self, batch: Sequence[ClipInput], kinds: frozenset[str]) -> list[Encoded]:
        """Encode clips in one masked batch where there is a budget for it, else one at a time."""
        if self.budget and self.maskable and len(batch) > 1:
            return self._pass(batch, self.reader.batch(batch), kinds)
        return [encoded for clip in batch for encoded in self._pass([clip], self.reader.alone(clip), kinds)]

    def _pass(
        self, batch: Sequence[ClipInput], inputs: Mapping[str, np.ndarray], kinds: frozenset[str]
    ) -> list[Encoded]:
        """Run one forward pass, and pool the true frames of each clip."""
        import torch

        with torch.inference_mode():
            given = {name: to_device(value, self.device) for name, value in inputs.items()}
            with self.autocast():
                output = self.model(**given, output_hidden_states="layers" in kinds)
            pooled, true = self._pool(batch, self.base_output.take(), kinds)
            if self.has_logits:
                pooled["logits"] = output.logits
        return split_rows(to_host(pooled), true)

    def _pool(self, batch: Sequence[ClipInput], base: Any, kinds: frozenset[str]) -> tuple[dict[str, Any], Mask]:
        """Pool what the base network returned.

        Returns:
            tensors (B, …) by kind on the device, frames with their padding, and which frames are the clips' (B, T).
        """
        last = arrange_over_time(base.last_hidden_state, self.config)
        true = mark_true_frames([clip.frames for clip in batch], last.shape[1])
        mean, std = pooling.pool(last, true)
        pooled = {"mean": mean, "std": std}
        if "layers" in kinds:
            states = [arrange_over_time(state, self.config) for state in base.hidden_states]
            inner = mark_true_frames([clip.inner_frames for clip in batch], states[0].shape[1])
            pooled["layers"] = pooling.average_layers(states, inner)
        if "frames" in kinds:
            pooled["frames"] = last
        return pooled, true

    def _try(self, kinds: frozenset[str]) -> None:
        clip = self.reader.read(_probe(max(self.reader.shortest, self.reader.rate // 4)))
        self._pass([clip], self.reader.alone(clip), kinds)

    def _encode_probe(self, kinds: frozenset[str]) -> list[Encoded]:
        clips = precision_probe.make_clips(self.reader.rate, self.reader.shortest, self.reader.longest)
        chosen = clips[-1:] if self.config.model_type in ONE_LENGTH else clips  # the network reads one length anyway
        return self.encode([self.reader.read(clip) for clip in chosen], kinds)


def _probe(samples: int) -> np.ndarray:
    """Make a clip to try a network with: a rising tone."""
    return np.sin(np.linspace(0.0, 1.0, samples) ** 2 * samples / 8).astype(np.float32)
