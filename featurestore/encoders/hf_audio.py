"""Audio encoders and audio classifiers of transformers: wav2vec2, HuBERT, WavLM, Whisper's encoder, AST and others."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from featurestore.encoders import Encoded
from featurestore.item import Item
from featurestore.networks import pooling
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.families import find
from featurestore.networks.fixed_length import described, fixed_length
from featurestore.networks.frames import WHISPER, along_time, normalised, pooled_over, rate, spectrum
from featurestore.networks.identity import Identity
from featurestore.networks.network import Tap, check_runs, load_network, load_processor, to_device
from featurestore.networks.network import identity as network_identity
from featurestore.spec import EncoderSpec

if TYPE_CHECKING:
    from featurestore.networks.clips import Clip

__all__ = ["HFAudio"]

# Samples in one padded batch on a GPU: two minutes of audio, of which wav2vec2-base's first convolution makes 0.8 GB.
_GPU_BUDGET = 120 * 16_000


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """Identify an audio checkpoint: `rate` is frames a second where its files say so.

    Raises:
        BadValue: its architecture or its feature extractor is not one that is tested.
    """
    family = find(checkpoint, "audio")
    config, settings = checkpoint.config(), checkpoint.extractor()
    sampling_rate = int(settings.get("sampling_rate", 16_000))
    return network_identity(
        spec,
        checkpoint,
        family,
        modality="audio",
        kinds=("mean", "std"),
        pooling=pooled_over(config),
        rate=rate(config, settings, sampling_rate),
        preprocessing={
            "sampling_rate": sampling_rate,
            "channels": "mixed down to one",
            "resampling": "soxr HQ",
            "normalised": normalised(config, settings),
            **spectrum(config, settings),
            **_batches(str(config["model_type"]), together=family.together),
            **described(checkpoint),
        },
    )


def _batches(model_type: str, *, together: bool) -> dict[str, str]:
    """Say that clips are encoded one at a time on a GPU too; Whisper's always were, and its description stays."""
    return {} if together or model_type == WHISPER else {"batches": "one clip at a time"}


class HFAudio:
    """A frozen audio network; `budget` says how much one padded and masked batch may hold.

    On a CPU it is 0: one clip at a time, which is fastest there (no padding at all, and the first convolutions of a
    batch do not fit the cache). On a GPU architectures whose masked batches are exact (`_families.py`) get
    batches, each clip kept from the others' padding; other networks get one clip at a time everywhere.
    """

    def __init__(self, identity: Identity, device: str) -> None:
        import transformers as hf

        # Imported here, not above: all load torch, and to see that everything is done already must not.
        from featurestore.networks.clips import ClipReader
        from featurestore.networks.convolutions import multiply
        from featurestore.networks.front import isolate_front

        assert identity.checkpoint  # `identify` has set it
        family = find(identity.checkpoint, "audio")
        extractor = load_processor(identity.checkpoint, hf.AutoFeatureExtractor)
        auto, bare = hf.AutoModelForAudioClassification, hf.AutoModel
        self.model, base = load_network(identity, family, auto, bare, device)
        self.tap = Tap(base)
        self.config = base.config
        self.reader = ClipReader(extractor, self.config, fixed_length(identity.checkpoint))
        self.device = device
        self.has_logits = bool(identity.classes)
        isolated = isolate_front(self.model)
        self.maskable = family.together and isolated and not getattr(self.config, "add_adapter", False)
        self.budget = _GPU_BUDGET if self.maskable and device.startswith("cuda") else 0
        if device == "cpu":
            multiply(self.model)
        if self.config.model_type != WHISPER:  # 30 seconds, whatever it is tried with: too long for a trial
            check_runs(identity.checkpoint, lambda: self._try(frozenset(identity.kinds)))

    def load(self, item: Item) -> "Clip":
        """Decode, resample and normalise one clip; raise Unencodable where it is no usable audio."""
        return self.reader.read(item.waveform(self.reader.rate))

    def size(self, loaded: "Clip") -> int:
        """Return the clip's length in samples."""
        return loaded.samples

    def encode(self, batch: Sequence["Clip"], kinds: frozenset[str]) -> list[Encoded]:
        """Encode clips, in one masked batch where there is a budget for one, else one at a time."""
        if self.budget and self.maskable and len(batch) > 1:
            return self._pass(batch, self.reader.batch(batch), kinds)
        return [encoded for clip in batch for encoded in self._pass([clip], self.reader.alone(clip), kinds)]

    def _pass(self, batch: Sequence["Clip"], inputs: Mapping[str, np.ndarray], kinds: frozenset[str]) -> list[Encoded]:
        """Run one forward pass, and pool the true frames of each clip."""
        import torch

        with torch.inference_mode():
            output = self.model(
                **{name: to_device(value, self.device) for name, value in inputs.items()},
                output_hidden_states="layers" in kinds,
            )
        base = self.tap.take()
        last, *states = self._along_time([base.last_hidden_state, *(base.hidden_states if "layers" in kinds else ())])
        logits = output.logits.float().cpu().numpy() if self.has_logits else None
        found = []
        for row, clip in enumerate(batch):
            true = last[row, : clip.frames]
            encoded = {"mean": pooling.mean(true), "std": pooling.std(true)}
            if logits is not None:
                encoded["logits"] = logits[row]
            if states:
                encoded["layers"] = pooling.layers([state[row, : clip.inner_frames] for state in states])
            if "frames" in kinds:
                encoded["frames"] = true
            found.append(encoded)
        return found

    def _try(self, kinds: frozenset[str]) -> None:
        clip = self.reader.read(_probe(max(self.reader.shortest, self.reader.rate // 4)))
        self._pass([clip], self.reader.alone(clip), kinds)

    def _along_time(self, states: Sequence[Any]) -> list[np.ndarray]:
        return [along_time(state.float().cpu().numpy(), self.config) for state in states]


def _probe(samples: int) -> np.ndarray:
    """Make a clip to try a network with: a tone that rises."""
    return np.sin(np.linspace(0.0, 1.0, samples) ** 2 * samples / 8).astype(np.float32)
