"""`cli import`: import features that another program made into a store."""

from pathlib import Path
from typing import Any

import click

from featurestore.console import (
    PARTLY_FAILED,
    json_option,
    paranoid_option,
    print_answer,
    say,
    split_list,
    store_option,
)

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("import")
@click.argument("file", type=_FILE)
@store_option
@click.option("--name", required=True, help="Name of the feature file and of its features, NAME.KIND.")
@click.option(
    "--modality",
    type=click.Choice(["audio", "text"]),
    help="Input of the encoder that made the features. Default: as --name or --array says, if it is audio or text.",
)
@click.option(
    "--kind",
    type=click.Choice(["mean", "std", "cls", "logits", "layers", "functionals", "frames"]),
    help="Kind of features. Default: frames where rows differ in length, else mean.",
)
@click.option("--array", metavar="NAME", help="Array, or column of lists, with the features, if there are several.")
@click.option("--ids", type=_FILE, help="Utterance id of each row, one a line or a JSON list; for .npy.")
@click.option("--id-column", metavar="NAME", help="Column or array of ids. Default: id, name, file, utterance_id.")
@click.option("--classes", metavar="A,B", help="Classes of --kind logits. Default: the names of the columns.")
@click.option(
    "--trained-on",
    type=_FILE,
    help="Ids of the utterances that the encoder was trained on; an empty file: none. Default: unknown, which every "
    "figure says.",
)
@paranoid_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, classes: str | None, **options: Any) -> None:
    """Import features of another program.

    Reads .npy, .npz, .csv, .tsv, .parquet, .h5, and pickles of MMSA-FET, of IEMOCAP or of a dictionary by id, without
    running code. Rows are matched by utterance id. A file that was imported before and has not changed is left alone.
    Exit code 3: imported, but some utterances of the store are not in the file.

    \b
    Examples: cli import emotion2vec.npz --name emotion2vec --modality audio
              cli import features.npy --ids ids.txt --name audio --kind frames --store features/mine
              cli import MMSA.pkl --name bert --array text --trained-on train_ids.txt
    """
    from featurestore.importing.import_features import import_features

    chosen = split_list("--classes", classes, str) if classes else ()
    say(f"importing {options['file']} as {options['name']} into {options['store']}")
    done = import_features(**options, classes=chosen, say=say)
    print_answer(done.to_json(), done.summary(), as_json)
    if done.missing:
        ctx.exit(PARTLY_FAILED)
