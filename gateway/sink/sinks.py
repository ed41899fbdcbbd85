"""The declared sinks of this machine, as the routes use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

import pyarrow as pa

from gateway.errors import Misuse, StateError
from gateway.flow.ports.sinks import SinkDescription
from gateway.flow.threads import in_thread
from gateway.sink.file_sink import FileSink
from gateway.sink.files import Csv, Parquet
from gateway.sink.mysql import MysqlDatabase
from gateway.sink.place import Gone, Place, SinkDeclaration
from gateway.sink.postgresql import PostgresqlDatabase
from gateway.sink.sqlite import SqliteDatabase
from gateway.sink.table_sink import TableSink


class Sinks:
    """SinkPort over files and tables; a sink declared while the server runs is seen at its next use."""

    __slots__ = ("_declared",)

    def __init__(self, load: Callable[[], Mapping[str, SinkDeclaration]]) -> None:
        """Use whatever is declared at the time of each call.

        Args:
            load: returns the declared sinks by name.
        """
        self._declared = load

    async def names(self) -> list[str]:
        """Return declared names, sorted."""
        return await asyncio.to_thread(lambda: sorted(self._declared()))

    async def describe(self, name: str) -> SinkDescription:
        """Return the description.

        Raises:
            StateError: NOT_FOUND.
        """
        found = await asyncio.to_thread(self._find, name)
        return SinkDescription(name, found.format, found.mode, found.withdrawn)

    async def store(self, name: str, key: str, schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> int:
        """Put rows into a sink by its mode, whole or not at all, batch by batch; as `SinkPort`."""
        place = await in_thread(self._place, name)
        writer, rows = place.writer(key, schema), 0
        try:
            await in_thread(writer.begin)
            async for batch in batches:
                await in_thread(writer.write, batch)
                rows += batch.num_rows
            await in_thread(writer.commit)
        finally:
            await in_thread(writer.close)
        return rows

    async def take_out(self, name: str, gone: Gone, at: datetime) -> int:
        """Take rows out of a sink, whole or not at all; as `SinkPort`."""
        place = await in_thread(self._place, name)
        return await in_thread(place.take_out, gone, at)

    def _find(self, name: str) -> SinkDeclaration:
        found = self._declared().get(name)
        if found is None:
            raise StateError("NOT_FOUND", f"sink {name} is not declared on this machine; see `assent sink add`")
        return found

    def _place(self, name: str) -> Place:
        found = self._find(name)
        table, how = found.table, (found.mode, found.withdrawn)
        if found.format == "postgresql":
            return TableSink(name, lambda: PostgresqlDatabase(name, found.url, found.password), table, *how)
        if found.format == "mysql":
            return TableSink(name, lambda: MysqlDatabase(name, found.url, found.password), table, *how)
        path = found.path
        if path is None:
            raise Misuse("a sink without a path passed the settings")
        if found.format == "sqlite":
            return TableSink(name, lambda: SqliteDatabase(name, path), table, *how)
        format = Csv() if found.format == "csv" else Parquet()
        return FileSink(name, path, format, *how)
