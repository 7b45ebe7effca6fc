"""Jinja as the pages need it: from this package's files, HTML escaped, an unknown name is an error."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def environment(package: str) -> Environment:
    """Templates that lie in a package; those named `*.html.j2` escape what they are given."""
    return Environment(
        loader=PackageLoader(package, "."),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
