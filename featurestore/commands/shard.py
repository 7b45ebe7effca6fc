"""`cli shard`: cut a store into shards of a manifest range, with its features."""

from pathlib import Path

import click

from featurestore.console import json_option, print_answer, say

RESUMES = True  # a command that was stopped continues when it is called again


@click.command("shard")
@click.argument("store", type=click.Path(path_type=Path, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--rows", type=click.IntRange(min=1), default=1_000_000, help="Utterances of a shard, at most.")
@json_option
def command(store: Path, out: Path, rows: int, as_json: bool) -> None:
    """Cut a store into shards, with its features.

    Each shard is an ordinary store of a range of the manifest. OUT is used like a store: extraction goes over all
    shards, and whatever reads features reads them as one. The vectors are copied, not computed again; STORE stays as it
    is. Turns of a dialogue that follow each other stay together.

    \b
    Example: cli shard features/calls features/calls-shards --rows 500000
    """
    from featurestore.shards.cut_store import cut_store

    say(f"cutting {store} into shards of at most {rows:,} utterances in {out}")
    done = cut_store(store, out, rows, say)
    print_answer(done.to_json(), done.summary(), as_json)
