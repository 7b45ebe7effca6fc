"""List the settings of heads with their meanings, for `cli list heads --settings` and the documentation."""

import inspect
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.evaluation.head_settings import default_params, search_space
from benchmarks.evaluation.value_targets import HEADS
from featurestore import registry
from heads import name_taken, read_taken

_WIDTH = 110  # columns of text


@dataclass(frozen=True)
class Setting:
    """One constructor argument of a head: what `--param` takes.

    Args:
        default: its value where none is given.
        meaning: from the docstring; empty if it has none.
        search: the values that `--search` draws from; empty if it does not vary the setting.
    """

    default: Any
    meaning: str
    search: Sequence[Any] = ()


def list_settings(head: str, registered: str = HEADS) -> dict[str, Setting]:
    """List the settings of a head, or of a regressor, by name, in the order of its constructor.

    >>> list_settings("logistic")["max_iter"].default
    200
    """
    kind, searched = registry.load(registered, head), search_space(head, kind=registered)
    meanings, known = _collect_meanings(kind), default_params(head, registered)
    names = [name for name in inspect.signature(kind).parameters if name in known]
    return {name: Setting(known[name], meanings.get(name, ""), searched.get(name, ())) for name in names}


def describe_taken(head: str) -> list[str]:
    """Name what a head takes: `vector`, `blocks`, `frames`, `layers`, `dialogue`, `words`. Only plug-ins are imported.

    >>> describe_taken("bc-lstm")
    ['blocks', 'dialogue']
    """
    source = registry.find_sources("heads")[head]
    return name_taken(registry.load("heads", head)) if source.plugin else read_taken(source.file)


def settings_to_json(heads: Mapping[str, str], registered: str = HEADS) -> dict[str, Any]:
    """Return each head's summary, what it takes, and its settings as plain JSON.

    Args:
        heads: summary by name.
        registered: their kind in the registry: `heads` or `regressors`.
    """
    return {
        head: {
            "summary": summary,
            "takes": _describe_any(head, registered),
            "settings": {name: asdict(one) for name, one in list_settings(head, registered).items()},
        }
        for head, summary in heads.items()
    }


def render_settings(heads: Mapping[str, str], registered: str = HEADS) -> str:
    """Write each head with its settings below it, for a terminal."""
    return "\n\n".join(
        "\n".join(
            [
                f"{head}: {summary}",
                f"  (takes {', '.join(_describe_any(head, registered))})",
                *_render_lines(head, registered),
            ]
        )
        for head, summary in heads.items()
    )


def _describe_any(head: str, registered: str) -> list[str]:
    return describe_taken(head) if registered == HEADS else ["vector"]


def _render_lines(head: str, registered: str) -> list[str]:
    lines = []
    for name, setting in list_settings(head, registered).items():
        drawn = f" Search: {', '.join(map(str, setting.search))}." if setting.search else ""
        text = f"{name}={setting.default}: {setting.meaning}{drawn}"
        lines.append(textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="      "))
    return lines


def _collect_meanings(kind: type) -> dict[str, str]:
    """Collect what a class and its base classes say of their settings, the class itself before its bases."""
    found: dict[str, str] = {}
    for one in kind.__mro__:
        found = _read_meanings(inspect.cleandoc(one.__doc__ or "")) | found
    return found


def _read_meanings(doc: str) -> dict[str, str]:
    """Read the section Args of a docstring: `name: text`, continued by deeper lines."""
    section = re.search(r"^Args:\n((?: .*\n|\n)*)", f"{doc}\n", re.M)
    entries = re.findall(r"^    (\w+): ((?:.*\n)(?:     .*\n)*)", section[1] if section else "", re.M)
    return {name: " ".join(text.split()) for name, text in entries}
