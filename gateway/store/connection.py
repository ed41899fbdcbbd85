"""One transaction's connection, as the store of each noun uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Executable, Select, Table, TableValuedAlias, Text, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import AssentError, Misuse, StateError
from gateway.store.column_type import json_text
from gateway.store.failure import DATABASE_ERRORS, gateway_error

T = TypeVar("T")
AnyRow = Row[*tuple[Any, ...]]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class StoreConnection:
    """Runs statements; remembers the first failure, after which the transaction can only be rolled back.

    PostgreSQL would refuse every later statement, SQLite would keep half of an
    insert of many rows: neither may be committed, whoever caught the error.

    Args:
        connection: inside a transaction.
        writable: whether that transaction may write.
        now: the current time (UTC), for rows that say when they last changed.
    """

    def __init__(self, connection: AsyncConnection, *, writable: bool, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._failure: AssentError | None = None
        self.writable = writable
        self.now = now
        self.postgresql = connection.dialect.name == "postgresql"

    async def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement, once per mapping when `parameters` is a sequence.

        Raises:
            StateError: REVISION_CONFLICT, NOT_FOUND (a row referred to), DISK_FULL, PEER_UNAVAILABLE,
                LOG_INCONSISTENT.
            RequestError: BAD_FIELD for a text or number that no column can hold.
            Misuse: for a statement that cannot be right.
        """
        self.check()
        try:
            return await uninterrupted(self._connection.execute(statement, parameters))
        except DATABASE_ERRORS as error:
            self._failure = gateway_error(error)
            raise self._failure from error

    async def rows(self, statement: Executable) -> Sequence[AnyRow]:
        """Return all rows of a query."""
        with _readable():
            return (await self.execute(statement)).fetchall()

    async def row(self, statement: Executable) -> AnyRow | None:
        """Return the first row of a query, or None."""
        with _readable():
            return (await self.execute(statement)).first()

    async def scalar(self, statement: Executable) -> Any:
        """Return the first value of the first row, or None."""
        with _readable():
            return (await self.execute(statement)).scalar()

    async def columns(self, query: Select[*tuple[Any, ...]]) -> list[list[Any]]:
        """Return all rows of a query of texts and integers as columns, in no order, without an object per row.

        The database joins each column into one value, which comes over in one piece.
        """
        joined = query.subquery()
        join = func.array_agg if self.postgresql else func.json_group_array
        row = await self.row(select(*(join(each) for each in joined.c)))
        values = row or [None] * len(joined.c)
        return [list(value or ()) if self.postgresql else json.loads(value or "[]") for value in values]

    def check(self) -> None:
        """Raise the failure of an earlier statement, if there was one."""
        if self._failure is not None:
            raise self._failure

    def check_writable(self) -> None:
        """Refuse a write that would only be queued, and so lost, in a transaction for reading.

        Raises:
            Misuse: in a transaction of `read()`.
        """
        if not self.writable:
            raise Misuse("a transaction of read() cannot write; open it with begin()")

    def insert(self, table: Table) -> SqliteInsert | PostgresqlInsert:
        """Start an INSERT that may say what to do on a conflict."""
        return PostgresqlInsert(table) if self.postgresql else SqliteInsert(table)

    async def insert_rows(self, table: Table, rows: Sequence[Mapping[str, Any]], *, skip_known: bool = False) -> None:
        """Insert rows that all have the same columns, many with few round trips.

        Args:
            table: where to.
            rows: {column: value} each; none is fine.
            skip_known: leave rows out whose key is there already instead of failing.
        """
        if rows:
            insert = self.insert(table)
            await self.execute(insert.on_conflict_do_nothing() if skip_known else insert, rows)

    def listed(self, values: Sequence[str] | Sequence[int]) -> TableValuedAlias:
        """Make a table of one column, `value`: one parameter, whatever the number of values."""
        kind = BigInteger() if values and isinstance(values[0], int) else Text()
        value = column("value", kind)
        if self.postgresql:
            array = bindparam(None, list(values), type_=ARRAY(kind))
            return func.unnest(array).table_valued(value).render_derived()
        return func.json_each(bindparam(None, json_text(list(values)), type_=Text())).table_valued(value)


async def uninterrupted(step: Coroutine[Any, Any, T]) -> T:
    """Let a step of the database end before a cancellation of the caller goes on.

    A driver that is cancelled inside a call leaves a connection whose transaction may still hold
    its locks: on SQLite that stops every other writer.
    """
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):  # cancelled again: it is on its way already
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen; the cancellation outweighs it
        raise


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what a column type raises for a value that it never wrote into StateError LOG_INCONSISTENT."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise StateError(
            "LOG_INCONSISTENT", "a stored value cannot be read; stop this gateway and restore a backup of the store"
        ) from error
