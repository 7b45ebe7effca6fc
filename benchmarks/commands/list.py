"""`cli list`: list corpora, encoders, heads, protocols, label schemes and checks."""

import click

from featurestore.console import json_option, print_answer


@click.command("list")
@click.argument("kind", type=click.Choice(["corpora", "encoders", "heads", "protocols", "labels", "checks"]))
@click.option("--settings", is_flag=True, help="For heads: every setting, its default and what --search draws from.")
@json_option
def command(kind: str, settings: bool, as_json: bool) -> None:
    """List what is available, one line each.

    \b
    Examples: cli list heads
              cli list heads --settings
    """
    from featurestore import labels, registry

    if settings and kind != "heads":
        raise click.UsageError(f"--settings is for heads, not for {kind}: cli list heads --settings")
    lines = (
        labels.schemes() if kind == "labels" else {name: registry.summary(kind, name) for name in registry.names(kind)}
    )
    if settings:
        from benchmarks.evaluation import head_settings

        print_answer(head_settings.to_json(lines), head_settings.render(lines), as_json)
        return
    width = max(map(len, lines))
    print_answer(lines, "\n".join(f"{name:<{width}}  {line}" for name, line in lines.items()), as_json)
