"""SQLite through aiosqlite, with one hop to the connection's thread per statement.

SQLAlchemy's own adapter hops four times for a query: for a cursor, the statement, its rows and the cursor's end. Each
hop wakes a thread and waits until the event loop is woken in turn, which takes longer than most statements.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)


class _Outcome(NamedTuple):
    """What a statement leaves behind, named as a cursor names it."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()


def _executed(connection: sqlite3.Connection, many: bool, statement: str, parameters: Any) -> _Outcome:
    """Run a statement and fetch what it returns; in the connection's thread."""
    cursor = connection.cursor()
    try:
        (cursor.executemany if many else cursor.execute)(statement, parameters)
        rows = cursor.fetchall() if cursor.description else ()
        return _Outcome(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that exists in the connection's thread only while its statement runs."""

    __slots__ = ()

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._soft_closed_memoized = MappingProxyType({})  # type: ignore[assignment]
        self._rows = deque()
        self._cursor: Any = _Outcome()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        await self._run(False, operation, () if parameters is None else parameters)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self._run(True, operation, seq_of_parameters)

    async def _run(self, many: bool, statement: str, parameters: Any) -> None:
        async with self._adapt_connection._execute_mutex:
            driver: Any = self._connection
            outcome = await driver._execute(_executed, driver._conn, many, statement, parameters)
        self._cursor = outcome
        self._rows = deque(outcome.rows)

    async def _async_soft_close(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        self._rows.clear()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    _cursor_cls = _Cursor  # type: ignore[assignment]

    def rollback(self) -> None:
        """Roll back; the pool asks for it after every commit too, when nothing is left to roll back."""
        driver: Any = self._connection
        if driver._connection is not None and driver._connection.in_transaction:
            super().rollback()


class _Dbapi(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        made = super().connect(*arg, **kw)
        return _Connection(self, made._connection)


class Dialect(SQLiteDialect_aiosqlite):
    """The dialect ``sqlite+assent``."""

    driver = "assent"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> AsyncAdapt_aiosqlite_dbapi:
        """Return the drivers."""
        import aiosqlite

        return _Dbapi(aiosqlite, sqlite3)
