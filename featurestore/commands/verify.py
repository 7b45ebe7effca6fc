"""`cli verify`: check every checksum of a store, and re-encode a sample."""

from pathlib import Path

import click

from featurestore.console import SEED, json_option, print_answer, say


@click.command("verify")
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--sample", type=click.IntRange(min=0), default=0, help="Re-encode N utterances per encoder.")
@click.option("--seed", type=SEED, default=0, help="Seed that chooses these utterances.")
@click.option(
    "--repair",
    is_flag=True,
    help="Repair feature files that other programs changed (left open for writing, added to, changed the layout of), "
    "if every checksum matches.",
)
@json_option
@click.pass_context
def command(ctx: click.Context, /, store: Path, sample: int, seed: int, repair: bool, as_json: bool) -> None:
    """Check every checksum of a store, and re-encode a sample.

    Without --repair nothing is changed. Exit code 1: something is wrong or could not be checked; all of it is listed.

    \b
    Examples: cli verify features/demo --sample 5
              cli verify features/demo --repair
    """
    from featurestore.errors import format_count
    from featurestore.inspection.verify import verify

    again = f", and {format_count(sample, 'utterance')} of each encoder" if sample else ""
    say(f"verifying {store}: every checksum{again}")
    verified = verify(store, repair=repair, sample=sample, seed=seed)
    print_answer(verified.to_json(), verified.summary(), as_json)
    if not verified.is_intact:
        ctx.exit(1)
