"""One transaction's connection, as the store of each noun uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Executable, Table, TableValuedAlias, Text, bindparam, column, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import AssentError, Misuse, StateError
from gateway.store.column_type import json_text
from gateway.store.failure import DATABASE_ERRORS, gateway_error

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
            return await self._connection.execute(statement, parameters)
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

    async def columns(self, statement: Executable, width: int) -> Sequence[Sequence[Any]]:
        """Return all rows of a query of `width` columns as columns."""
        return list(zip(*await self.rows(statement), strict=True)) or [()] * width

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

    def listed(self, values: Sequence[str] | Sequence[int]) -> TableValuedAlias:
        """Make a table of one column, `value`: one parameter, whatever the number of values."""
        kind = BigInteger() if values and isinstance(values[0], int) else Text()
        value = column("value", kind)
        if self.postgresql:
            array = bindparam(None, list(values), type_=ARRAY(kind))
            return func.unnest(array).table_valued(value).render_derived()
        return func.json_each(bindparam(None, json_text(list(values)), type_=Text())).table_valued(value)


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what a column type raises for a value that it never wrote into StateError LOG_INCONSISTENT."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise StateError(
            "LOG_INCONSISTENT", "a stored value cannot be read; stop this gateway and restore a backup of the store"
        ) from error
