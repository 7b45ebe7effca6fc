"""Encode clips with audio networks of transformers: wav2vec2, HuBERT, WavLM, Whisper's encoder, AST and others."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from featurestore.encoders import Encoded
from featurestore.item import Item
from featurestore.networks import fast_paths, pooling, probe
from featurestore.networks.audio_description import describe_normalization, describe_pooling, describe_spectrum
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.classifier_pooling import (
    describe_classifier_pooling,
    pool_true_frames,
    pools_true_frames,
)
from featurestore.networks.clips import ClipInput, ClipReader
from featurestore.networks.fixed_length import describe_fixed_length, read_fixed_length
from featurestore.networks.forward import BaseOutput, check_runs, to_device, to_host
from featurestore.networks.frames import (
    ONE_LENGTH,
    WHISPER,
    arrange_over_time,
    compute_frame_rate,
    compute_window_length,
)
from featurestore.networks.identity import Identity, identify_network
from featurestore.networks.loading import load_network, load_processor
from featurestore.networks.long_clips import check_long_clips, describe_long_clips, pool_windows
from featurestore.networks.pooling import Mask, mark_true_frames, split_rows
from featurestore.networks.precision import Autocast
from featurestore.networks.short_windows import accept_short_windows
from featurestore.networks.supported_architectures import find_architecture
from featurestore.networks.windows import choose_window, describe_window, read_window
from featurestore.spec import CLIP_WINDOW, CUT_LONG_CLIPS, EncoderSpec

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
        **({"window": window} if window == CLIP_WINDOW else {}),
        **describe_classifier_pooling(checkpoint),
        **_describe_long_clips(spec, checkpoint),
    )


def _describe_long_clips(spec: EncoderSpec, checkpoint: Checkpoint) -> dict[str, Any]:
    """Describe how long clips are read, where that is asked for."""
    if spec.long_clips != CUT_LONG_CLIPS:
        return {}
    config, settings = checkpoint.config(), checkpoint.extractor()
    check_long_clips(CUT_LONG_CLIPS, str(config["model_type"]), spec.name or "audio")
    rate = int(settings.get("sampling_rate", 16_000))
    return {"long_clips": describe_long_clips(compute_window_length(config, settings, rate), rate)}


def _describe_batches(model_type: str, *, batchable: bool) -> dict[str, str]:
    """Describe that clips are encoded one at a time on a GPU too."""
    # Whisper's description never said so, and must stay as it is: stored vectors are found by it.
    return {} if batchable or model_type == WHISPER else {"batches": "one clip at a time"}


class HFAudio:
    """A frozen audio network. `budget` is the number of samples in one padded and masked batch.

    On a CPU it is 0, for one clip at a time, which is fastest there: nothing is padded, and the first convolutions of a
    batch do not fit the cache. On a GPU, architectures whose masked batches are exact (`supported_architectures.py`)
    get batches, and Whisper's windows of one length are batched as they are. Other networks get one clip at a time
    everywhere. `notes` are lines for the user about its precision.
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
        self.device, self.autocast = device, Autocast(device, identity.precision)
        self.has_logits = bool(identity.classes)
        self.reader = self._make_reader(identity, extractor)
        self.cuts_long_clips = "long_clips" in identity.description
        isolated = fast_paths.speed_up(self.model, device)
        self.maskable = architecture.batchable and isolated and not getattr(self.config, "add_adapter", False)
        self.stackable = self.config.model_type == WHISPER  # equal windows need no mask
        self.budget = self._choose_budget() if device.startswith("cuda") else 0
        if self.config.model_type != WHISPER:  # its input is always 30 seconds long: too slow for a trial
            check_runs(identity.checkpoint, lambda: self._try(frozenset(identity.kinds)))
        self.notes = self.autocast.check(
            identity.checkpoint.name, lambda: self._encode_probe(frozenset(identity.kinds))
        )

    def _make_reader(self, identity: Identity, extractor: Any) -> ClipReader:
        """Make the reader of clips, and prepare the network for what it reads."""
        assert identity.checkpoint  # as in the caller
        window, pools = read_window(identity.description), self.has_logits and pools_true_frames(identity.checkpoint)
        if window == CLIP_WINDOW:
            accept_short_windows(self.model.get_encoder() if self.has_logits else self.model)
        if pools:
            pool_true_frames(self.model)
        fixed_length = read_fixed_length(identity.checkpoint)
        return ClipReader(extractor, self.config, fixed_length, window=window, name_spans=pools)

    def _choose_budget(self) -> int:
        return _GPU_WINDOWS if self.stackable else _GPU_BUDGET if self.maskable else 0

    def load(self, item: Item) -> list[ClipInput]:
        """Decode, resample and normalize one clip.

        Returns:
            the clip, or its windows where it is longer than one and windows are asked for.

        Raises:
            Unencodable: it is no usable audio, or too short or too long for the network.
        """
        samples = item.waveform(self.reader.rate)
        return self.reader.read_windows(samples) if self.cuts_long_clips else [self.reader.read(samples)]

    def size(self, loaded: Sequence[ClipInput]) -> int:
        """Return the length of what the network reads of a clip, in samples."""
        return sum(self.reader.measure(window) for window in loaded)

    def encode(self, batch: Sequence[Sequence[ClipInput]], kinds: frozenset[str]) -> list[Encoded]:
        """Encode clips in one masked batch, or in batches of equal windows, where there is a budget, else one by one.

        The windows of a clip are pooled into one vector of each kind.
        """
        windows = [window for clip in batch for window in clip]
        encoded = iter(self._encode_windows(windows, kinds))
        return [_pool_clip(clip, list(islice(encoded, len(clip)))) for clip in batch]

    def _encode_windows(self, windows: Sequence[ClipInput], kinds: frozenset[str]) -> list[Encoded]:
        if self.budget and self.maskable and len(windows) > 1:
            return self._pass(windows, self.reader.batch(windows), kinds)
        done: dict[int, Encoded] = {}
        for places in self._group_equal(windows):
            members = [windows[place] for place in places]
            inputs = self.reader.alone(*members) if len(members) == 1 else self.reader.batch(members)
            done |= zip(places, self._pass(members, inputs, kinds), strict=True)
        return [done[place] for place in range(len(windows))]

    def _group_equal(self, windows: Sequence[ClipInput]) -> list[list[int]]:
        """Group the places of windows of one length as far as the budget allows. Without a budget each is alone."""
        if not (self.budget and self.stackable):
            return [[place] for place in range(len(windows))]
        lengths = [self.reader.measure(window) for window in windows]
        groups: list[list[int]] = []
        for length in sorted(set(lengths)):
            equal = [place for place, one in enumerate(lengths) if one == length]
            most = max(1, self.budget // length)
            groups += [equal[start : start + most] for start in range(0, len(equal), most)]
        return groups

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
        firsts = [clip.first for clip in batch]
        true = mark_true_frames([clip.frames for clip in batch], last.shape[1], firsts)
        mean, std = pooling.pool(last, true)
        pooled = {"mean": mean, "std": std}
        if "layers" in kinds:
            states = [arrange_over_time(state, self.config) for state in base.hidden_states]
            inner = mark_true_frames([clip.inner_frames for clip in batch], states[0].shape[1], firsts)
            pooled["layers"] = pooling.average_layers(states, inner)
        if "frames" in kinds:
            pooled["frames"] = last
        return pooled, true

    def _try(self, kinds: frozenset[str]) -> None:
        clip = self.reader.read(probe.make_tone(max(self.reader.shortest, self.reader.rate // 4)))
        self._pass([clip], self.reader.alone(clip), kinds)

    def _encode_probe(self, kinds: frozenset[str]) -> list[Encoded]:
        clips = probe.make_clips(self.reader.rate, self.reader.shortest, self.reader.longest)
        chosen = clips[-1:] if self.config.model_type in ONE_LENGTH else clips  # the network reads one length anyway
        return self.encode([[self.reader.read(clip)] for clip in chosen], kinds)


def _pool_clip(windows: Sequence[ClipInput], encoded: Sequence[Encoded]) -> Encoded:
    """Pool the encoded windows of one clip. A clip of one window is as it is."""
    if len(windows) == 1:
        return encoded[0]
    return pool_windows(encoded, [(window.frames or 0) - window.first for window in windows])
