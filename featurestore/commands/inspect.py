"""`cli inspect`: show what a store, feature file, bundle or checkpoint holds."""

from pathlib import Path

import click

from featurestore.console import json_option, print_answer


@click.command("inspect")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@json_option
def command(path: Path, as_json: bool) -> None:
    """Show a store, feature file, bundle or checkpoint.

    \b
    Example: cli inspect features/demo/audio.h5
    """
    from featurestore.inspection.describe import describe, render

    content = describe(path)
    print_answer(content, render(content), as_json)
