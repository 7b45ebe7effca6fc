"""Turn the errors of plug-ins into messages."""

from collections.abc import Iterator
from contextlib import contextmanager

from featurestore import plugins, registry
from featurestore.errors import Problem, Unavailable


@contextmanager
def explain_errors(kind: str, name: str, step: str) -> Iterator[None]:
    """Turn an error of a plug-in into a message. One in the project's own code stays as it is.

    Args:
        kind: a key of `PACKAGES`.
        name: its name, or a dotted path.
        step: what the plug-in does in the block, for the message.

    Raises:
        Unavailable: the plug-in raised something that is no Problem.
    """
    try:
        yield
    except (Problem, MemoryError):
        raise
    except Exception as error:
        if not registry.describe_source(kind, name):
            raise
        raise Unavailable(
            f"{registry.describe_origin(kind, name)} failed in {step}: {plugins.locate_error(error)}",
            do="correct the plug-in, then run the same command again",
        ) from error
