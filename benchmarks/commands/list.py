"""`cli list`: list corpora, encoders, heads, regressors, protocols, label schemes, checks and checkpoint cards."""

import difflib
from collections.abc import Mapping

import click

from featurestore.console import json_option, print_answer, say

_KINDS = ("corpora", "encoders", "heads", "regressors", "protocols", "labels", "checks", "checkpoints")
_SETTABLE = ("heads", "regressors")
_REGRESSORS = "regressors, for --target valence,activation,dominance:"


class Kind(click.Choice[str]):
    """A kind of what can be listed. A name that is none leads to the closest."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the kind."""
        close = difflib.get_close_matches(value, self.choices, n=1)
        if value not in self.choices and close:
            self.fail(f"{value!r} is not one of {', '.join(self.choices)}: did you mean {close[0]}?", param, ctx)
        return super().convert(value, param, ctx)


@click.command("list")
@click.argument(
    "kind",
    type=Kind(_KINDS),
    metavar="KIND",
)
@click.option(
    "--settings",
    is_flag=True,
    help="For heads and regressors: every setting, its default and what --search draws from.",
)
@json_option
def command(kind: str, settings: bool, as_json: bool) -> None:
    """List what is available, one line each.

    KIND is corpora, encoders, heads, regressors, protocols, labels, checks
    or checkpoints.

    The second column of heads is what they take: a vector, or blocks of
    features, all frames, all layers, the dialogue, words. Below the heads
    are the regressors of --target. The line of a plug-in ends with its
    origin in brackets. Of checkpoints it lists, by hub name, the corpora
    that they were trained on.

    \b
    Examples: cli list heads
              cli list heads --settings
              cli list regressors
              cli list checkpoints
    """
    from featurestore import labels

    if settings and kind not in _SETTABLE:
        raise click.UsageError(f"--settings is for heads and regressors, not for {kind}: cli list heads --settings")
    if kind == "checkpoints":
        _list_checkpoints(as_json)
        return
    lines = labels.list_schemes() if kind == "labels" else _summarize(kind)
    if settings:
        from benchmarks.evaluation import settings_list

        content = settings_list.settings_to_json(lines, kind)
        print_answer(content, settings_list.render_settings(lines, kind), as_json)
        return
    text = _align(kind, lines)
    if kind == "heads" and not as_json:
        text += f"\n\n{_REGRESSORS}\n{_align('regressors', _summarize('regressors'))}"
    print_answer(lines, text, as_json)


def _summarize(kind: str) -> dict[str, str]:
    """Return the first line of everything of one kind that can be used, by name."""
    from featurestore import registry

    return {name: registry.summary(kind, name) for name in _list_usable(kind)}


def _align(kind: str, lines: Mapping[str, str]) -> str:
    """Return names, what heads take, and lines in columns."""
    rows = [[name, *_middle(kind, name), line] for name, line in lines.items()]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]] + [0]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + _origin(kind, row[0])
        for row in rows
    )


def _list_checkpoints(as_json: bool) -> None:
    """Print the cards of checkpoints: their names, and below them the corpora, the start, the source and a note."""
    from featurestore.known_training import list_cards

    families = list_cards()
    content = {family: [card.to_json() for card in cards] for family, cards in families.items()}
    blocks = [
        f"{', '.join(card.names)}{_origin('checkpoints', family)}\n{card.describe()}"
        for family, cards in families.items()
        for card in cards
    ]
    print_answer(content, "\n".join(blocks), as_json)


def _middle(kind: str, name: str) -> list[str]:
    """Return the text between a name and its summary: what a head takes."""
    if kind != "heads":
        return []
    from benchmarks.evaluation.settings_list import describe_taken

    return [", ".join(describe_taken(name))]


def _list_usable(kind: str) -> list[str]:
    """List the names of one kind. A plug-in that cannot be used is reported on standard error, and left out."""
    from featurestore import registry

    return [name for name in registry.names(kind) if not registry.describe_source(kind, name) or _can_use(kind, name)]


def _can_use(kind: str, name: str) -> bool:
    from benchmarks.evaluation.head_settings import default_params
    from featurestore import registry
    from featurestore.errors import Unavailable

    try:
        if kind in _SETTABLE:
            default_params(name, kind)
        else:
            registry.module(kind, name)
    except Unavailable as problem:
        say(problem.what)
        return False
    return True


def _origin(kind: str, name: str) -> str:
    """Return the origin of a plug-in in brackets, or an empty string for the project's own."""
    from featurestore import registry

    origin = "" if kind == "labels" else registry.describe_origin(kind, name)
    return "" if origin.startswith("package ") or not origin else f" [{origin}]"
