"""Load pyarrow and its Parquet module when a Parquet file is opened."""

from typing import Any

from featurestore.errors import Unavailable


def load_pyarrow() -> tuple[Any, Any]:
    """Import pyarrow and its Parquet module.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
        import pyarrow.types
    except ImportError:
        raise Unavailable("Parquet files need pyarrow", do="pip install 'emofuse[parquet]'") from None
    return pyarrow, pyarrow.parquet
