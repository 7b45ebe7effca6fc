"""`cli fit-head`: fit a head, measure it and save its bundle."""

from pathlib import Path
from typing import Any

import click

from featurestore.console import (
    SEED,
    agreement_option,
    json_option,
    labels_option,
    leakage_options,
    modality_dropout_option,
    print_answer,
    say,
    search_options,
    store_option,
    stream_option,
    target_option,
)


@click.command("fit-head")
@store_option
@click.option(
    "--head",
    required=True,
    help="A name from `cli list heads`, or the dotted path of a scikit-learn classifier; of a regressor with --target.",
)
@click.option(
    "--features",
    help="Comma-separated, such as audio.mean,text.mean. Default: mean (or functionals) and logits of every encoder.",
)
@labels_option
@target_option
@click.option("--protocol", default="holdout", help="A name from `cli list protocols`.")
@click.option("--fold", help="Fit only this fold.")
@click.option("--seed", type=SEED, default=0, help="Seed of the split and of the head.")
@click.option(
    "--normalize",
    type=click.Choice(["none", "global", "speaker"]),
    default="none",
    help="Scale each column to mean 0 and standard deviation 1: global, over the training part; speaker, over the "
    "clips of each speaker. The latter needs many clips per speaker and writes no bundle.",
)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A setting of the head; repeatable.")
@click.option(
    "--missing",
    type=click.Choice(["drop", "mask", "both-trained"]),
    default="drop",
    help="Utterances that lack the text or the audio: drop leaves them out; mask keeps them, with an indicator for "
    "each modality; both-trained also learns from each modality alone. The last two measure the head without each.",
)
@modality_dropout_option
@search_options
@stream_option
@click.option(
    "--train-on",
    type=click.Choice(["labels", "votes"]),
    default="labels",
    help="labels: one class for each utterance; votes: soft labels, the share of the raters' votes that each class "
    "has, by heads that can (logistic, mlp and most networks).",
)
@agreement_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the bundle. Default: STORE/bundles/HEAD, or HEAD-TARGET.",
)
@leakage_options
@json_option
def command(as_json: bool, target: str | None, **options: Any) -> None:
    """Fit a head, print its metrics, write a bundle.

    Metrics are measured on the test part of each fold, and checks that fail are listed below them. `cli predict` takes
    the bundle.

    \b
    Examples: cli fit-head --head mlp
              cli fit-head --head svm --features audio.mean,text.mean --param C=10 \\
                --protocol leave-one-speaker-out
              cli fit-head --head svm --search 8
              cli fit-head --head ridge --store features/iemocap --target valence,activation
              cli fit-head --head mlp --missing both-trained
    """
    from featurestore.store import Store

    store = Store(options.pop("store"))
    features = options["features"] or "the default features"
    aim = f", target {target}" if target else ""
    say(f"fitting {options['head']} to {features} of {store.path}, protocol {options['protocol']}{aim}")
    from benchmarks.evaluation.value_targets import parse_targets
    from benchmarks.fitting.fit import fit_and_save  # after the first line, because it loads scikit-learn

    fitted = fit_and_save(store, targets=parse_targets(target), **options, say=say)
    print_answer(fitted.to_json(), fitted.table(), as_json)
