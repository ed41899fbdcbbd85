"""One transaction's connection, as the store of each noun uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import chain, islice
from typing import Any, TypeVar, cast

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Executable,
    Integer,
    LargeBinary,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    column,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import AssentError, Misuse, StateError
from gateway.store.column_type import Moment, json_text
from gateway.store.failure import DATABASE_ERRORS, gateway_error, gateway_errors

T = TypeVar("T")
AnyRow = Row[*tuple[Any, ...]]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_COPY_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
FEW = 64  # rows that PostgreSQL takes sooner as arrays than by COPY, which asks it twice
ROWS_TOGETHER = 1000  # of one INSERT; SQLite takes 32,766 values at a time, for up to 32 columns


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
        self.written = 0  # rows by `insert_columns`
        self.now = now
        self.postgresql = connection.dialect.name == "postgresql"

    async def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement, once per mapping when `parameters` is a sequence.

        Raises:
            StateError: REVISION_CONFLICT, NOT_FOUND (a row referred to), DISK_FULL, STORE_UNAVAILABLE,
                LOG_INCONSISTENT.
            RequestError: BAD_FIELD for a text or number that no column can hold.
            Misuse: for a statement that cannot be right.
        """
        return await self._run(self._connection.execute(statement, parameters))

    async def _run(self, step: Coroutine[Any, Any, T]) -> T:
        """Run a step of the driver, unless one failed before."""
        try:
            self.check()
        except AssentError:
            step.close()
            raise
        try:
            return await uninterrupted(step)
        except DATABASE_ERRORS as error:
            self._failure = gateway_error(error)
            raise self._failure from error

    async def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
        """Return all rows of a query."""
        with readable():
            return (await self.execute(statement, parameters)).fetchall()

    async def row(self, statement: Executable) -> AnyRow | None:
        """Return the first row of a query, or None."""
        with readable():
            return (await self.execute(statement)).first()

    async def scalar(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the first value of the first row, or None."""
        with readable():
            return (await self.execute(statement, parameters)).scalar()

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

    async def insert_columns(self, table: Table, columns: Mapping[str, Sequence[Any]], on_conflict: str = "") -> int:
        """Insert many rows as the columns of which they are made, without an object per row.

        Args:
            table: where to.
            columns: by name and of one length, perhaps none; what the database holds: booleans as 0 and 1, times as
                microseconds, JSON as text. Only integers may be null.
            on_conflict: SQL after ON CONFLICT; without it a row whose key is there already fails.

        Returns:
            How many rows were written.
        """
        rows = len(next(iter(columns.values())))
        if not rows:
            return 0
        self.written += rows
        insert = f"INSERT INTO {table.name} ({', '.join(columns)})"
        conflict = f" ON CONFLICT {on_conflict}" if on_conflict else ""
        if self.postgresql:
            if not on_conflict and rows > FEW:
                await self._run(self._copy(table, columns))
                return rows
            return await self._run(self._insert_arrays(insert, table, columns, conflict))
        # Many rows in a statement save its start for each, and let other threads run Python meanwhile.
        row = f"({', '.join('?' * len(columns))})"
        whole = rows - rows % ROWS_TOGETHER
        written = 0
        if whole:
            values = list(chain.from_iterable(zip(*columns.values(), strict=True)))
            width = ROWS_TOGETHER * len(columns)
            groups = [values[at : at + width] for at in range(0, whole * len(columns), width)]
            statement = f"{insert} VALUES {', '.join([row] * ROWS_TOGETHER)}{conflict}"
            written += await self._run(self._drive(statement, groups))
        if whole < rows:
            single = zip(*(islice(values, whole, None) for values in columns.values()), strict=True)
            written += await self._run(self._drive(f"{insert} VALUES {row}{conflict}", single))
        return written

    async def update_columns(self, table: Table, key: str, columns: Mapping[str, Sequence[Any]]) -> int:
        """Change many rows, as `insert_columns` inserts them.

        Args:
            table: where.
            key: the column by which rows are found.
            columns: it and those that change.

        Returns:
            How many rows were found.
        """
        changed = [name for name in columns if name != key]
        if self.postgresql:
            kinds = ", ".join(f"%s::{_array_type(table.c[name])}" for name in columns)
            change = ", ".join(f"{name} = new.{name}" for name in changed)
            # Names and types are those of our own schema; values are parameters.
            statement = (
                f"UPDATE {table.name} SET {change} FROM unnest({kinds}) AS new ({', '.join(columns)})"  # nosec B608
                f" WHERE {table.name}.{key} = new.{key}"
            )
            return await self._run(self._drive_arrays(statement, columns))
        change = ", ".join(f"{name} = ?" for name in changed)
        rows = zip(*(columns[name] for name in (*changed, key)), strict=True)
        return await self._run(self._drive(f"UPDATE {table.name} SET {change} WHERE {key} = ?", rows))  # nosec B608

    async def _drive(self, statement: str, parameters: Iterable[Sequence[Any]]) -> int:
        """Run a statement of SQLite for each of many parameters, past SQLAlchemy, which would copy and check each."""
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        cursor = await driver.executemany(statement, parameters)
        written: int = cursor.rowcount
        await cursor.close()
        return written

    async def first_value(self, statement: str, parameters: Sequence[int | Sequence[Any]]) -> Any:
        """Run a statement of PostgreSQL past SQLAlchemy.

        Args:
            statement: with %s for parameters.
            parameters: numbers, and columns, which travel as arrays.

        Returns:
            The first value of the first row, or None.
        """
        return (await self._run(self._direct(statement, parameters)))[1]

    async def _direct(self, statement: str, parameters: Sequence[int | Sequence[Any]]) -> tuple[int, Any]:
        """Run a statement of PostgreSQL past SQLAlchemy, which takes as long as most; return how many rows, and one."""
        import psycopg  # loaded already where PostgreSQL is the database

        values = [value if isinstance(value, int) else array_literal(value) for value in parameters]
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        try:
            async with driver.cursor() as cursor:
                await cursor.execute(statement, values)
                row = await cursor.fetchone() if cursor.description else None
                return cursor.rowcount, None if row is None else row[0]
        except psycopg.Error as error:
            raise DBAPIError(statement, None, error) from error

    async def _copy(self, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
        """Insert rows of PostgreSQL by COPY, which writes them page by page; a key that is there already fails."""
        import psycopg  # loaded already where PostgreSQL is the database

        rows = len(next(iter(columns.values())))
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN"
        try:
            async with driver.cursor() as cursor, cursor.copy(statement) as copy:
                # Piece by piece: the server takes one while the next is written.
                for first in range(0, rows, ROWS_TOGETHER):
                    piece = {name: values[first : first + ROWS_TOGETHER] for name, values in columns.items()}
                    await copy.write(copy_lines(piece))
        except psycopg.Error as error:
            raise DBAPIError(statement, None, error) from error

    async def _insert_arrays(
        self, insert: str, table: Table, columns: Mapping[str, Sequence[Any]], conflict: str
    ) -> int:
        """Insert rows as one array per column, which PostgreSQL takes apart."""
        kinds = ", ".join(f"%s::{_array_type(table.c[name])}" for name in columns)
        # Names and types are those of our own schema; values are parameters.
        return await self._drive_arrays(f"{insert} SELECT * FROM unnest({kinds}){conflict}", columns)  # nosec B608

    async def _drive_arrays(self, statement: str, columns: Mapping[str, Sequence[Any]]) -> int:
        return (await self._direct(statement, list(columns.values())))[0]

    def listed(self, values: Sequence[str] | Sequence[int]) -> TableValuedAlias:
        """Make a table of one column, `value`: one parameter, whatever the number of values."""
        kind = BigInteger() if values and isinstance(values[0], int) else Text()
        return listed_table(bindparam(None, self.list_text(values), type_=Text()), kind, postgresql=self.postgresql)

    def list_text(self, values: Sequence[str] | Sequence[int]) -> str:
        """Write values as the parameter of a `listed_table`."""
        if self.postgresql:
            with gateway_errors():
                return array_literal(values)
        return json_text(list(values))


def listed_table(values: BindParameter[str], kind: BigInteger | Text, *, postgresql: bool) -> TableValuedAlias:
    """Make a table of one column, `value`, of a parameter that `list_text` writes."""
    value = column("value", kind)
    if postgresql:
        return func.unnest(values.cast(ARRAY(kind))).table_valued(value).render_derived()
    return func.json_each(values).table_valued(value)


def copy_lines(columns: Mapping[str, Sequence[Any]]) -> str:
    """Write columns as the text of a COPY, all at once.

    Args:
        columns: of one length; all values of one are texts, bytes, or integers and nulls.

    Raises:
        UnicodeError: for a text with U+0000, which no column can hold.

    Source: PostgreSQL manual, COPY, text format.
    """
    return "\n".join(map("\t".join, zip(*map(_copied, columns.values()), strict=True))) + "\n"


def _copied(values: Sequence[Any]) -> Sequence[str]:
    if isinstance(values[0], bytes):
        return ["\\\\x" + value.hex() for value in values]
    if not isinstance(values[0], str):
        return ["\\N" if value is None else str(int(value)) for value in values]
    joined = "\0".join(values)
    if joined.count("\0") >= len(values):
        raise UnicodeError("U+0000 in a text")
    for plain, escaped in _COPY_ESCAPES:
        if plain in joined:
            joined = joined.replace(plain, escaped)
    return joined.split("\0")


def array_literal(values: Sequence[str] | Sequence[bytes] | Sequence[int | None]) -> str:
    """Write a column as an array of PostgreSQL, all at once.

    Args:
        values: all of a kind, integers also null.

    Raises:
        UnicodeError: for a text with U+0000, which no column can hold.

    Source: PostgreSQL manual, section 8.15.6, array input and output syntax.
    """
    if not values:
        return "{}"
    if isinstance(values[0], bytes):
        return '{"\\\\x' + '","\\\\x'.join([value.hex() for value in cast(Sequence[bytes], values)]) + '"}'
    if not isinstance(values[0], str):
        return "{" + ",".join(["null" if value is None else str(value) for value in values]) + "}"
    joined = "\0".join(cast(Sequence[str], values))
    if joined.count("\0") >= len(values):
        raise UnicodeError("U+0000 in a text")
    return '{"' + joined.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","') + '"}'


def _array_type(column: Column[Any]) -> str:
    if isinstance(column.type, LargeBinary):
        return "bytea[]"
    if isinstance(column.type, Boolean):
        return "integer[]::boolean[]"
    return "bigint[]" if isinstance(column.type, (Integer, Moment)) else "text[]"


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
def readable() -> Iterator[None]:
    """Turn what a column type raises for a value that it never wrote into StateError LOG_INCONSISTENT."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise StateError(
            "LOG_INCONSISTENT", "a stored value cannot be read; stop this gateway and restore a backup of the store"
        ) from error
