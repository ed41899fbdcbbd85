"""PostgreSQL tables as sinks: rows go in by COPY, columns at a time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import errors

from gateway.errors import AssentError, StateError
from gateway.sink.failure import away, bad_value, busy, full, read_only, unfit
from gateway.sink.place import Secret
from gateway.sink.table_sink import TableColumn, quoted

_CONNECT_S = 10
_LOCK = "30s"
_TAKEN = {
    "text": {"text", "character varying"},
    "bigint": {"bigint"},
    "double precision": {"double precision"},
    "timestamp with time zone": {"timestamp with time zone"},
}
"""Types of columns that take a type whole; a shorter text refuses what is too long, a shorter time would round."""
_NUMERIC = re.compile(r"numeric(?:\(\d+,(-?\d+)\))?")
_VARYING = re.compile(r"(?<=^character varying)\(\d+\)$")


class PostgresqlDatabase:
    """One connection to a server."""

    def __init__(self, name: str, url: Secret, password: Secret) -> None:
        """Touch nothing yet."""
        self._name, self._url, self._password = name, url, password
        self._connection: psycopg.Connection[Any]

    def connect(self) -> None:
        """Connect and begin a transaction."""
        with _failures(self._name):
            self._connection = psycopg.connect(
                self._url.get_secret_value(),
                connect_timeout=_CONNECT_S,
                application_name="assent",
                password=self._password.get_secret_value() or None,
            )
        self.run(f"SET LOCAL lock_timeout = '{_LOCK}'")

    def columns(self, table: str) -> Mapping[str, TableColumn] | None:
        """Return the columns of a table, None when it is not there."""
        with _failures(self._name):
            rows = self._connection.execute(
                "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull AND NOT a.atthasdef"
                " AND a.attidentity = '' FROM pg_attribute a"
                " WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped",
                (quoted(table),),
            ).fetchall()
        return {name: TableColumn(kind, required) for name, kind, required in rows} or None

    def type_of(self, kind: pa.DataType, *, key: bool = False) -> str:
        """Return the type that holds an Arrow type whole."""
        if pa.types.is_integer(kind):
            return "bigint"
        if pa.types.is_decimal(kind):
            return f"numeric({kind.precision},{kind.scale})"
        if pa.types.is_floating(kind):
            return "double precision"
        return "timestamp with time zone" if pa.types.is_timestamp(kind) else "text"

    def fits(self, kind: pa.DataType, type: str) -> bool:
        """Return whether a column takes a type."""
        numeric = _NUMERIC.fullmatch(type)
        if numeric and (pa.types.is_decimal(kind) or pa.types.is_integer(kind)):
            # Fewer digits than that and the server would round in silence.
            return numeric[1] is None or int(numeric[1]) >= (kind.scale if pa.types.is_decimal(kind) else 0)
        return not pa.types.is_decimal(kind) and _VARYING.sub("", type) in _TAKEN[self.type_of(kind)]

    def run(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""
        with _failures(self._name):
            # Made of our own words and of quoted names.
            return max(self._connection.execute(statement.encode()).rowcount, 0)

    def make_waiting(self, name: str, columns: str, keys: str) -> None:
        """Make an empty table of this connection's own."""
        self.run(f"CREATE TEMP TABLE {name} ({columns}) ON COMMIT DROP")

    def make_table(self, table: str, columns: str) -> None:
        """Make an empty table that stays, within the change."""
        self.run(f"CREATE TABLE {table} ({columns})")

    def time(self, at: datetime) -> str:
        """Return how a time is written in a statement."""
        return f"'{at:%Y-%m-%d %H:%M:%S.%f}Z'"

    def load(self, name: str, batch: pa.RecordBatch) -> None:
        """Append rows to such a table: a null is an empty field, an empty text has quotes."""
        text = io.BytesIO()
        pa.csv.write_csv(batch, text, pa.csv.WriteOptions(include_header=False))
        statement = f"COPY {name} FROM STDIN (FORMAT csv)".encode()
        with _failures(self._name), self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(text.getbuffer())

    def begin_change(self, table: str | None) -> None:
        """Keep other writers of the table out until the commit; its readers go on reading."""
        if table is not None:
            self.run(f"LOCK TABLE {quoted(table)} IN SHARE ROW EXCLUSIVE MODE")

    def commit(self) -> None:
        """Make all of it durable."""
        with _failures(self._name):
            self._connection.commit()

    def close(self) -> None:
        """Give up what was not committed, and the connection."""
        connection: psycopg.Connection[Any] | None = getattr(self, "_connection", None)
        if connection is not None:
            with suppress(psycopg.Error):  # the server rolls back what it has, whatever it says
                connection.close()


@contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise _failure(name, error) from error


def _failure(name: str, error: psycopg.Error) -> AssentError:
    kinds: list[tuple[type[psycopg.Error] | tuple[type[psycopg.Error], ...], AssentError]] = [
        (errors.DiskFull, full(name)),
        ((errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction), read_only(name)),
        (
            (
                errors.LockNotAvailable,
                errors.DeadlockDetected,
                errors.SerializationFailure,
                errors.DuplicateTable,
                errors.UniqueViolation,
            ),
            busy(name),
        ),
        ((errors.UndefinedColumn, errors.UndefinedTable), unfit(name, "its table was changed meanwhile; look at it")),
        (errors.InvalidSchemaName, StateError("NOT_FOUND", f"sink {name}: its schema is not there; make it")),
        ((psycopg.DataError, psycopg.IntegrityError), bad_value(name)),
        (psycopg.OperationalError, away(name)),
    ]
    found = next((failure for kind, failure in kinds if isinstance(error, kind)), None)
    code = error.sqlstate or "unknown"
    return found or StateError("NOT_FOUND", f"sink {name}: its database refuses ({code}); look at it, nothing changed")
