"""`cli export`: export features of a store for other programs."""

from pathlib import Path
from typing import Any

import click

from featurestore.console import json_option, labels_option, print_answer, say, split_list, store_option


@click.command("export")
@store_option
@click.option(
    "--features",
    help="Comma-separated, such as audio.mean,audio.frames. Default: mean (or functionals) and logits of all encoders.",
)
@labels_option
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path),
    help="FILE.npz, FILE.parquet, or a folder for a Hugging Face dataset.",
)
@json_option
def command(as_json: bool, features: str | None, **options: Any) -> None:
    """Export features for other programs.

    A row for each utterance that has every feature, in manifest order, with its id, class, speaker and so on. Values
    are those of the store, to the bit. Frames are lists of vectors in Parquet, and the arrays value and offset in .npz.

    \b
    Examples: cli export --features audio.mean,text.mean --to features.npz
              cli export --features audio.frames --labels iemocap-4 --to exports/iemocap
    """
    from featurestore.exporting.export_features import export_features

    chosen = split_list("--features", features, str) if features is not None else None
    say(f"exporting {features or 'the default features'} of {options['store']} to {options['to']}")
    done = export_features(**options, features=chosen, say=say)
    print_answer(done.to_json(), done.summary(), as_json)
