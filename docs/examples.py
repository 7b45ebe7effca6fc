"""Show the `Example:` of a docstring as code: an extension of griffe, which knows `Examples:` alone."""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^( *)Example:\n((?:\1 {4}.*\n?|\s*\n)+)", re.M)


class CodeExamples(griffe.Extension):
    """Turn every `Example:` into `Examples:`, and lines without a prompt into a code block."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = _EXAMPLE.sub(_to_examples, obj.docstring.value + "\n").rstrip()


def _to_examples(found: re.Match[str]) -> str:
    indent, block = found[1], found[2]
    if ">>>" not in block:
        block = f"{indent}    ```python\n{block.rstrip()}\n{indent}    ```\n"
    return f"{indent}Examples:\n{block}"
