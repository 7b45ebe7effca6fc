"""`cli benchmark`: compare heads and features by one protocol."""

from pathlib import Path
from typing import Any

import click

from featurestore.console import (
    SEED,
    accept_old_name,
    agreement_option,
    engine_options,
    json_option,
    labels_option,
    leakage_options,
    modality_dropout_option,
    print_answer,
    say,
    search_options,
    split_list,
    store_option,
    stream_option,
    target_option,
)

RESUMES = True  # a command that was stopped continues when it is called again
LISTS = {
    "heads": click.STRING,
    "normalize": click.STRING,
    "logits": click.STRING,
    "missing": click.STRING,
    "train_on": click.STRING,
    "seeds": SEED,
}


@click.command("benchmark")
@store_option
@click.option(
    "--heads",
    required=True,
    help="Comma-separated: names from `cli list heads`, dotted paths of scikit-learn classifiers; of regressors with "
    "--target.",
)
@click.option(
    "--features",
    help="Comma-separated feature sets: text, audio, both, embeddings, logits, layers, or features joined by +, such "
    "as audio.mean+text.mean or means=audio.mean+text.mean. Default: one set of every default feature.",
)
@labels_option
@target_option
@click.option("--protocol", default="holdout", help="A name from `cli list protocols`.")
@click.option("--fold", help="Run only this fold.")
@click.option(
    "--seeds", default="0", help="Seeds for stochastic heads, comma-separated; see --split-seed for the split."
)
@click.option("--split-seed", type=SEED, default=0, help="Seed of the split; the one that encoders were fine-tuned on.")
@click.option("--normalize", default="none", help="Comma-separated: none, global, speaker.")
@click.option(
    "--logits",
    default="cross-fitted",
    help="Comma-separated: cross-fitted (if the store has them), cross-fitted-mean (in test, the mean of the K "
    "encoders), in-sample.",
)
@click.option(
    "--missing",
    default="drop",
    help="Utterances that lack the text or the audio: drop leaves them out; mask keeps them, with an indicator for "
    "each modality; both-trained also learns from each modality alone. The last two, or mask,both-trained, measure "
    "every head without each modality.",
)
@modality_dropout_option
@click.option(
    "--train-on",
    default="labels",
    help="Comma-separated: labels (one class for each utterance), votes (soft labels: the share of the raters' votes "
    "that each class has, by heads that can).",
)
@agreement_option
@click.option(
    "--metric",
    default="unweighted_average_recall",
    help="Headline metric: accuracy, unweighted_average_recall, macro_f1 or weighted_f1. Systems are ranked and "
    "compared by it, and --search chooses by it. With --target: mean_concordance_correlation (the default there), "
    "valence_concordance_correlation, valence_pearson_correlation and so on.",
)
@click.option("--param", "params", multiple=True, metavar="HEAD.NAME=VALUE", help="A setting of a head; repeatable.")
@search_options
@stream_option
@accept_old_name("--tune", "--search", type=click.IntRange(min=0))
@accept_old_name("--tune-parts", "--inner-folds", type=click.IntRange(1, 5))
@click.option(
    "--permute",
    is_flag=True,
    help="Also measure permutation importance: permute the text, or the audio, of the test utterances.",
)
@accept_old_name("--shuffle", "--permute", is_flag=True)
@click.option(
    "--train-sizes",
    metavar="0.1,0.25,0.5",
    help="Also fit every head on these train sizes, parts of the training part: a learning curve.",
)
@accept_old_name("--shares", "--train-sizes")
@click.option(
    "--flaws",
    is_flag=True,
    help="Also run every system under the flaws of published protocols, as controls: random-utterance, "
    "dialogue-letter, paper-tail, and the epoch chosen on test.",
)
@click.option("--test-store", type=click.Path(path_type=Path, file_okay=False), help="Test store for cross-corpus.")
@click.option("--test-labels", help="Label scheme of the test store, or a JSON file of code to class (null drops it).")
@engine_options
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the results.")
@leakage_options
@json_option
def command(as_json: bool, target: str | None, **options: Any) -> None:
    """Compare heads and features, and write a report.

    Every run's predictions are written when it ends. The same command continues a stopped benchmark, and finished runs
    are not repeated.

    \b
    Examples: cli benchmark --heads prior,svm,mlp --features text,audio,both --seeds 0,1,2 --out results
              cli benchmark --heads svm,mlp --features both --permute --train-sizes 0.1,0.25,0.5 --out results
              cli benchmark --heads svm,mlp --protocol speaker-kfold --flaws --out results
              cli benchmark --store features/iemocap --heads prior,ridge,mlp --target valence,activation --out results
              cli benchmark --heads svm,mlp --missing mask,both-trained --out results
              cli benchmark --heads svm,mlp --engine dask --scheduler tcp://host:8786 --out /shared/results
    """
    where = {name: options.pop(name) for name in ("store", "out", "test_store", "test_labels")}
    where |= {name: options.pop(name) for name in ("jobs", "engine", "scheduler")}
    for name, kind in LISTS.items():
        options[name] = split_list(f"--{name.replace('_', '-')}", options[name], kind)
    sizes = options["train_sizes"]
    options["train_sizes"] = split_list("--train-sizes", sizes, click.FLOAT) if sizes is not None else ()
    heads, features = ", ".join(options["heads"]), options["features"] or "the default features"
    aim = f", target {target}" if target else ""
    say(
        f"comparing {heads} on {features} of {where['store']}, protocol {options['protocol']}{aim}, into {where['out']}"
    )
    from benchmarks.compare import compare  # after the first line, because it loads scikit-learn
    from benchmarks.evaluation.value_targets import parse_targets
    from benchmarks.grid.config import BenchmarkConfig

    config = BenchmarkConfig.parse(**options, target=parse_targets(target))
    content, text = compare(config=config, **where, say=say)
    print_answer(content, text, as_json)
