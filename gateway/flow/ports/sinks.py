"""Files and tables outside into which results are put."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from gateway.route.delivery import SinkMode, Withdrawn


@dataclass(frozen=True, slots=True)
class SinkDescription:
    """What a person may know of a sink: never its path or connection.

    Attributes:
        format: "parquet", "csv", "sqlite", "postgresql" or "mysql".
        withdrawn: what becomes of rows that consent does not cover any more.
    """

    name: str
    format: str
    mode: SinkMode
    withdrawn: Withdrawn


class SinkPort(Protocol):
    """Sinks declared on this machine by `[sinks.NAME]`."""

    async def names(self) -> list[str]:
        """Return declared names, sorted."""
        ...

    async def describe(self, name: str) -> SinkDescription:
        """Return the description; StateError NOT_FOUND."""
        ...

    async def store(self, name: str, key: str, schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> int:
        """Put rows into a sink by its mode, whole or not at all, batch by batch.

        Args:
            name: of the sink.
            key: column by which rows of an upsert are the same; where it is the subject, no two rows share one.
            schema: of the rows; text, whole numbers, decimals, floats and times.
            batches: of that schema.

        Returns:
            The number of rows put there.

        Raises:
            StateError: NOT_FOUND for a sink that is not declared, or that cannot be written; DISK_FULL;
                STORE_UNAVAILABLE for a database that does not answer; REVISION_CONFLICT while somebody else writes.
            SourceError: MISSING_COLUMN when what stands there has other columns; BAD_ROW when a value does not fit.
        """
        ...

    async def take_out(self, name: str, gone: Mapping[str, Sequence[str] | None], at: datetime) -> int:
        """Take rows out of a sink, whole or not at all; rows that are not there are fine, and so is no sink.

        Args:
            name: of the sink.
            gone: run -> subjects whose rows of that run go as the sink says; None: all its rows, deleted.
            at: when, for tombstones.

        Returns:
            How many rows were there.

        Raises:
            StateError: as `store`.
        """
        ...
