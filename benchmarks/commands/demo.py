"""`cli demo`: run the whole chain on the embedded demo corpus."""

from pathlib import Path

import click

from featurestore.console import json_option, print_answer, say, store_option

RESUMES = True  # a command that was stopped continues when it is called again


@click.command("demo")
@store_option
@json_option
def command(store: Path, as_json: bool) -> None:
    """Run everything on the embedded demo corpus.

    The demo is synthetic speech: it proves the pipeline, not the science. A second run reuses the files of the first.

    \b
    Example: cli demo
    """
    say(f"making the demo in {store}: corpus, encoders, heads and benchmarks")
    from benchmarks.demo import run_demo  # after the first line, because it loads scikit-learn

    result = run_demo(store, say=say)
    print_answer(result.to_json(), result.table(), as_json)
