"""Passes over a test's data set, in small batches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.dataset import Datasets
from gateway.errors import SourceError
from gateway.flow.ports.rows import SourceScan, SourceSurvey
from tests.unit.gateway.dataset.files import Declared

HEAD = "customer,phone,r,b,c,arm\n"


def small(path: Path, rows: int = 8, named: int = 20) -> Datasets:
    format_ = "parquet" if path.suffix == ".parquet" else "csv"
    return Datasets(lambda: {"customers": Declared(format_, path)}, named, batch_rows=rows)


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dataset")]


def table_of(scan: SourceScan) -> pa.Table:
    """All batches as one table: row, subject, key, segment where one was asked for, and the agreed columns."""
    pieces = []
    for batch in scan.batches():
        parts: dict[str, Any] = {"row": batch.rows, "subject": batch.subjects, "key": batch.keys}
        if batch.segments is not None:
            parts["segment"] = batch.segments
        if batch.columns is not None:
            parts |= {name: batch.columns.column(name) for name in batch.columns.column_names}
        pieces.append(pa.table(parts))
    return pa.concat_tables(pieces)


Row = tuple[int, str, str, Decimal | None, str | None, str | None, str | None]


def rows_of(scan: SourceScan) -> list[Row]:
    """All batches, one behind another, as rows."""
    found: list[Row] = []
    for batch in scan.batches():
        count = len(batch.rows)
        nulls = [None] * count
        columns = batch.columns.to_pydict() if batch.columns is not None else {}
        parts: list[Any] = [batch.rows.tolist(), batch.subjects.to_pylist(), batch.keys.to_pylist()]
        parts += [columns.get(name, nulls) for name in ("recency", "band", "channel")]
        parts.append(batch.segments.to_pylist() if batch.segments is not None else nulls)
        found += zip(*parts, strict=True)
    return found


def counts(scan: SourceScan | SourceSurvey) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Rejected rows by reason: how many, and the first numbers."""
    return {reason: (found.count, found.first_rows) for reason, found in scan.rejected.items()}


def refusal(scan: SourceScan) -> SourceError:
    with pytest.raises(SourceError) as caught:
        rows_of(scan)
    return caught.value


def customers(count: int) -> str:
    return "".join(f"c{n},{13_800_000_000 + n},{n % 1000}.25,band {n % 7},Web,mail\n" for n in range(1, count + 1))


def as_parquet(folder: Path, count: int, change: Callable[[pa.Array[Any]], pa.Array[Any]], **options: Any) -> Path:
    columns = {"customer": [str(n) for n in range(count)], "phone": [str(13_800_000_000 + n) for n in range(count)]}
    path = folder / "customers.parquet"
    pq.write_table(pa.table({name: change(pa.array(column)) for name, column in columns.items()}), path, **options)
    return path
