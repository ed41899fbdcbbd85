"""How many rows files have, as far as they tell without being read."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

from gateway.dataset.source import Source

SAMPLE_BYTES = 8 << 20
SMALL_BYTES = 64 << 20
"""A text that is smaller is counted sooner than estimated."""


def told(source: Source, format: str) -> int | None:
    """Return the rows of a file that says how many they are, None for one that does not.

    One that cannot be opened says nothing here: whoever reads it is told why.
    """
    try:
        with source.open() as file:
            if format == "parquet":
                return int(pq.read_metadata(file).num_rows)
            return int(orc.ORCFile(file).nrows) if format == "orc" else None
    except (OSError, pa.ArrowException, ValueError):
        return None


def estimated(source: Source, size: int) -> int | None:
    """Return the rows of a text by the lines of its beginning, None for a small one.

    Args:
        source: the file, or the first one.
        size: bytes of all files.
    """
    if size < SMALL_BYTES:
        return None
    try:
        with source.open() as file:
            sample = file.read(SAMPLE_BYTES)
    except (OSError, pa.ArrowException):
        return None
    return max(sample.count(b"\n") * size // max(len(sample), 1) - 1, 0)
