"""`cli doctor`: check what works on this machine."""

from pathlib import Path

import click

from featurestore.console import json_option, print_answer, say, store_option


@click.command("doctor")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, store: Path, as_json: bool) -> None:
    """Check what works on this machine: packages, GPU, memory, the store's disk, the hub.

    Nothing is changed. Each line is ok, missing (and optional) or broken, with what mends it. Exit code 1: something
    that is required does not work.

    \b
    Examples: cli doctor
              cli doctor --store /data/features/mine --json
    """
    from featurestore.diagnosis.diagnose import diagnose

    say("checking packages, GPU, memory, disk and hub, which takes some seconds")
    found = diagnose(store)
    print_answer(found.to_json(), found.summary(), as_json)
    if not found.is_working:
        ctx.exit(1)
