"""Fill the marks `{{ name }}` in the pages from the commands, the registry and the schemas: a hook of mkdocs.

What is listed here is never written by hand, so that it cannot differ from the code.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

import cli
from benchmarks.evaluation import settings_list
from benchmarks.paper import switches
from benchmarks.statistics.count_metrics import COUNT_METRICS
from featurestore import labels, manifest, registry
from featurestore.checkpoints import CheckpointCard
from featurestore.corpora import COMMON_SCHEMES, CorpusCard, Published
from featurestore.known_training import list_cards
from featurestore.storage import schema

ROOT = Path(__file__).parents[1]
_NAME = r"[A-Z][\w-]+"
_CITED = re.compile(rf'({_NAME}(?:, {_NAME})*(?: and {_NAME}| et al\.)?(?: \d{{4}})?), "([^"]+)"')
_MARK = re.compile(r"^\{\{ ([a-z_]+) \}\}$", re.M)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace every mark in a page. mkdocs calls this for each page."""
    return _MARK.sub(lambda mark: GENERATORS[mark[1]](), markdown)


def write_commands() -> str:
    """Write the options of `cli`, then a section for each command: its help, its examples and its options."""
    root = click.Context(cli.main, info_name="cli")
    found = {name: cli.main.get_command(root, name) for name in cli.main.list_commands(root)}
    sections = [_write_command(root, name, command) for name, command in found.items() if command]
    return "\n\n".join([_write_options(cli.main, root), *sections])


def write_names(kind: str) -> Callable[[], str]:
    """Return a function that lists everything of one kind in a table."""

    def write() -> str:
        rows = ((f"`{name}`", registry.summary(kind, name)) for name in registry.names(kind))
        return _table(("name", "what it is"), rows)

    return write


def write_corpora() -> str:
    """Write a table of all corpora: what each holds, and what its words and its speakers allow."""
    rows = (_describe_corpus(name, labels.load_card(name)) for name in registry.names("corpora"))
    return _table(("name", "language", "utterances", "speakers", "own split", "words", "card"), rows)


def write_cards() -> str:
    """Write a section for each corpus that is known by name: the whole card."""
    cards = {name: labels.load_card(name) for name in registry.names("corpora")}
    return "\n\n".join(_write_card(name, card) for name, card in cards.items() if card.labels)


def write_heads() -> str:
    """Write a table of all heads: what each takes, what it is, and the publication that its docstring names first."""
    rows = (
        (
            f"`{name}`",
            ", ".join(settings_list.describe_taken(name)),
            registry.summary("heads", name),
            _find_source(name),
        )
        for name in registry.names("heads")
    )
    return _table(("name", "takes", "what it is", "source"), rows)


def write_rare_classes() -> str:
    """Write a table of what each head has for rare classes, and whether it learns from the votes of raters."""
    settings = ("class_weight", "focal_gamma", "logit_adjustment")
    rows = []
    for name in registry.names("heads"):
        head = registry.load("heads", name)
        known = head().get_params()
        found = [f"`{setting}`" for setting in settings if setting in known]
        if found or head.SOFT_LABELS:
            rows.append((f"`{name}`", "yes" if head.SOFT_LABELS else "no", ", ".join(found) or "–"))
    return _table(("head", "learns from votes", "settings"), rows)


def write_checkpoints() -> str:
    """Write a table of the cards of public checkpoints."""
    rows = (
        (f"`{family}`", "<br>".join(f"`{name}`" for name in card.names), _describe_training(card), f"<{card.source}>")
        for family, cards in list_cards().items()
        for card in cards
    )
    return _table(("family", "checkpoints", "trained on", "source"), rows)


def write_labels() -> str:
    """Write a table of all label schemes."""
    return _table(("name", "what it is"), ((f"`{name}`", line) for name, line in labels.list_schemes().items()))


def write_head_settings(kind: str = "heads") -> str:
    """Write a table of settings for each head, or each regressor, that has any."""
    lines = {name: registry.summary(kind, name) for name in registry.names(kind)}
    found = settings_list.settings_to_json(lines, kind)
    return "\n\n".join(
        f"### `{name}` {{#{kind.removesuffix('s')}-{name}}}\n\n{head['summary']}\n\n{_write_settings(head['settings'])}"
        for name, head in found.items()
    )


def write_regressor_settings() -> str:
    """Write a table of settings for each regressor that has any."""
    return write_head_settings("regressors")


def write_datasets() -> str:
    """Write a table of the datasets that hold a feature of every utterance."""
    return _table(("dataset", "shape and meaning"), ((f"`{name}`", text) for name, text in schema.ROWS.items()))


def write_attributes() -> str:
    """Write a list of a feature file's attributes."""
    return _write_fields(schema.Header)


def write_columns() -> str:
    """Write the names of the manifest's columns."""
    return ", ".join(f"`{name}`" for name in manifest.COLUMNS)


def write_results() -> str:
    """Write a table of the keys of results.json, from its schema."""
    found = json.loads((ROOT / "benchmarks/report/results.schema.json").read_text("utf-8"))
    rows = ((f"`{name}`", _type_of(part), part.get("description", "")) for name, part in found["properties"].items())
    return _table(("key", "type", "meaning"), rows)


def write_switches() -> str:
    """Write a table of the deviations of the paper's published code from its text."""
    rows = (
        (f"`{one['name']}`", one["published"], one["repaired"], one["reason"])
        for one in switches.describe_switches(switches.Switches())
    )
    return _table(("switch", "`--mode exact`, as published", "`--mode fixed`, repaired", "why"), rows)


def write_page(name: str) -> Callable[[], str]:
    """Return a function that copies a page from the top of the project, with links relative to docs/."""
    return lambda: (ROOT / name).read_text("utf-8").replace("](docs/", "](")


GENERATORS: dict[str, Callable[[], str]] = {
    "commands": write_commands,
    "corpora": write_corpora,
    "cards": write_cards,
    "labels": write_labels,
    "head_settings": write_head_settings,
    "regressor_settings": write_regressor_settings,
    "datasets": write_datasets,
    "attributes": write_attributes,
    "columns": write_columns,
    "results": write_results,
    "switches": write_switches,
    "changelog": write_page("CHANGELOG.md"),
    "contributing": write_page("CONTRIBUTING.md"),
    **{kind: write_names(kind) for kind in registry.PACKAGES if kind not in ("corpora", "heads", "checkpoints")},
    "heads": write_heads,
    "rare_classes": write_rare_classes,
    "checkpoints": write_checkpoints,
}


def _describe_corpus(name: str, card: CorpusCard) -> tuple[str, ...]:
    link = f"[card](#{name})" if card.labels else "-"
    split = ", ".join(card.partitions) or "-"
    count = f"{sum(card.counts.values()):,}" if card.counts else "varies"
    return (
        f"`{name}`",
        card.language or "any",
        count,
        f"{card.speakers:,}" if card.speakers else "-",
        split,
        card.words or "-",
        link,
    )


def _write_card(name: str, card: CorpusCard) -> str:
    facts = {
        "Summary": registry.summary("corpora", name),
        "Licence": card.licence,
        "Source": card.source,
        "To cite": card.citation,
        "Counts of": card.version,
        "Note": card.note,
    }
    lines = [f"- {word}: {_escape(text)}" for word, text in facts.items() if text]
    schemes = [*card.schemes, *COMMON_SCHEMES]
    mapped = [card.find_classes(scheme) or {} for scheme in schemes]
    rows = (
        (
            f"`{code}`",
            meaning,
            f"{card.counts.get(code, 0):,}" if card.counts else "",
            *(one.get(code) or "" for one in mapped),
        )
        for code, meaning in card.labels.items()
    )
    table = _table(("label", "meaning", "utterances", *schemes), rows)
    return "\n\n".join([f"### {card.title} {{#{name}}}", "\n".join(lines), table, *_write_published(card)])


def _write_published(card: CorpusCard) -> list[str]:
    """Write the published results on a corpus: a paragraph and a table for each way of measuring."""
    groups: dict[tuple[str, ...], list[Published]] = {}
    for one in card.published:
        groups.setdefault((one.labels, one.protocol, one.note, one.source), []).append(one)
    return [part for group in groups.values() for part in _write_measured(group)]


def _write_measured(figures: Sequence[Published]) -> tuple[str, str]:
    """Write results that were measured alike: how they were, and their table."""
    first = figures[0]
    protocol = f"protocol `{first.protocol}`" if first.protocol else "no protocol of this project"
    systems: dict[str, dict[str, str]] = {}
    for one in figures:
        systems.setdefault(one.name, {})[one.metric] = f"{one.value:.4f}"
    metrics = [metric for metric in COUNT_METRICS if any(metric in values for values in systems.values())]
    rows = ([name, *(values.get(metric, "") for metric in metrics)] for name, values in systems.items())
    about = f"Published on `{first.labels}`, {protocol}: {first.note}. Source: {first.source}"
    return _escape(about), _table(("system", *metrics), rows)


def _write_command(root: click.Context, name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, parent=root, show_default=True)
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b\n")
    usage = " ".join(["cli", name, *command.collect_usage_pieces(context)])
    example = inspect.cleandoc(re.sub("Examples?: ", lambda word: "\n" + " " * len(word[0]), examples, count=1))
    parts = [f"## cli {name}", _escape(text.strip()), f"```sh\n{example}\n```", f"Usage: `{usage}`"]
    return "\n\n".join([*parts, _write_options(command, context)])


def _write_options(command: click.Command, context: click.Context) -> str:
    """Write a table of options. Old spellings are hidden, and left out."""
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    records = [record for one in options if (record := one.get_help_record(context))]
    return _table(("option", "meaning"), ((f"`{name}`", _escape(text)) for name, text in records)) if records else ""


def _find_source(head: str) -> str:
    """Find the first `AUTHORS YEAR, "TITLE"` in a head's docstring."""
    doc = " ".join((inspect.getdoc(registry.load("heads", head)) or "").split())
    found = _CITED.search(doc)
    return f"{found[1]}, *{found[2]}*" if found else ""


def _describe_training(card: CheckpointCard) -> str:
    """Return the corpora of a card with their use, its start and its note."""
    parts = [", ".join(map(str, card.training)), f"starts from `{card.start}`" if card.start else "", card.note]
    return ". ".join(part for part in parts if part)


def _write_settings(settings: dict[str, Any]) -> str:
    rows = [
        (f"`{name}`", f"`{one['default']!r}`", one["meaning"], ", ".join(f"`{value!r}`" for value in one["search"]))
        for name, one in settings.items()
    ]
    return _table(("setting", "default", "meaning", "`--search` draws from"), rows) if rows else "It has no settings."


def _write_fields(kind: type) -> str:
    """Write the `Args:` of a docstring as a table."""
    block = (kind.__doc__ or "").partition("Args:")[2]
    entries = re.findall(r"^ {8}(\w+): (.+(?:\n {12}.+)*)", block, re.M)
    return _table(("attribute", "meaning"), ((f"`{name}`", " ".join(text.split())) for name, text in entries))


def _type_of(part: dict[str, Any]) -> str:
    found = part.get("type", "number" if "const" in part else "")
    return " or ".join(found) if isinstance(found, list) else str(found)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text: str) -> str:
    """Keep Markdown from reading angle brackets and stars in help as its own."""
    return text.replace("<", "&lt;").replace("*", "\\*")
