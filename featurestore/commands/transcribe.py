"""`cli transcribe`: write down the words of every utterance with a recognizer."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurestore.console import (
    PARTLY_FAILED,
    corpus_options,
    engine_options,
    json_option,
    paranoid_option,
    print_answer,
    say,
    store_option,
)
from featurestore.errors import BadValue, Unavailable
from featurestore.progress import Say
from featurestore.spec import GOLD, TASKS, TRANSCRIBE

if TYPE_CHECKING:
    from featurestore.extraction.extract import Extraction
    from featurestore.networks.identity import Identity
    from featurestore.store import Store
    from featurestore.word_errors import WordErrors

RESUMES = True  # a command that was stopped continues when it is called again
DEFAULT_RECOGNIZER = "facebook/wav2vec2-base-960h"
_NAME = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Transcription:
    """Outcome of one transcription.

    Args:
        name: of the transcript.
        extraction: its file, how many utterances were transcribed, reused and failed, and why.
        errors: against the words of the corpus; None of a translation, of a trial run, and without the package jiwer.
        note: why there are no errors; empty where there are some.
    """

    name: str
    extraction: "Extraction"
    errors: "WordErrors | None"
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values."""
        errors = self.errors.to_json() if self.errors else None
        note = {"note": self.note} if self.note else {}
        return {"transcript": self.name, **self.extraction.to_json(), "word_errors": errors, **note}

    def summary(self) -> str:
        """Return the outcome as lines for a terminal."""
        lines = self.errors.lines() if self.errors else [f"no word error rate: {self.note}"]
        return "\n".join([self.extraction.summary(), *lines])


def transcribe(
    store: str | Path = "features/demo",
    *,
    checkpoint: str = DEFAULT_RECOGNIZER,
    name: str = "asr",
    language: str = "",
    task: str = TRANSCRIBE,
    corpus: str | None = None,
    root: str | Path | None = None,
    jobs: int | None = None,
    device: str | None = None,
    max_seconds: float | None = None,
    engine: str = "loky",
    scheduler: str | None = None,
    limit: int | None = None,
    paranoid: bool = False,
    say: Say = say,
) -> Transcription:
    """Write down the words of every utterance with a recognizer, and reuse those that the store already holds.

    Decoding is greedy: the words of a clip depend on nothing but the clip and the recognizer.

    Args:
        store: the folder; prepared first if it has no manifest. Shards are transcribed one after another.
        checkpoint: a folder or a hub name of a network that spells by CTC, or that generates text (Whisper).
        name: of the transcript, by which `extract(text=…)` reads it.
        language: that is spoken, for a multilingual Whisper (`en`, `german`); empty to detect it in each clip.
        task: `transcribe`, or `translate` into English, for a multilingual Whisper.
        corpus: name of the corpus to prepare.
        root: the folder of its release.
        jobs: worker processes; by default one per core.
        device: `cpu`, `cuda`, `cuda:1` or `mps`; by default the GPU if there is one.
        max_seconds: longer clips fail.
        engine: `loky`, `dask` or `ray`.
        scheduler: address of a running dask cluster.
        limit: a trial run: transcribe at most this many of the missing utterances, keep them for the next run, and
            estimate the whole. The transcript is written only if nothing is missing after it.
        paranoid: read the bytes of every clip; by default only of those that may have changed since the last run.
        say: receives lines for the user.

    Returns:
        The transcript's file, how many utterances were transcribed, reused and failed, and its word errors where the
        corpus has words.

    Raises:
        BadValue: an invalid name, a checkpoint that writes down no words, a language that it does not know, an unknown
            device, or a limit below 1.
        Problem: as `open_store` and `extract_encoder` raise.

    Example:
        >>> from featurestore import transcribe
        >>> transcribe("features/demo", checkpoint="openai/whisper-small", language="en")  # doctest: +SKIP
    """
    from featurestore.encoders import identify
    from featurestore.engines import Engine
    from featurestore.extraction.extract import extract_encoder
    from featurestore.extraction.extract_shards import extract_shards
    from featurestore.extraction.trial import check_limit
    from featurestore.networks.device import check_device
    from featurestore.preparation.open_store import open_store
    from featurestore.shards.sharded_store import ShardedStore
    from featurestore.spec import EncoderSpec, Recognition

    check_limit(limit)
    _check_name(name)
    where = Engine(engine, scheduler=scheduler or "")
    if device:
        check_device(device, here=where.local)
    opened = open_store(Path(store), corpus, Path(root) if root is not None else None, say)
    identity = identify(EncoderSpec(name, checkpoint, recognition=Recognition(language, task)))
    _report_request(identity, say)
    run = (
        functools.partial(extract_shards, opened)
        if isinstance(opened, ShardedStore)
        else functools.partial(extract_encoder, opened)
    )
    done = run(
        identity,
        jobs=jobs or 0,
        device=device or "",
        max_seconds=max_seconds,
        engine=engine,
        scheduler=scheduler or "",
        limit=limit,
        paranoid=paranoid,
        say=say,
    )
    return Transcription(name, done, *_compare(opened, identity, done))


@click.command("transcribe")
@store_option
@corpus_options
@click.option(
    "--checkpoint",
    default=DEFAULT_RECOGNIZER,
    help="Recognizer, a folder or a hub name: a network that spells by CTC, or that generates text (Whisper).",
)
@click.option("--name", default="asr", help="Name of the transcript; cli extract --text NAME reads it.")
@click.option(
    "--language",
    default="",
    show_default="detected in each clip",
    help="Language of the speech, for a multilingual Whisper, such as en or german.",
)
@click.option(
    "--task",
    type=click.Choice(TASKS),
    default=TRANSCRIBE,
    help="What a multilingual Whisper writes down: the words, or their translation into English.",
)
@engine_options
@click.option("--device", help="cpu, cuda, cuda:1, mps. Default: the GPU if there is one.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="Fail longer clips. Default: none.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="A trial run: transcribe N of the missing utterances, keep them for the next run, and estimate the whole.",
)
@paranoid_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Write down the words of every utterance with a recognizer.

    The words, with a confidence each and, of CTC, times, become a transcript of the store. Text encoders read it in
    place of the words of the corpus by cli extract --text NAME. Where the corpus has words, the word error rate is
    printed, overall and by label. Words that the store already holds are reused; a stopped transcription continues.
    Exit code 3: finished, but some utterances failed.

    \b
    Examples: cli transcribe --store features/mine --checkpoint facebook/wav2vec2-base-960h
              cli transcribe --store features/mine --checkpoint openai/whisper-small --language en --name whisper
              cli extract --store features/mine --text asr
    """
    say(f"transcribing {options['store']} with {options['checkpoint']}")
    done = transcribe(**options)
    print_answer(done.to_json(), done.summary(), as_json)
    if done.extraction.failed:
        ctx.exit(PARTLY_FAILED)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name == GOLD:
        raise BadValue(
            f"invalid name of a transcript {name!r}",
            expected=f"letters, digits, _ and -; not {GOLD}, which stands for the words of the corpus",
            do="choose another --name",
        )


def _report_request(identity: "Identity", say: Say) -> None:
    if identity.description.get("language") == "":
        say(f"{identity.name}: the language is detected in each clip; --language en makes it English everywhere")


def _compare(store: "Store", identity: "Identity", done: "Extraction") -> "tuple[WordErrors | None, str]":
    """Compare a finished transcript with the words of the corpus. Say why not where they cannot be compared."""
    from featurestore.word_errors import count_word_errors

    if done.trial:
        return None, "a trial run transcribes some utterances only"
    if identity.description.get("task", TRANSCRIBE) != TRANSCRIBE:
        return None, "a translation is not compared with the words that are spoken"
    try:
        return count_word_errors(store.utterances, store.transcript(identity.name).texts), ""
    except Unavailable as problem:
        return None, f"{problem.what}; do: {problem.do}"
