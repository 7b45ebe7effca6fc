"""`cli prepare`: read a corpus into the manifest of a store."""

import json
from pathlib import Path

import click

from featurestore.console import column_option, json_option, print_answer, say, store_option


@click.command("prepare")
@click.argument("corpus")
@click.argument("root", required=False, type=click.Path(path_type=Path))
@store_option
@click.option("--name", default="", show_default=False, help="Name of your own data in results. Default: CORPUS.")
@column_option
@click.option(
    "--shard-rows",
    type=click.IntRange(min=1),
    metavar="N",
    help="Cut a very large corpus into shards of at most N utterances. Default: as the store is cut already.",
)
@json_option
def command(
    corpus: str,
    root: Path | None,
    store: Path,
    name: str,
    columns: tuple[str, ...],
    shard_rows: int | None,
    as_json: bool,
) -> None:
    """Read a corpus into a manifest and report irregularities.

    CORPUS is a name from `cli list corpora`, or `auto` to recognize the corpus by the names of its files. ROOT is the
    folder of the release, for `table` a CSV, TSV or JSONL file, or for `audformat` and `hugging-face` also a name on
    their servers. In a table, start and end (in seconds) select a segment of the row's audio.

    \b
    Examples: cli prepare iemocap /data/IEMOCAP_full_release --store features/iemocap
              cli prepare table calls.csv --name calls --column label=emotion --column audio=path \\
                --store features/calls
    """
    from featurestore.corpora.table import parse_columns
    from featurestore.preparation.prepare import prepare

    say(f"preparing {store}: corpus {corpus}{f' at {root}' if root else ''}")
    prepared = prepare(corpus, root, store, name=name, columns=parse_columns(columns), shard_rows=shard_rows)
    print_answer(json.loads((store / "corpus.json").read_text("utf-8")), prepared.summary(), as_json)
