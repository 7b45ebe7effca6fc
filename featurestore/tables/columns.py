"""Parse the option `--column`, which maps the columns of a table to those of the manifest."""

from collections import Counter
from collections.abc import Sequence

from featurestore.errors import BadValue
from featurestore.manifest import COLUMNS


def parse_columns(texts: Sequence[str]) -> dict[str, str]:
    """Parse texts like `label=emotion`, a manifest column and its name in the table.

    Raises:
        BadValue: a text has another form, the manifest has no such column, or a name occurs twice.
    """
    pairs = [(target.strip().lower(), source.strip()) for target, _, source in (text.partition("=") for text in texts)]
    for text, (target, source) in zip(texts, pairs, strict=True):
        if target not in COLUMNS or not source:
            problem = f"the manifest has no column {target!r}" if source else "no column of the table is given"
            raise BadValue(
                f"--column {text}: {problem}",
                expected=f"COLUMN=NAME, where COLUMN is one of {', '.join(COLUMNS)}",
                do="for example --column label=emotion",
            )
    for names in zip(*pairs, strict=True):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise BadValue(f"--column has {twice[0]!r} twice", got=", ".join(texts), do="give each name once")
    return dict(pairs)
