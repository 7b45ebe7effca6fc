"""`cli finetune`: fine-tune an encoder on the training part of a fold."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurestore.console import SEED, cluster_options, json_option, labels_option, print_answer, say, store_option
from featurestore.finetuning.options.settings import CLASS_WEIGHTS, FREEZE_ALL, PRECISION_CHOICES, SCHEDULES, SELECTIONS
from featurestore.progress import Say
from featurestore.spec import WHOLE_WINDOW, WINDOWS

_COUNT, _ABOVE_0 = click.IntRange(min=1), click.FloatRange(min=0, min_open=True)
_OWN = "Default: the checkpoint's own (SpecAugment)."
# Title of a group of options, by the name of its first one.
_GROUPS = {
    "epochs": "Training",
    "augment": "Variation of training clips",
    "freeze": "Weights that are trained, and their loss",
    "dev": "Choice of the epoch",
    "device": "Device and memory",
    "tensorboard": "Output",
}

if TYPE_CHECKING:
    from featurestore.finetuning.finetune import FineTuned

RESUMES = True  # a command that was stopped continues when it is called again


def finetune(
    store: str | Path,
    *,
    modality: str,
    checkpoint: str,
    out: str | Path,
    labels: str | None = None,
    protocol: str = "holdout",
    fold: str | None = None,
    all_folds: bool = False,
    crossfit: int = 0,
    jobs: int | None = None,
    engine: str = "loky",
    scheduler: str | None = None,
    say: Say = say,
    **settings: Any,
) -> "list[FineTuned]":
    """Fine-tune an encoder on the training part of a fold, or one encoder per fold.

    Args:
        store: the folder; its manifest and audio are used.
        modality: `audio` or `text`.
        checkpoint: a folder or hub name to start from.
        out: the folder of the checkpoint, or of several.
        labels: label scheme; by default the corpus's own.
        protocol: its registry name.
        fold: its name; needed if the protocol has several folds and not all are used.
        all_folds: fine-tune one encoder per fold, in `out/FOLD`.
        crossfit: number K of further encoders per fold for cross-fitted logits; 0 for none.
        jobs: folds that are fine-tuned at once, on this machine each in a process with its share of the cores; by
            default one here, and one for each core where a dask or ray cluster is started here.
        engine: `loky` (this machine), or `dask` or `ray`, where each worker fine-tunes one fold.
        scheduler: address of a running dask cluster.
        say: receives lines for the user.
        settings: fields of `featurestore.finetuning.options.settings.Settings`, such as `epochs`, `learning_rate` and
            `seed`.

    Returns:
        One entry per encoder: its folder and its record, the content of `finetune.json`.

    Raises:
        Problem: as `featurestore.finetuning.by_fold.finetune_folds` raises.

    Example:
        >>> from featurestore import finetune
        >>> finetune("features/demo", modality="text", checkpoint="start", out="tuned")  # doctest: +SKIP
    """
    from featurestore.engines import Engine
    from featurestore.finetuning.by_fold import finetune_folds
    from featurestore.store import Store

    return finetune_folds(
        Store(Path(store)),
        modality=modality,
        checkpoint=checkpoint,
        out=Path(out),
        labels=labels,
        protocol=protocol,
        fold=fold,
        all_folds=all_folds,
        crossfit=crossfit,
        engine=Engine(engine, jobs or (1 if engine == "loky" else 0), scheduler or ""),
        say=say,
        **settings,
    )


class WordOrCount(click.ParamType[int | None]):
    """Read a whole number, or a word that stands for a value.

    Args:
        word: such as `auto`.
        meaning: its value.
        least: the smallest number.
    """

    def __init__(self, word: str, meaning: int | None, least: int) -> None:
        self.word, self.meaning, self.least = word, meaning, least
        self.name = f"{word}|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Return the number, or the value of the word."""
        if value in (self.word, self.meaning):
            return self.meaning
        try:
            return click.IntRange(min=self.least).convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is neither {self.word} nor a whole number from {self.least}", param, ctx)


class _Grouped(click.Command):
    """Show the options in groups, each from its first option on."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        title, rows = "Options", list[tuple[str, str]]()
        for parameter in self.get_params(ctx):
            if parameter.name in _GROUPS:
                self._write(formatter, title, rows)
                title, rows = _GROUPS[parameter.name], []
            row = parameter.get_help_record(ctx)
            rows += [row] if row else []
        self._write(formatter, title, rows)

    @staticmethod
    def _write(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
        with formatter.section(title):
            formatter.write_dl(rows)


@click.command("finetune", cls=_Grouped)
@store_option
@click.option("--modality", type=click.Choice(["audio", "text"]), required=True, help="What the encoder reads.")
@click.option("--checkpoint", required=True, help="Folder or hub name to start from.")
@labels_option
@click.option("--protocol", default="holdout", help="Protocol that splits the corpus; a fold's training part is used.")
@click.option("--fold", help="Fold of the protocol; not needed if there is only one.")
@click.option("--all-folds", is_flag=True, help="Fine-tune one encoder per fold, in OUT/FOLD.")
@click.option(
    "--crossfit", type=int, default=0, help="Also fine-tune K encoders per fold for cross-fitted logits, OUT/FOLD-x1 …"
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
@click.option(
    "--jobs",
    type=_COUNT,
    help="Folds at once, each in a process with its share of the cores. Default: 1; with dask or ray: cores.",
)
@cluster_options
@click.option("--epochs", type=_COUNT, default=9, help="Passes over the training part.")
@click.option("--learning-rate", type=_ABOVE_0, default=2e-5, help="Peak rate of AdamW, of the classifier.")
@click.option("--schedule", type=click.Choice(SCHEDULES), default="linear", help="Fall of the rate after warm-up.")
@click.option("--warmup-steps", type=click.IntRange(min=0), default=0, help="Steps of linear warm-up.")
@click.option("--weight-decay", type=click.FloatRange(min=0), default=0.0, help="Weight decay of AdamW.")
@click.option("--batch-size", type=_COUNT, default=32, help="Utterances per step.")
@click.option("--freeze-front/--train-front", default=True, help="Freeze the convolutions of an audio network.")
@click.option(
    "--window",
    type=click.Choice(WINDOWS),
    default=WHOLE_WINDOW,
    help="What Whisper reads: 30 s, or the clip and 1 s of silence.",
)
@click.option(
    "--context",
    type=click.IntRange(min=0),
    default=0,
    help="Turns of the dialogue before each one that a text encoder reads with it.",
)
@click.option(
    "--ctc-weight",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Weight of a CTC loss on the transcripts, for an audio CTC checkpoint; 0.1 as published.",
)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    help="Seed of folds, dev part, new weights, order of batches, dropout and --augment.",
)
@click.option("--freeze", type=WordOrCount("all", FREEZE_ALL, 0), default=0, help="Layers to freeze from the input up.")
@click.option(
    "--layer-decay",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    help="Rate of a layer as a share of the rate above it.",
)
@click.option(
    "--lora", type=click.IntRange(min=0), default=0, help="Train adapters of this rank and merge them. 0: none."
)
@click.option(
    "--lora-alpha",
    type=click.FloatRange(min=0, min_open=True),
    help="Scale of the adapters times their rank. Default: twice the rank.",
)
@click.option(
    "--class-weights",
    type=click.Choice(CLASS_WEIGHTS),
    default="none",
    help="Weights of the classes in the loss; balanced: n / (classes x n of the class).",
)
@click.option(
    "--label-smoothing",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    help="Share of each label spread over all classes.",
)
@click.option(
    "--augment",
    default="",
    show_default="none",
    metavar="LIST",
    help="Vary training clips, each effect in half of them: of speed (0.9 to 1.1), noise (10 to 30 dB SNR), gain "
    "(-6 to 6 dB), separated by commas.",
)
@click.option("--mask-time", type=click.FloatRange(0, 1), help=f"Share of a clip's frames that are masked. {_OWN}")
@click.option("--mask-time-length", type=click.IntRange(min=1), help=f"Frames of one such mask. {_OWN}")
@click.option("--mask-features", type=click.FloatRange(0, 1), help=f"Share of the channels that are masked. {_OWN}")
@click.option("--mask-features-length", type=click.IntRange(min=1), help=f"Channels of one such mask. {_OWN}")
@click.option(
    "--dev",
    type=click.FloatRange(0, 0.5),
    default=0.1,
    help="Share of training set aside as dev, where the fold has no dev part; 0: no dev part.",
)
@click.option(
    "--select",
    type=click.Choice(SELECTIONS),
    default="best-dev",
    help="Epoch to keep: the one with the best unweighted average recall on dev, or the last.",
)
@click.option(
    "--patience",
    type=click.IntRange(min=0),
    default=0,
    help="Stop after so many epochs without a better score on dev; 0: never.",
)
@click.option("--device", help="cpu, cuda, cuda:1 or mps. Default: a GPU where there is one.")
@click.option(
    "--processes",
    type=_COUNT,
    default=1,
    help="Processes that share every batch: each on a GPU of its own (cuda:0 …), or of one thread each on a CPU.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISION_CHOICES),
    default="auto",
    help="Arithmetic; auto: bf16 on a GPU that has it, else float32.",
)
@click.option(
    "--micro-batch",
    type=WordOrCount("auto", None, 1),
    default="auto",
    help="Utterances in memory at once, at most; auto: as many as fit.",
)
@click.option(
    "--accumulate",
    type=click.IntRange(min=0),
    default=0,
    help="Cut each batch into N parts, instead of --micro-batch; 0: not.",
)
@click.option(
    "--gradient-checkpointing",
    is_flag=True,
    help="Compute activations twice instead of keeping them: less memory, more time.",
)
@click.option(
    "--max-seconds",
    type=_ABOVE_0,
    help="Leave longer clips out and name them. Default: those that do not fit into memory.",
)
@click.option("--cache/--no-cache", default=True, help="Keep decoded clips in OUT.parts until training ends.")
@click.option(
    "--workers",
    type=WordOrCount("auto", None, 0),
    default="auto",
    help="Processes that prepare clips. auto: none on a CPU, up to 4 beside a GPU.",
)
@click.option("--tensorboard", type=click.Path(file_okay=False), help="Also write TensorBoard's event files here.")
@json_option
def command(**options: Any) -> None:
    """Fine-tune an encoder on the training part of a fold.

    A stopped run continues when started again. The dev part chooses the epoch, the test part is scored once at the end.
    The checkpoint records the utterances that it was fine-tuned on, dev included; an evaluation on any is refused.

    \b
    Examples: cli finetune --store features/iemocap --modality text \\
                --checkpoint microsoft/deberta-v3-small --out checkpoints/text
              cli finetune --store features/iemocap --modality text --protocol leave-one-session-out --all-folds \\
                --crossfit 4 --checkpoint microsoft/deberta-v3-small --out checkpoints/text-by-session \\
                --engine dask --scheduler tcp://host:8786
    """
    as_json = options.pop("as_json")
    several = options["all_folds"] or options["crossfit"]
    store = options.pop("store")
    say(f"fine-tuning {options['checkpoint']} on {store}, protocol {options['protocol']}, into {options['out']}")
    found = finetune(store, **options)
    records = [dict(one.record) for one in found]
    print_answer(records if several else records[0], "\n".join(one.summary() for one in found), as_json)
