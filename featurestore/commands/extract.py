"""`cli extract`: extract frozen features of every utterance into a store."""

import functools
from collections.abc import Sequence
from dataclasses import replace
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
from featurestore.errors import BadValue
from featurestore.progress import Say
from featurestore.spec import GOLD, LONG_CLIPS, PRECISIONS, WINDOWS

if TYPE_CHECKING:
    from featurestore.extraction.extract import Extraction
    from featurestore.networks.identity import Identity
    from featurestore.spec import EncoderSpec, TranscriptSource
    from featurestore.store import Store

RESUMES = True  # a command that was stopped continues when it is called again
# The paper's encoders.
DEFAULT_ENCODERS = ("text=microsoft/deberta-v3-small", "audio=facebook/wav2vec2-base-960h")


def extract(
    store: str | Path = "features/demo",
    *,
    encoders: Sequence[str] = (),
    corpus: str | None = None,
    root: str | Path | None = None,
    all_folds: bool = False,
    frames: bool = False,
    layers: bool = False,
    jobs: int | None = None,
    device: str | None = None,
    max_seconds: float | None = None,
    context: int | None = None,
    window: str | None = None,
    long_clips: str | None = None,
    precision: str = "float32",
    text: str = GOLD,
    engine: str = "loky",
    scheduler: str | None = None,
    limit: int | None = None,
    paranoid: bool = False,
    say: Say = say,
) -> "list[Extraction]":
    """Extract the features of every utterance with each encoder, and reuse those that the store already holds.

    Args:
        store: the folder; prepared first if it has no manifest. Shards are extracted one after another.
        encoders: `[NAME=]CHECKPOINT` texts; by default the demo's own encoders on the demo, else the paper's.
        corpus: name of the corpus to prepare.
        root: the folder of its release.
        all_folds: each encoder is a folder with one checkpoint per fold, and becomes the files `NAME@FOLD.h5`.
        frames: also store every frame.
        layers: also store the mean of every layer.
        jobs: worker processes; by default one per core.
        device: `cpu`, `cuda`, `cuda:1` or `mps`; by default the GPU if there is one.
        max_seconds: longer clips fail.
        context: turns of the dialogue before each one that text encoders read with it; by default as many as the
            checkpoint was fine-tuned with, else none.
        window: `30s`, or `clip` for Whisper's encoder on the clip and 1 s of silence; by default as the checkpoint was
            fine-tuned, else `30s`.
        long_clips: `window` to cut clips longer than the network reads into overlapping windows (Whisper, AST); by
            default such clips fail.
        precision: of the networks' arithmetic, `float32`, `bf16` or `fp16`. It is part of what a vector is, so it never
            depends on the device.
        text: the words that text encoders read, `gold` for those of the corpus, or the name of a transcript that
            `transcribe` has made. Its name is added to that of the feature file: `text-asr` beside `text`.
        engine: `loky`, `dask` or `ray`.
        scheduler: address of a running dask cluster.
        limit: a trial run with each encoder: encode at most this many of the missing utterances, keep them for the next
            run, and estimate the whole. The file is written only if nothing is missing after it.
        paranoid: read the bytes of every clip; by default only of those that may have changed since the last run, by
            their size, times or inode.
        say: receives lines for the user.

    Returns:
        One entry per encoder: its file, how many utterances were encoded, reused and failed, and why.

    Raises:
        BadValue: an unknown device or precision, a scheduler for an engine that has none, an encoder without an
            optional kind, a limit below 1, a context that the encoder does not have or was not fine-tuned with, a
            window, windows over long clips or a precision that it does not have, a transcript for an encoder of audio,
            two encoders of one name, or a text in place of a list of encoders.
        NotFound, UnknownName: the store has no such transcript.
        Mismatch: another window than a checkpoint was fine-tuned with, or a transcript of another manifest, of other
            clips, or not in every shard.
        Problem: as `open_store` and `extract_encoder` raise.

    Example:
        >>> from featurestore import extract
        >>> extract("features/demo", encoders=["egemaps"])  # doctest: +SKIP
    """
    from featurestore.engines import Engine
    from featurestore.extraction.extract import extract_encoder
    from featurestore.extraction.extract_shards import extract_shards
    from featurestore.extraction.trial import check_limit
    from featurestore.networks.device import check_device
    from featurestore.preparation.open_store import open_store
    from featurestore.recognized_words import find_transcript_source
    from featurestore.shards.sharded_store import ShardedStore
    from featurestore.spec import check_list, parse_encoder

    check_limit(limit)
    where = Engine(engine, scheduler=scheduler or "")
    if device:
        check_device(device, here=where.local)
    opened = open_store(Path(store), corpus, Path(root) if root is not None else None, say)
    transcript = find_transcript_source(opened, text)
    given = [parse_encoder(one) for one in check_list(encoders, "encoders")]
    specs = given or _choose_encoders(opened, text=transcript is not None, say=say)
    if all_folds:
        specs = [each for spec in specs for each in _list_fold_encoders(spec)]
    settings: dict[str, Any] = {"context": context, "window": window, "long_clips": long_clips, "precision": precision}
    specs = [replace(spec, name=_name_file(spec.name, transcript), transcript=transcript, **settings) for spec in specs]
    optional = [kind for kind, wanted in (("frames", frames), ("layers", layers)) if wanted]
    identities = _identify_all(specs, optional, say)
    _report_training(identities, opened, say)
    run = (
        functools.partial(extract_shards, opened)
        if isinstance(opened, ShardedStore)
        else functools.partial(extract_encoder, opened)
    )
    return [
        run(
            identity,
            optional=optional,
            jobs=jobs or 0,
            device=device or "",
            max_seconds=max_seconds,
            engine=engine,
            scheduler=scheduler or "",
            limit=limit,
            paranoid=paranoid,
            say=say,
        )
        for identity in identities
    ]


@click.command("extract")
@store_option
@corpus_options
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="[NAME=]CHECKPOINT",
    help="A folder, a hub name, or a hand-made extractor (mfcc, logmel, egemaps, compare); repeatable. Default: the "
    "demo's own on the demo, else text=microsoft/deberta-v3-small and audio=facebook/wav2vec2-base-960h.",
)
@click.option("--all-folds", is_flag=True, help="Each --encoder NAME=FOLDER has a checkpoint per fold: NAME@FOLD.h5.")
@click.option("--frames", is_flag=True, help="Also store every frame (large).")
@click.option("--layers", is_flag=True, help="Also store the mean of every layer.")
@click.option(
    "--context",
    type=click.IntRange(min=0),
    help="Turns of the dialogue before each one that text encoders read with it. Default: as fine-tuned, else 0.",
)
@click.option(
    "--window",
    type=click.Choice(WINDOWS),
    help="What Whisper's encoder reads: 30 s, or the clip and 1 s of silence. Default: as fine-tuned, else 30s.",
)
@click.option(
    "--long-clips",
    type=click.Choice(LONG_CLIPS),
    help="Clips beyond what Whisper or AST reads: fail, or be cut into overlapping windows. Default: fail.",
)
@click.option(
    "--precision",
    type=click.Choice(list(PRECISIONS)),
    default="float32",
    show_default=True,
    help="Of networks. Half precision is faster on a GPU; its vectors are checked against float32, and differ from it.",
)
@click.option(
    "--text",
    default=GOLD,
    metavar="gold|TRANSCRIPT",
    help="Words that text encoders read: gold, those of the corpus, or a transcript of cli transcribe, such as asr, "
    "whose features are NAME-asr beside NAME.",
)
@engine_options
@click.option("--device", help="cpu, cuda, cuda:1, mps. Default: the GPU if there is one.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="Fail longer clips. Default: none.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="A trial run: encode N of the missing utterances, keep them for the next run, and estimate the whole.",
)
@paranoid_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Extract frozen features of every utterance.

    Features that the store already holds are reused; a stopped extraction continues. Exit code 3: finished, but some
    utterances failed.

    \b
    Examples: cli extract
              cli extract --limit 100
              cli extract --store features/mine --corpus table --root mine.csv \\
                --encoder audio=facebook/wav2vec2-base-960h --encoder egemaps
    """
    say(f"extracting features of {', '.join(options['encoders']) or 'the default encoders'} into {options['store']}")
    done = extract(**options)
    print_answer([item.to_json() for item in done], "\n".join(item.summary() for item in done), as_json)
    if any(item.failed for item in done):
        ctx.exit(PARTLY_FAILED)


def _identify_all(specs: "Sequence[EncoderSpec]", optional: Sequence[str], say: Say) -> "list[Identity]":
    """Identify every encoder before the first one runs. Raise BadValue if two have the same name."""
    from featurestore.encoders import identify
    from featurestore.extraction.extract import check_kinds
    from featurestore.networks.reading import describe_reading

    identities = [identify(spec) for spec in specs]
    for spec, identity in zip(specs, identities, strict=True):
        check_kinds(identity, optional)
        _check_context(spec, identity, say)
        for line in describe_reading(spec, identity.description):
            say(f"{identity.name}: {line}")
    by_name: dict[str, list[str]] = {}
    for spec, identity in zip(specs, identities, strict=True):
        by_name.setdefault(identity.name, []).append(spec.checkpoint)
    for name, checkpoints in by_name.items():
        if len(checkpoints) > 1:
            raise BadValue(
                f"{len(checkpoints)} encoders are named {name}; each would overwrite the one before",
                got=", ".join(checkpoints),
                do="give each a name of its own: --encoder NAME=CHECKPOINT",
            )
    return identities


def _report_training(identities: "Sequence[Identity]", store: "Store", say: Say) -> None:
    """Report the encoders whose checkpoints were trained on the store's corpus, by their cards."""
    from featurestore.known_training import find_same_corpus

    for identity in identities:
        for known in find_same_corpus(identity.description, store.info):
            say(f"{identity.name}: {known}")


def _check_context(spec: "EncoderSpec", identity: "Identity", say: Say) -> None:
    """Report the context that a checkpoint was fine-tuned with where none is given, and refuse another one."""
    from featurestore.networks.text_context import read_own_context

    own = read_own_context(identity.checkpoint) if identity.checkpoint else None
    if spec.context is None:
        if identity.context:
            say(f"{identity.name}: --context {identity.context}, as {spec.checkpoint} was fine-tuned")
    elif own is not None and identity.modality == "text" and own != spec.context:
        raise BadValue(
            f"checkpoint {spec.checkpoint} was fine-tuned {f'with --context {own}' if own else 'without context'}",
            expected=f"--context {own}",
            got=f"--context {spec.context}",
            do=f"leave --context out, or fine-tune with --context {spec.context}",
        )


def _list_fold_encoders(spec: "EncoderSpec") -> "list[EncoderSpec]":
    """List the encoders in a folder that `cli finetune --all-folds` or `--crossfit` wrote."""
    from featurestore.networks.checkpoint import RECORD
    from featurestore.spec import EncoderSpec

    folders = sorted(path.parent for path in Path(spec.checkpoint).glob(f"*/{RECORD}"))
    if not folders or not spec.name:
        raise BadValue(
            f"no encoders per fold in {spec.checkpoint}" if spec.name else f"encoder {spec.checkpoint} has no name",
            expected="NAME=FOLDER with one checkpoint per fold",
            do="cli finetune --all-folds --out FOLDER, then cli extract --all-folds --encoder NAME=FOLDER",
        )
    return [EncoderSpec(f"{spec.name}@{folder.name}", str(folder)) for folder in folders]


def _name_file(name: str, transcript: "TranscriptSource | None") -> str:
    """Add the name of a transcript to that of a feature file, in front of a fold: `text@1` becomes `text-asr@1`."""
    if transcript is None:
        return name
    encoder, at, fold = (name or "text").partition("@")
    ending = f"-{transcript.name}"
    return f"{encoder.removesuffix(ending)}{ending}{at}{fold}"


def _choose_encoders(store: "Store", *, text: bool, say: Say) -> "list[EncoderSpec]":
    """Choose the default encoders, those of text alone where a transcript is named."""
    from featurestore.finetuning import demo_encoders
    from featurestore.spec import parse_encoder

    is_demo = store.corpus == "demo"
    found = demo_encoders.prepare_demo_encoders(store, say) if is_demo else list(map(parse_encoder, DEFAULT_ENCODERS))
    return [spec for spec in found if spec.name == "text"] if text else found
