"""Rows of Parquet tables, a batch at a time; it knows nothing of what they mean."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tools.errors import BadInputError

BATCH = 256  # rows in memory; some hold an image each


def column_names(table: Path) -> list[str]:
    """The columns, as the table spells them; empty for what is no Parquet."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        return list(pq.read_schema(table).names)
    except (OSError, ArrowException):
        return []


def rows(table: Path, wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows with the `wanted` columns that are there, by their name in lower case.

    Raises BadInputError for a damaged table.
    """
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    chosen = [name for name in column_names(table) if name.lower() in wanted]
    try:
        with pq.ParquetFile(table) as file:
            for batch in file.iter_batches(BATCH, columns=chosen):
                for row in batch.to_pylist():
                    yield {name.lower(): value for name, value in row.items()}
    except (OSError, ArrowException) as e:
        raise BadInputError(f"{table} is damaged or cut short ({e}); download it again") from e
