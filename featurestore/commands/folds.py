"""`cli folds`: show how a protocol splits a corpus."""

from pathlib import Path
from typing import Any

import click

from featurestore.console import SEED, json_option, labels_option, print_answer, store_option


@click.command("folds")
@store_option
@click.option("--protocol", default="holdout", help="A name from `cli list protocols`.")
@labels_option
@click.option("--seed", type=SEED, default=0, help="Seed of protocols that draw.")
@click.option("--dev", is_flag=True, help="Also split a dev part from training, by the same groups.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every fold's ids to this file.")
@json_option
def command(as_json: bool, **options: Any) -> None:
    """Show how a protocol splits a corpus.

    \b
    Example: cli folds --protocol speaker-kfold --dev --out folds.json
    """
    from featurestore.folds.fold_report import report_folds

    found = report_folds(**options)
    print_answer(found.to_json(), found.summary(), as_json)
