"""`cli explain`: show where one vector comes from."""

from pathlib import Path

import click

from featurestore.console import json_option, print_answer


@click.command("explain")
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("utterance_id", metavar="ID")
@click.argument("feature")
@json_option
def command(store: Path, utterance_id: str, feature: str, as_json: bool) -> None:
    """Show where one vector comes from, and whether it is fresh.

    \b
    Example: cli explain features/demo UTTERANCE audio.mean
    """
    from featurestore.inspection.describe import render
    from featurestore.inspection.explain import explain

    explained = explain(store, utterance_id, feature)
    print_answer(explained, render(explained), as_json)
