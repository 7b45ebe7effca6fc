"""Encode clips with audio networks of transformers: wav2vec2, HuBERT, WavLM, Whisper's encoder, AST and others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from featurestore.encoders import Encoded
from featurestore.item import Item
from featurestore.networks import fast_paths, pooling
from featurestore.networks.audio_description import describe_normalization, describe_pooling, describe_spectrum
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.classifier_pooling import (
    describe_classifier_pooling,
    pool_true_frames,
    pools_true_frames,
)
from featurestore.networks.clips import ClipInput, ClipReader
from featurestore.networks.extractor_limits import find_limits
from featurestore.networks.fixed_length import describe_fixed_length, read_fixed_length
from featurestore.networks.forward import BaseOutput, check_runs, to_device
from featurestore.networks.frames import WHISPER, arrange_over_time, compute_frame_rate
from featurestore.networks.identity import Identity, identify_network
from featurestore.networks.loading import load_network, load_processor
from featurestore.networks.long_clips import WINDOW, check_long_clips, describe_long_clips, pool_windows
from featurestore.networks.short_windows import accept_short_windows
from featurestore.networks.supported_architectures import find_architecture
from featurestore.networks.windows import CLIP, choose_window, describe_window, read_window
from featurestore.spec import EncoderSpec

__all__ = ["HFAudio"]

# Samples in one padded batch on a GPU: two minutes of audio, of which wav2vec2-base's first convolution makes 0.8 GB.
_GPU_BUDGET = 120 * 16_000

# Likewise of Whisper's windows: 16 of 30 s, which take 1,500 frames each and no memory of the waveform's rate.
_GPU_WINDOWS = 480 * 16_000


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """Identify an audio checkpoint.

    Raises:
        BadValue: its architecture or its feature extractor is not supported, or it has no choice of windows.
        Mismatch: another window than it was fine-tuned with.
    """
    architecture = find_architecture(checkpoint, "audio")
    window = choose_window(checkpoint, spec.window)
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
            **describe_window(window),
        },
        **({"window": window} if window == CLIP else {}),
        **describe_classifier_pooling(checkpoint),
        **_describe_long_clips(spec, checkpoint),
    )


def _describe_long_clips(spec: EncoderSpec, checkpoint: Checkpoint) -> dict[str, Any]:
    """Describe how long clips are read, where that is asked for."""
    if spec.long_clips != WINDOW:
        return {}
    import transformers as hf

    config = checkpoint.config()
    check_long_clips(WINDOW, str(config["model_type"]), spec.name or "audio")
    extractor = load_processor(checkpoint, hf.AutoFeatureExtractor)
    longest = find_limits(extractor, hf.CONFIG_MAPPING[config["model_type"]].from_dict(config)).longest
    return {"long_clips": describe_long_clips(int(longest or 0), int(extractor.sampling_rate))}


def _describe_batches(model_type: str, *, batchable: bool) -> dict[str, str]:
    """Describe that clips are encoded one at a time on a GPU too."""
    # Whisper's description never said so, and must stay as it is: stored vectors are found by it.
    return {} if batchable or model_type == WHISPER else {"batches": "one clip at a time"}


class HFAudio:
    """A frozen audio network. `budget` is the number of samples in one padded and masked batch.

    On a CPU it is 0, for one clip at a time, which is fastest there: nothing is padded, and the first convolutions of a
    batch do not fit the cache. On a GPU, architectures whose masked batches are exact (`supported_architectures.py`)
    get batches. Other networks get one clip at a time everywhere.
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
        self.device = device
        self.has_logits = bool(identity.classes)
        isolated = fast_paths.speed_up(self.model, device)
        self.maskable = architecture.batchable and isolated and not getattr(self.config, "add_adapter", False)
        self.budget = _GPU_BUDGET if self.maskable and device.startswith("cuda") else 0
        if self.config.model_type != WHISPER:  # its input is always 30 seconds long: too slow for a trial
            check_runs(identity.checkpoint, lambda: self._try(frozenset(identity.kinds)))

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
            output = self.model(
                **{name: to_device(value, self.device) for name, value in inputs.items()},
                output_hidden_states="layers" in kinds,
            )
        base = self.base_output.take()
        last, *states = self._along_time([base.last_hidden_state, *(base.hidden_states if "layers" in kinds else ())])
        logits = output.logits.float().cpu().numpy() if self.has_logits else None
        rows = []
        for row, clip in enumerate(batch):
            true = last[row, : clip.frames]
            encoded = {"mean": pooling.mean(true), "std": pooling.std(true)}
            if logits is not None:
                encoded["logits"] = logits[row]
            if states:
                encoded["layers"] = pooling.layers([state[row, : clip.inner_frames] for state in states])
            if "frames" in kinds:
                encoded["frames"] = true
            rows.append(encoded)
        return rows

    def _try(self, kinds: frozenset[str]) -> None:
        clip = self.reader.read(_probe(max(self.reader.shortest, self.reader.rate // 4)))
        self._pass([clip], self.reader.alone(clip), kinds)

    def _along_time(self, states: Sequence[Any]) -> list[np.ndarray]:
        return [arrange_over_time(state.float().cpu().numpy(), self.config) for state in states]


def _probe(samples: int) -> np.ndarray:
    """Make a clip to try a network with: a rising tone."""
    return np.sin(np.linspace(0.0, 1.0, samples) ** 2 * samples / 8).astype(np.float32)
