"""Share options and output between the commands of the command line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

PARTLY_FAILED = 3  # exit code: finished, but some utterances failed
SEED = click.IntRange(0, 2**32 - 1)  # what NumPy and scikit-learn take
SEED.name = "whole number"  # in messages

Command = TypeVar("Command", bound=Callable[..., Any])


class _Folder(click.Path):
    """Read the path of a folder, and expand `~`, which most shells leave as it is in `--store=~/features`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return Path(os.fsdecode(super().convert(os.path.expanduser(value), param, ctx)))


def store_option(function: Command) -> Command:
    """Add `--store`."""
    return click.option(
        "--store",
        type=_Folder(file_okay=False),
        envvar="FEATURESTORE",
        default="features/demo",
        show_envvar=True,
        help="Folder of the feature store.",
    )(function)


def json_option(function: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(function)


def paranoid_option(function: Command) -> Command:
    """Add `--paranoid`, for commands that read clips only where they may have changed."""
    return click.option(
        "--paranoid",
        is_flag=True,
        help="Read the bytes of every clip. Default: only where size, times or inode differ from the last run.",
    )(function)


def labels_option(function: Command) -> Command:
    """Add `--labels`."""
    return click.option(
        "--labels",
        help="Label scheme, or a JSON file that maps codes to classes (null drops a code). Default: the corpus's own.",
    )(function)


def target_option(function: Command) -> Command:
    """Add `--target`."""
    return click.option(
        "--target",
        metavar="valence,activation,dominance",
        help="Predict these values in place of classes, by a regressor (`cli list regressors`). Utterances without all "
        "of them are left out. Default: classes.",
    )(function)


def column_option(function: Command) -> Command:
    """Add `--column`, for commands that read a table."""
    return click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="COLUMN=NAME",
        help="The table's name for a column (label, audio, text, speaker …) where it differs; repeatable.",
    )(function)


def corpus_options(function: Command) -> Command:
    """Add `--corpus` and `--root`, for commands that prepare a store which has no manifest."""
    return _add(
        function,
        click.option("--corpus", help="Prepare this corpus first if the store has no manifest."),
        click.option("--root", type=click.Path(path_type=Path), help="Folder of that corpus."),
    )


def search_options(function: Command) -> Command:
    """Add `--search` and `--inner-folds`."""
    draws, folds = click.IntRange(min=0), click.IntRange(1, 5)
    return _add(
        function,
        click.option(
            "--search",
            type=draws,
            default=0,
            help="Search hyper-parameters: try the head's own and N drawn settings on inner folds of training.",
        ),
        click.option(
            "--inner-folds",
            type=folds,
            default=5,
            help="Inner folds of --search: 1 is faster, 5 chooses better.",
        ),
        accept_old_name("--search-parts", "--inner-folds", type=folds),
    )


def stream_option(function: Command) -> Command:
    """Add `--stream`."""
    return _add(
        function,
        click.option(
            "--stream",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="Read rows in batches, by heads that can (logistic, mlp, svm, xgb): auto, where the matrix takes more "
            "than an eighth of the free memory; always; never.",
        ),
    )


def agreement_option(function: Command) -> Command:
    """Add `--agreement`."""
    return click.option(
        "--agreement",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="SHARE",
        help="Use only utterances whose most voted class has more than this share of the raters, in training and in "
        "test: 0.5 for a majority. Default: every utterance.",
    )(function)


def leakage_options(function: Command) -> Command:
    """Add `--allow-leakage` and `--allow-degenerate`."""
    return _add(
        function,
        click.option(
            "--allow-leakage",
            is_flag=True,
            help="Evaluate even if an encoder was fine-tuned on test utterances; marks every figure.",
        ),
        click.option(
            "--allow-degenerate",
            is_flag=True,
            help="Normalize by speaker even if most test speakers have one class, so that the mean gives it away.",
        ),
    )


def engine_options(function: Command) -> Command:
    """Add `--jobs`, `--engine` and `--scheduler`, for commands whose work may run on a cluster."""
    jobs = click.IntRange(min=1)
    return _add(
        function,
        click.option("--jobs", type=jobs, help="Worker processes of one thread each. Default: cores."),
        cluster_options,
    )


def modality_dropout_option(function: Command) -> Command:
    """Add `--modality-dropout`."""
    return click.option(
        "--modality-dropout",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.5,
        metavar="RATE",
        help="Of --missing both-trained: the part of the complete training utterances that loses one modality, half of "
        "them the text and half the audio.",
    )(function)


def cluster_options(function: Command) -> Command:
    """Add `--engine` and `--scheduler`."""
    return _add(
        function,
        click.option(
            "--engine",
            type=click.Choice(["loky", "dask", "ray"]),
            default="loky",
            help="loky: processes on this machine; dask, ray: a cluster.",
        ),
        click.option("--scheduler", metavar="tcp://HOST:PORT", help="A running dask scheduler; for ray: $RAY_ADDRESS."),
    )


def accept_old_name(old: str, new: str, **attributes: Any) -> Callable[[Command], Command]:
    """Accept an option under its old name: hidden, with a line that names the new one.

    Args:
        old: such as `--shuffle`.
        new: such as `--permute`.
        attributes: of the option, as `click.option` takes them.
    """

    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.params[new.removeprefix("--").replace("-", "_")] = value

    return click.option(
        old, hidden=True, deprecated=f"Use {new}.", expose_value=False, default=None, callback=keep, **attributes
    )


def say(line: str) -> None:
    """Print a line of progress to standard error. Standard output holds the answer alone."""
    click.echo(line, err=True)


def print_answer(content: Any, text: str, as_json: bool) -> None:
    """Print the answer, as JSON for a program or as text for a person."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False) if as_json else text)


def split_list(option: str, text: str, kind: Callable[[str], Any]) -> tuple[Any, ...]:
    """Split a comma-separated option into its items, each once.

    Raises:
        click.BadParameter: an item that `kind` refuses, or no item at all.
    """
    try:
        found = tuple(dict.fromkeys(kind(item.strip()) for item in text.split(",") if item.strip()))
    except click.BadParameter as error:
        raise click.BadParameter(f"in the list {text!r}, {error.message}", param_hint=option) from None
    if not found:
        raise click.BadParameter("the list is empty", param_hint=option)
    return found


def _add(function: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        function = option(function)
    return function
