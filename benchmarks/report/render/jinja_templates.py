"""Set up Jinja for the pages: templates of a package, HTML escaped, unknown names are errors."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def make_environment(package: str) -> Environment:
    """Return an environment for the templates of a package. Those named `*.html.j2` escape their values."""
    return Environment(
        loader=PackageLoader(package, "."),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
