"""Parse what a user names: a feature (`audio.mean`, `audio.frames[170]`) and an encoder (`text=FOLDER`)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from featurestore.errors import BadValue, quote

_FEATURE = re.compile(r"(?P<encoder>[\w-]+(@[\w-]+)?)\.(?P<kind>[a-z]+)(\[(?P<index>\d+)\])?")
_NAME = re.compile(r"[\w-]+(@[\w-]+)?")
INDEXED = {"frames", "layers"}
FULL = "float32"
# What a description says of each precision of `--precision`. It is part of every vector's cache key.
PRECISIONS = {FULL: FULL, "bf16": "bfloat16 autocast", "fp16": "float16 autocast"}
PAPER = "@paper"  # begins what stands behind an encoder's name in the files of the paper's experiment

# What Whisper's encoder reads for a clip, and what becomes of clips beyond a network's window.
WINDOWS = WHOLE_WINDOW, CLIP_WINDOW = "30s", "clip"
LONG_CLIPS = FAIL_LONG_CLIPS, CUT_LONG_CLIPS = "fail", "window"

# What Whisper writes down: the words, or their translation into English.
TASKS = TRANSCRIBE, TRANSLATE = "transcribe", "translate"

GOLD = "gold"  # `--text gold`: the words of the manifest
# Classes of encoders that write down words in place of features.
RECOGNIZERS = ("hf-ctc", "hf-seq2seq")
TRANSCRIPT, RECOGNIZER = "transcript", "recognizer"  # entries of a description: whose words are read, and who made them

Value = TypeVar("Value")


@dataclass(frozen=True)
class FeatureSpec:
    """One feature of one encoder: `<encoder>.<kind>`.

    Args:
        encoder: name of the feature file.
        kind: `mean`, `logits`, `frames`, …
        index: the number of frames in `frames[170]`, the number of the layer in `layers[6]`; None for other kinds, for
            `frames` (all of them, ragged) and for `layers` (all of them).
    """

    encoder: str
    kind: str
    index: int | None = None

    @property
    def is_ragged(self) -> bool:
        """Whether every utterance has another number of frames, so that only heads which take frames can read it."""
        return self.kind == "frames" and self.index is None

    def __str__(self) -> str:
        return f"{self.encoder}.{self.kind}" + (f"[{self.index}]" if self.index is not None else "")


def parse_feature(feature: str | FeatureSpec) -> FeatureSpec:
    """Parse `<encoder>.<kind>`, `<encoder>.frames[COUNT]` (the first frames, flattened) or `<encoder>.layers[NUMBER]`.

    Without an index, `frames` are all frames, of another number for every utterance, and `layers` all layers. A feature
    that is already parsed is returned as it is.

    Raises:
        BadValue: it is none of these.
    """
    if isinstance(feature, FeatureSpec):
        return feature
    match = _FEATURE.fullmatch(feature.strip())
    if not match or (match["index"] is not None and match["kind"] not in INDEXED):
        raise BadValue(
            f"{feature!r} is not a feature",
            expected="ENCODER.KIND, for example audio.mean, text.logits, audio.frames[170] or audio.layers[6]",
            do="cli inspect STORE lists the features of a store",
        )
    return FeatureSpec(match["encoder"], match["kind"], None if match["index"] is None else int(match["index"]))


def parse_features(features: Iterable[str | FeatureSpec], store: Path) -> list[FeatureSpec]:
    """Parse a list of features.

    Args:
        features: as `parse_feature` takes them.
        store: that should hold them, for the message.

    Raises:
        BadValue: it is empty, or a text; one is not a feature, or stands twice.
    """
    specs = [parse_feature(feature) for feature in check_list(features, "features")]
    if not specs:
        raise BadValue("no feature given", expected="at least one", do=f"cli inspect {quote(store)} lists the features")
    duplicates = [str(spec) for index, spec in enumerate(specs) if spec in specs[:index]]
    if duplicates:
        raise BadValue(f"duplicate feature {duplicates[0]}", expected="each feature once")
    return specs


@dataclass(frozen=True)
class Recognition:
    """What is asked of a recognizer, a checkpoint that writes down words.

    Args:
        language: that is spoken, as Whisper names it (`en`, `german`); empty to detect it in each clip.
        task: `transcribe`, or `translate` into English.
    """

    language: str = ""
    task: str = TRANSCRIBE


@dataclass(frozen=True)
class TranscriptSource:
    """The transcript that a text encoder reads in place of the manifest's words.

    Args:
        name: of the transcript.
        recognizer: description of the checkpoint that made it.
    """

    name: str
    recognizer: Mapping[str, Any]


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder to run.

    Args:
        name: of its feature file; empty until its modality is known.
        checkpoint: a local folder, a hub name (`owner/model[@revision]`), or the name of a hand-made extractor.
        context: turns before an utterance that a text encoder reads with it; None for as many as the checkpoint was
            fine-tuned with.
        window: `30s` or `clip`, what Whisper's encoder reads for a clip; None for the window that the checkpoint was
            fine-tuned with.
        long_clips: `fail` or `window`, what becomes of a clip that is longer than the network reads; None for `fail`.
        precision: of a network's arithmetic, one of `PRECISIONS`.
        recognition: what is asked of a recognizer; None for an encoder of features.
        transcript: whose words a text encoder reads; None for those of the manifest.
    """

    name: str
    checkpoint: str
    context: int | None = None
    window: str | None = None
    long_clips: str | None = None
    precision: str = FULL
    recognition: Recognition | None = None
    transcript: TranscriptSource | None = None


def parse_encoder(text: str) -> EncoderSpec:
    """Parse `[NAME=]CHECKPOINT`.

    Raises:
        BadValue: the name or the checkpoint is empty or invalid.
    """
    name, equals, checkpoint = text.partition("=")
    if not equals:
        name, checkpoint = "", text
    if not checkpoint or (equals and not _NAME.fullmatch(name)):
        raise BadValue(
            f"{text!r} is not an encoder", expected="[NAME=]CHECKPOINT, for example audio=facebook/wav2vec2-base-960h"
        )
    return EncoderSpec(name, checkpoint)


def choose_default_files(files: Iterable[str]) -> dict[str, str]:
    """Choose one feature file of each encoder, by the encoder's name.

    Files of the paper's experiment are left out: what stands behind their `@` is not a fold.

    >>> choose_default_files(["audio@2", "audio@1", "text", "text@1", "text@paper-fixed", "mfcc@paper"])
    {'audio': 'audio@1', 'text': 'text'}
    """
    found: dict[str, str] = {}
    for file in sorted(files):  # `text` before `text@1`
        if PAPER not in file:
            found.setdefault(file.partition("@")[0], file)
    return dict(sorted(found.items()))


def check_list(values: Iterable[Value], name: str) -> Iterable[Value]:
    """Return the values of a list argument. A text would be read letter by letter.

    Args:
        values: the argument.
        name: its name, for the message.

    Raises:
        BadValue: it is a text.
    """
    if isinstance(values, str):
        raise BadValue(f"{name} is a text", expected="a list", got=repr(values), do=f"give a list: {name}=[{values!r}]")
    return values


def is_network(description: Mapping[str, Any]) -> bool:
    """Tell whether a description is of a transformers checkpoint and not of a hand-made extractor."""
    return str(description["class"]).startswith("hf-")


IMPORTED = "imported"  # the class of an encoder of another program, whose features were imported


def is_imported(description: Mapping[str, Any]) -> bool:
    """Tell whether a description is of features that another program made, so that no encoder is here."""
    return description.get("class") == IMPORTED


def format_checkpoint(description: Mapping[str, Any]) -> str:
    """Return the CHECKPOINT with which `--encoder NAME=CHECKPOINT` loads a described encoder."""
    if not is_network(description):
        return str(description["class"])
    checkpoint = str(description.get("checkpoint", "CHECKPOINT"))
    return f"{checkpoint.partition('@')[0]}@{description['revision']}" if description.get("revision") else checkpoint


def is_recognizer(description: Mapping[str, Any]) -> bool:
    """Tell whether a description is of a checkpoint that writes down words."""
    return description.get("class") in RECOGNIZERS


def read_recognition(description: Mapping[str, Any]) -> Recognition | None:
    """Return what was asked of a described recognizer, or None for an encoder of features."""
    if not is_recognizer(description):
        return None
    return Recognition(description.get("language", ""), description.get("task", TRANSCRIBE))


def read_transcript(description: Mapping[str, Any]) -> TranscriptSource | None:
    """Return the transcript that a described text encoder reads, or None for the words of the manifest."""
    source = description.get(TRANSCRIPT)
    return TranscriptSource(source["name"], description[RECOGNIZER]) if source else None


def read_context(description: Mapping[str, Any]) -> int:
    """Return how many turns before an utterance a described encoder reads with it."""
    return int(description.get("context", 0))


def read_precision(description: Mapping[str, Any]) -> str:
    """Return the precision, one of `PRECISIONS`, in which a described encoder computes."""
    return next((name for name, dtype in PRECISIONS.items() if description.get("dtype") == dtype), FULL)


def list_reading_options(description: Mapping[str, Any]) -> list[str]:
    """List the options that shape what a described encoder gives, where they are not the usual.

    They are those of `cli extract`, and of `cli transcribe` for a recognizer.
    """
    context, precision = read_context(description), read_precision(description)
    recognition, transcript = read_recognition(description), read_transcript(description)
    return [
        *([f"--text {transcript.name}"] if transcript else []),
        *([f"--language {recognition.language}"] if recognition and recognition.language else []),
        *([f"--task {recognition.task}"] if recognition and recognition.task != TRANSCRIBE else []),
        *([f"--context {context}"] if context else []),
        *([f"--window {description['window']}"] if "window" in description else []),
        *([f"--long-clips {CUT_LONG_CLIPS}"] if description.get("long_clips") else []),
        *([f"--precision {precision}"] if precision != FULL else []),
    ]


def restore_encoder(name: str, description: Mapping[str, Any], checkpoint: str = "") -> EncoderSpec:
    """Return the spec of a described encoder.

    Args:
        name: of its feature file.
        description: as a feature file or a bundle holds it.
        checkpoint: where it is now; empty for where it was.
    """
    return EncoderSpec(
        name,
        checkpoint or format_checkpoint(description),
        context=description.get("context"),
        window=description.get("window"),
        long_clips=CUT_LONG_CLIPS if description.get("long_clips") else None,
        precision=read_precision(description),
        recognition=read_recognition(description),
        transcript=read_transcript(description),
    )
