"""ORC files: columns as they are typed there, a stripe at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import orc

from gateway.dataset.source import Source
from gateway.dataset.text import checked


def header(source: Source) -> list[tuple[str, str]]:
    """Return the column names of an ORC file with their types, in words.

    Raises:
        SourceError: EMPTY or BAD_ROW.
    """
    with _opened(source) as file:
        return _columns(source, file)


def batches(source: Source, wanted: tuple[str, ...], rows: int, size: int) -> Generator[pa.RecordBatch, None, None]:
    """Read columns of an ORC file; what is held at a time are those of a stripe.

    Args:
        source: the data set.
        wanted: column names, each once.
        rows: most rows of a batch.
        size: bytes of a batch at which it has fewer rows.

    Raises:
        SourceError: EMPTY, MISSING_COLUMN, BAD_ENCODING or BAD_ROW.
    """
    with _opened(source) as file:
        source.check_columns([name for name, _ in _columns(source, file)], wanted)
        before = 0
        for number in range(file.nstripes):
            try:
                stripe = file.read_stripe(number, columns=list(wanted))
            except (pa.ArrowException, OSError, ValueError):
                source.refuse("BAD_ROW", f"is damaged behind row {before}; export the file again")
            most = max(1, min(rows, stripe.num_rows * size // max(stripe.nbytes, 1)))
            for at in range(0, stripe.num_rows, most):
                batch = stripe.slice(at, most)
                yield checked(source, batch, wanted, before)
                before += batch.num_rows


@contextmanager
def _opened(source: Source) -> Generator[orc.ORCFile, None, None]:
    source.check_file()
    try:
        opened = source.open()
    except (pa.ArrowException, OSError) as error:
        source.refuse_input(error)
    with opened as file:
        try:
            found = orc.ORCFile(file)
        except (pa.ArrowException, OSError, ValueError):
            source.refuse("BAD_ROW", "is not a whole ORC file: truncated, or in another format; export it again")
        yield found


def _columns(source: Source, file: orc.ORCFile) -> list[tuple[str, str]]:
    schema = file.schema
    source.check_names(schema.names)
    return [(field.name, str(field.type)) for field in schema]
