"""Import a package that an extra of this project installs."""

import importlib
from typing import Any

from featurestore.errors import Unavailable


def import_package(package: str, corpus: str, extra: str = "") -> Any:
    """Return a package.

    Args:
        package: its name, `pyarrow.parquet` for example.
        corpus: the corpus that needs it, for the message.
        extra: that installs it, called as the package by default.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        name = package.partition(".")[0]
        raise Unavailable(
            f"corpus {corpus} needs the package {name}", do=f"pip install 'emofuse[{extra or name}]'"
        ) from None
