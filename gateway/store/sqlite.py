"""SQLite through aiosqlite, with one hop to the connection's thread per statement.

SQLAlchemy's own adapter hops four times for a query: for a cursor, the statement, its rows and the cursor's end. Each
hop wakes a thread and waits until the event loop is woken in turn, which takes longer than most statements. A
transaction for reading takes none for its own ends: it begins with its first statement, and nobody waits for its end.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, cast

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


def _executed(connection: sqlite3.Connection, begin: str, many: bool, statement: str, parameters: Any) -> _Outcome:
    """Run a statement, the first of a transaction for reading with its BEGIN, and fetch what it returns."""
    cursor = connection.cursor()
    try:
        if begin:
            cursor.execute(begin)
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
            adapted = cast(_Connection, self._adapt_connection)
            begin, adapted.begins_with = adapted.begins_with, ""
            adapted.began |= bool(begin)
            outcome = await driver._execute(_executed, driver._conn, begin, many, statement, parameters)
        self._cursor = outcome
        self._rows = deque(outcome.rows)

    async def _async_soft_close(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        self._rows.clear()


class _Connection(AsyncAdapt_aiosqlite_connection):
    """A connection for writing, or for reading only.

    Attributes:
        reading: whether `begin_reading` was ever called; such a connection is for nothing else.
        begins_with: the BEGIN that goes before the next statement; "" for none.
        began: whether it went, and its end has not.
    """

    __slots__ = ("began", "begins_with", "reading")

    _cursor_cls = _Cursor  # type: ignore[assignment]

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.reading, self.began, self.begins_with = False, False, ""

    def begin_reading(self) -> None:
        """Begin a transaction for reading; its snapshot is that of its first statement."""
        self.reading, self.begins_with = True, "BEGIN"

    def commit(self) -> None:
        """Commit; of a transaction for reading nobody waits for the end."""
        if not self._end_reading():
            super().commit()

    def rollback(self) -> None:
        """Roll back; the pool asks for it after every commit too, when nothing is left to roll back."""
        driver: Any = self._connection
        if not self._end_reading() and driver._connection is not None and driver._connection.in_transaction:
            super().rollback()

    def _end_reading(self) -> bool:
        """Queue the end of a transaction for reading before whatever the connection is asked next."""
        driver: Any = self._connection
        if self.began and driver._connection is not None:
            driver._tx.put_nowait((None, driver._connection.rollback))
        self.began, self.begins_with = False, ""
        return self.reading


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
