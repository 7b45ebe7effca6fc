"""Turn decoded clips into the inputs of an audio network, the same way for encoding and for fine-tuning.

Nothing is cut, repeated or padded unnoticed. A clip beyond the limits of its extractor (`extractor_limits.py`) is
refused, and each prepared clip carries the number of its own frames.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurestore.errors import BadValue, Unencodable
from featurestore.networks.classifier_pooling import SPANS
from featurestore.networks.extractor_limits import find_limits
from featurestore.networks.fixed_length import fit_length
from featurestore.networks.frames import AST, WHISPER, count_true_frames, count_window_hop
from featurestore.networks.limits import TooLongForNetwork
from featurestore.networks.long_clips import WindowPlace, place_windows
from featurestore.networks.padding import MASK, pad_clips
from featurestore.networks.windows import compute_window
from featurestore.spec import CLIP_WINDOW, WHOLE_WINDOW


@dataclass(frozen=True)
class ClipInput:
    """One clip as its network reads it, without padding to any other clip.

    Args:
        inputs: arrays by the name of the network's argument, without a batch axis.
        mask: the extractor's own mask (T,), 0 for padding that the extractor added; None where it returns none.
        samples: length of the decoded clip, or the fixed length where there is one.
        frames: output frames of the clip itself, counted from the first; None where all frames are the clip's, or where
            padding cannot be told from the clip.
        inner_frames: likewise for the frames between the layers, where an adapter or SEW changes their number.
        first: the first frame that counts, where the clip is a window of a longer one.
    """

    inputs: Mapping[str, NDArray[Any]]
    mask: NDArray[np.int64] | None
    samples: int
    frames: int | None
    inner_frames: int | None
    first: int = 0


class ClipReader:
    """Prepare clips with a checkpoint's own feature extractor.

    Args:
        extractor: of transformers.
        config: of the network, which says how many frames a clip gives.
        fixed_length: samples that every waveform is cut or padded to, without a mask, as the encoder was fine-tuned; 0
            for each clip's own length.
        window: `30s`, or `clip` for Whisper's encoder on little more than the clip.
        name_spans: whether batches name each clip's own frames, for a classifier that averages those alone.

    Raises:
        BadValue: an extractor whose limits are not known, or one of spectra with a fixed length.
    """

    def __init__(
        self,
        extractor: Any,
        config: Any,
        fixed_length: int = 0,
        *,
        window: str = WHOLE_WINDOW,
        name_spans: bool = False,
    ) -> None:
        self.extractor, self.config, self.fixed_length = extractor, config, fixed_length
        self.window, self.name_spans = window, name_spans
        self.rate = int(extractor.sampling_rate)
        limits = find_limits(extractor, config)
        self.shortest, self.longest, self.waveform = limits.shortest, limits.longest, limits.waveform
        if fixed_length and not self.waveform:
            raise BadValue(
                f"a {config.model_type} encoder reads spectra, which have no fixed length in samples",
                do="leave fixed_length at 0, or use an encoder that reads the waveform",
            )

    def check(self, samples: int) -> None:
        """Check the length of a clip.

        Raises:
            Unencodable: too short for one frame.
            TooLongForNetwork: longer than the network reads.
        """
        if self.longest is not None and samples > self.longest:
            kind = self.config.model_type
            takes = "Whisper's encoder takes" if kind == WHISPER else f"{kind} encoders take"
            longest = f"{int(100 * self.longest / self.rate) / 100:g}"  # rounded down
            advice = "; cli extract --long-clips window encodes it in windows" if kind in (WHISPER, AST) else ""
            raise TooLongForNetwork(f"{samples / self.rate:.1f} s long: {takes} at most {longest} s{advice}")
        if samples < self.shortest:
            raise Unencodable(f"too short for one frame: {samples} samples at {self.rate} Hz, {self.shortest} needed")

    def read(self, samples: NDArray[np.float32]) -> ClipInput:
        """Prepare one decoded clip.

        Args:
            samples: mono at the extractor's rate, (S,).

        Raises:
            Unencodable: too short or too long for the network, with its length and the limit.
        """
        self.check(len(samples))
        if self.waveform:
            wave = fit_length(self._normalize(samples), self.fixed_length)
            return self._make_input({"input_values": wave}, None, self.fixed_length or len(samples))
        extracted = self.extractor(
            samples, sampling_rate=self.rate, return_tensors="np", **self._choose_window(len(samples))
        )
        mask = np.asarray(extracted[MASK][0], np.int64) if MASK in extracted else None
        inputs = {name: np.asarray(extracted[name][0]) for name in extracted if name != MASK}
        inputs = {name: value if value.dtype == bool else value.astype(np.float32) for name, value in inputs.items()}
        return self._make_input(inputs, mask, len(samples))

    def read_windows(self, samples: NDArray[np.float32]) -> list[ClipInput]:
        """Prepare one decoded clip of any length, in overlapping windows where it is longer than one.

        Args:
            samples: mono at the extractor's rate, (S,).

        Raises:
            Unencodable: too short for the network.
        """
        if self.longest is None or len(samples) <= self.longest:
            return [self.read(samples)]
        places = place_windows(len(samples), self.longest, count_window_hop(self.config, self.extractor))
        return [self._read_window(samples, place) for place in places]

    def measure(self, clip: ClipInput) -> int:
        """Measure what the network reads of a prepared clip, in samples: Whisper's window, else the clip."""
        if self.config.model_type != WHISPER:
            return clip.samples
        return int(clip.inputs["input_features"].shape[-1]) * int(self.extractor.hop_length)

    def alone(self, clip: ClipInput) -> dict[str, NDArray[Any]]:
        """Return the network inputs of a single clip: a batch of one, with the extractor's own mask if it has one."""
        inputs = {name: value[None] for name, value in clip.inputs.items()} | self._name_spans([clip])
        return inputs if clip.mask is None else {**inputs, MASK: clip.mask[None]}

    def batch(self, clips: Sequence[ClipInput], multiple: int | None = None) -> dict[str, NDArray[Any]]:
        """Return the network inputs of several clips, padded to the longest, with a mask over padding.

        Inputs of one length for all (a fixed length, Whisper, AST, CLAP) are stacked without a mask. Shorter windows
        of Whisper are filled up to the longest with silence.

        Args:
            clips: as `read` returned them.
            multiple: pad waveforms to a multiple of this many samples.
        """
        stacked = {name: [clip.inputs[name] for clip in clips] for name in clips[0].inputs}
        masks = [clip.mask for clip in clips if clip.mask is not None]
        if self.fixed_length or not (self.waveform or masks):
            return {name: _stack(values) for name, values in stacked.items()} | self._name_spans(clips)
        return pad_clips(self.extractor, stacked, masks, multiple if self.waveform else None)

    def _normalize(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalize a waveform (S,) as its extractor does, without the extractor's padding, which takes as long."""
        if not self.extractor.do_normalize:
            return np.array(samples, np.float32)  # a copy, because samples of a cache cannot be written
        (wave,) = self.extractor.zero_mean_unit_var_norm([samples], None)
        return np.asarray(wave, np.float32)

    def _choose_window(self, samples: int) -> dict[str, int]:
        """Return the extractor's option for a window of its own. Without one it pads to its whole window."""
        if self.window != CLIP_WINDOW:
            return {}
        return {"max_length": compute_window(samples, self.rate, int(self.extractor.n_samples))}

    def _read_window(self, samples: NDArray[np.float32], place: WindowPlace) -> ClipInput:
        window = self.read(samples[place.start : place.stop])
        last = window.frames if place.last is None else place.last
        return replace(window, first=place.first, frames=last, inner_frames=last)

    def _name_spans(self, clips: Sequence[ClipInput]) -> dict[str, NDArray[Any]]:
        return {SPANS: np.array([(clip.first, clip.frames) for clip in clips])} if self.name_spans else {}

    def _make_input(
        self, inputs: Mapping[str, NDArray[Any]], mask: NDArray[np.int64] | None, samples: int
    ) -> ClipInput:
        frames, inner_frames = count_true_frames(self.config, self.extractor, samples, mask)
        return ClipInput(inputs, mask, samples, frames, inner_frames)


def _stack(values: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Stack inputs. Spectra (mel bins, T) of different lengths end in silence, of which the last frame is repeated."""
    longest = max(value.shape[-1] for value in values)
    if all(value.shape[-1] == longest for value in values):
        return np.stack(values)
    return np.stack([np.pad(value, [(0, 0), (0, longest - value.shape[-1])], mode="edge") for value in values])
