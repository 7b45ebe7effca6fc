"""Write down words with networks of transformers that generate text from a clip (Whisper), for cli transcribe."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from featurestore.encoders import Encoded
from featurestore.item import Item
from featurestore.networks.audio_description import describe_normalization, describe_spectrum
from featurestore.networks.checkpoint import Checkpoint
from featurestore.networks.clips import ClipInput, ClipReader
from featurestore.networks.forward import to_device
from featurestore.networks.frames import WHISPER
from featurestore.networks.identity import Identity, identify_network
from featurestore.networks.limits import TooLongForNetwork
from featurestore.networks.loading import load_processor, load_recognizer
from featurestore.networks.recognizers import describe_request, list_request
from featurestore.networks.spoken_words import CONFIDENCE, Token, build_words
from featurestore.networks.supported_architectures import find_architecture
from featurestore.spec import EncoderSpec, Recognition

__all__ = ["HFSeq2seq"]

_GPU_WINDOWS = 480 * 16_000  # samples of Whisper's windows in one batch on a GPU: 16 of 30 s


def identify(spec: EncoderSpec, checkpoint: Checkpoint) -> Identity:
    """Identify a checkpoint that generates text from a clip.

    Raises:
        BadValue: its architecture or its feature extractor is not supported, or it does not know the language.
    """
    architecture = find_architecture(checkpoint, "audio")
    config, settings = checkpoint.config(), checkpoint.extractor()
    identity = identify_network(
        spec,
        checkpoint,
        architecture,
        modality="audio",
        kinds=(),
        used_as="seq2seq",
        **describe_request(checkpoint, spec.recognition or Recognition()),
        decoding="greedy: the likeliest token at each step, by the checkpoint's own generation settings",
        confidence=CONFIDENCE,
        preprocessing={
            "sampling_rate": int(settings.get("sampling_rate", 16_000)),
            "channels": "mixed down to one",
            "resampling": "soxr HQ",
            "normalised": describe_normalization(config, settings),
            **describe_spectrum(config, settings),
        },
    )
    return replace(identity, kinds=("text", "confidence"), classes=())


class HFSeq2seq:
    """A frozen network that generates text. `budget` is the number of samples in one batch, 0 for one clip at a time.

    Whisper's windows of one length are batched on a GPU.
    """

    def __init__(self, identity: Identity, device: str) -> None:
        import transformers as hf

        assert identity.checkpoint  # `identify` has set it
        extractor = load_processor(identity.checkpoint, hf.AutoFeatureExtractor)
        tokenizer = load_processor(identity.checkpoint, hf.AutoTokenizer)
        self.model, self.device = load_recognizer(identity, hf.AutoModelForSpeechSeq2Seq, device), device
        self.decode = partial(tokenizer.decode, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        self.special = frozenset(tokenizer.all_special_ids)
        self.reader = ClipReader(extractor, self.model.config)
        self.request = list_request(identity.description)
        stackable = self.model.config.model_type == WHISPER and device.startswith("cuda")
        self.budget = _GPU_WINDOWS if stackable else 0

    def load(self, item: Item) -> ClipInput:
        """Decode, resample and prepare one clip.

        Raises:
            Unencodable: it is no usable audio, or too short or too long for the network.
        """
        samples = item.waveform(self.reader.rate)
        try:
            return self.reader.read(samples)
        except TooLongForNetwork:
            most, kind = (self.reader.longest or 0) / self.reader.rate, self.model.config.model_type
            raise TooLongForNetwork(
                f"{len(samples) / self.reader.rate:.1f} s long: {kind} writes down at most {most:g} s; cut it, or take "
                "a recognizer with CTC, which reads clips of any length"
            ) from None

    def size(self, loaded: ClipInput) -> int:
        """Return the length of what the network reads of a clip, in samples."""
        return self.reader.measure(loaded)

    def encode(self, batch: Sequence[ClipInput], kinds: frozenset[str]) -> list[Encoded]:
        """Write down the words of clips, in one batch of equal windows where there is a budget, else one by one."""
        if self.budget:
            return self._generate(batch)
        return [words for clip in batch for words in self._generate([clip])]

    def _generate(self, batch: Sequence[ClipInput]) -> list[Encoded]:
        import torch

        inputs = self.reader.alone(batch[0]) if len(batch) == 1 else self.reader.batch(batch)
        given = {name: to_device(value, self.device) for name, value in inputs.items()}
        with torch.inference_mode():
            output = self.model.generate(
                **given,
                **self.request,
                num_beams=1,
                do_sample=False,
                return_dict_in_generate=True,
                output_scores=True,
            )
            scores = self.model.compute_transition_scores(output.sequences, output.scores, normalize_logits=True)
        numbers = output.sequences[:, -scores.shape[1] :].tolist()  # what was generated, behind the prompt
        rows = zip(numbers, scores.exp().tolist(), strict=True)
        return [self._build(chosen, probabilities) for chosen, probabilities in rows]

    def _build(self, numbers: Sequence[int], probabilities: Sequence[float]) -> Encoded:
        """Build the words of one clip from its tokens and their probabilities."""
        found = map(Token, numbers, probabilities)
        tokens = [token for token in found if token.number not in self.special]
        return build_words(tokens, self.decode).encode()
