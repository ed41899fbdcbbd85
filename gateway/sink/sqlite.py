"""SQLite tables as sinks, through the standard library."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from gateway.errors import AssentError, SourceError, StateError
from gateway.sink.failure import accounted, bad_value, busy, full, read_only
from gateway.sink.table_sink import TableColumn, driver_rows

_BUSY_S = 30.0
_MODE = 0o600


class SqliteDatabase:
    """One connection to a database file. Decimals and times are text, so that nothing is rounded."""

    def __init__(self, name: str, path: Path) -> None:
        """Touch nothing yet."""
        self._name, self._path = name, path
        self._connection: sqlite3.Connection

    def connect(self) -> None:
        """Connect; a database that is not there is made, for this user alone."""
        with accounted(self._name):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE))
        with _failures(self._name):
            # Used by one thread after the other, never by two at once.
            self._connection = sqlite3.connect(
                self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA synchronous = FULL")

    def columns(self, table: str) -> Mapping[str, TableColumn] | None:
        """Return the columns of a table, None when it is not there."""
        schema, _, bare = table.rpartition(".")
        with _failures(self._name):
            rows = self._connection.execute(
                'SELECT name, type, "notnull", dflt_value FROM pragma_table_info(?, ?)', (bare, schema or "main")
            ).fetchall()
        return {
            name: TableColumn(kind, bool(required) and default is None) for name, kind, required, default in rows
        } or None

    def type_of(self, kind: pa.DataType, *, key: bool = False) -> str:
        """Return the type that holds an Arrow type whole."""
        if pa.types.is_integer(kind):
            return "INTEGER"
        return "REAL" if pa.types.is_floating(kind) else "TEXT"

    def fits(self, kind: pa.DataType, type: str) -> bool:
        """Return whether a column takes a type: text must not meet a column that makes numbers of it."""
        if self.type_of(kind) != "TEXT":
            return True
        # By SQLite's rules of affinity: these keep text as it is.
        return not type or any(word in type.upper() for word in ("CHAR", "CLOB", "TEXT", "BLOB"))

    def run(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""
        with _failures(self._name):
            return max(self._connection.execute(statement).rowcount, 0)

    def make_waiting(self, name: str, columns: str, keys: str) -> None:
        """Make an empty table of this connection's own."""
        self.run(f"CREATE TEMP TABLE {name} ({columns})")

    def make_table(self, table: str, columns: str) -> None:
        """Make an empty table that stays, within the change."""
        self.run(f"CREATE TABLE {table} ({columns})")

    def time(self, at: datetime) -> str:
        """Return how a time is written in a statement."""
        return f"'{at:%Y-%m-%d %H:%M:%S.%f}Z'"

    def load(self, name: str, batch: pa.RecordBatch) -> None:
        """Append rows to such a table."""
        marks = ", ".join("?" * batch.num_columns)
        with _failures(self._name), self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany(f"INSERT INTO {name} VALUES ({marks})", driver_rows(batch.columns))  # nosec B608

    def begin_change(self, table: str | None) -> None:
        """Keep other writers of the database out until the commit."""
        self.run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make all of it durable."""
        self.run("COMMIT")

    def close(self) -> None:
        """Give up what was not committed, and the connection."""
        connection: sqlite3.Connection | None = getattr(self, "_connection", None)
        if connection is not None:
            with _failures(self._name):
                connection.close()


@contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _failure(name, error) from error


def _failure(name: str, error: sqlite3.Error) -> AssentError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return full(name)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return busy(name)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return read_only(name)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return SourceError("BAD_ROW", f"sink {name}: its file is no SQLite database, or a damaged one; nothing changed")
    if code in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG):
        return bad_value(name)
    cause = getattr(error, "sqlite_errorname", "unknown")
    return StateError(
        "NOT_FOUND", f"sink {name}: cannot be written ({cause}); check its folder and its disk, nothing changed"
    )
