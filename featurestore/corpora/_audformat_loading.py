"""Load a database by the package audformat, without its pickled tables, and download one by audb."""

import tempfile
from pathlib import Path
from typing import Any

from featurestore.errors import BadValue, NotFound, Unavailable, summarize_error
from featurestore.releases.optional_package import import_package

_TABLES = ("*.csv", "*.parquet")


def load_database(root: Path) -> Any:
    """Return the database of a folder as an `audformat.Database`, with all tables.

    audformat prefers tables that were pickled, which can run code. It is shown db.yaml and the other tables alone.

    Raises:
        NotFound: there is no db.yaml.
        Unavailable: audformat is not installed.
        BadValue: the database cannot be read.
    """
    if not (root / "db.yaml").is_file():
        raise NotFound(
            f"{root} is not a database in audformat",
            expected="a folder with db.yaml, or the name of a database for audb",
            do="give the folder that holds db.yaml",
        )
    audformat = import_package("audformat", "audformat")
    with tempfile.TemporaryDirectory() as folder:
        for path in [root / "db.yaml", *(one for pattern in _TABLES for one in sorted(root.glob(pattern)))]:
            (Path(folder) / path.name).symlink_to(path.absolute())
        try:
            return audformat.Database.load(folder, load_data=True, verbose=False)
        except Exception as error:
            raise BadValue(
                f"{root / 'db.yaml'} cannot be read: {summarize_error(error)}".replace(folder, str(root)),
                expected="a database in audformat with its tables as CSV or parquet",
                got=_describe_pickles(root),
                do='save it again: database.save(folder, storage_format="csv")',
            ) from None


def download_database(name: str) -> Path:
    """Download a database by audb into audb's cache, and return its folder.

    Args:
        name: of the database, maybe with its version: `emodb==1.4.1`.

    Raises:
        Unavailable: audb is not installed, or cannot download it.
    """
    audb = import_package("audb", "audformat")
    database, _, version = name.partition("==")
    try:
        loaded = audb.load(database, version=version or None, full_path=False, pickle_tables=False, verbose=False)
    except Exception as error:
        raise Unavailable(
            f"{name} is no folder, and audb cannot load a database of this name: {summarize_error(error)}",
            do="check the path; names of databases: python -c 'import audb; print(audb.available())'",
        ) from None
    return Path(loaded.root)


def _describe_pickles(root: Path) -> str:
    names = [path.name for path in sorted(root.glob("*.pkl"))]
    return f"pickled tables, which are not read because they can run code: {', '.join(names)}" if names else ""
