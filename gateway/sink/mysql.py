"""Tables of MySQL and MariaDB as sinks: rows wait in a temporary table; only InnoDB takes them whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import pyarrow as pa
import pymysql
from pymysql.constants import CLIENT

from gateway.errors import AssentError, StateError
from gateway.route.mysql_url import connect_arguments
from gateway.sink.failure import away, bad_value, busy, full, read_only, unfit
from gateway.sink.place import Secret
from gateway.sink.table_sink import TableColumn, driver_rows

_CONNECT_S, _WAIT_S, _LOCK_S = 10, 600, 30
# Names in double quotes, as the statements have them; a value that does not fit is an error, not another value.
_MODE = "ANSI_QUOTES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO"
_SESSION = (
    "SET SESSION time_zone = '+00:00', default_storage_engine = InnoDB, default_tmp_storage_engine = InnoDB,"
    f" innodb_lock_wait_timeout = {_LOCK_S}, lock_wait_timeout = {_LOCK_S}"
)
_ENGINE = """
SELECT engine FROM information_schema.tables WHERE table_schema = coalesce(%s, database()) AND table_name = %s
"""
_COLUMNS = """
SELECT column_name, column_type, is_nullable = 'NO' AND column_default IS NULL AND extra NOT LIKE '%%auto_increment%%'
AND extra NOT LIKE '%%GENERATED%%' FROM information_schema.columns
WHERE table_schema = coalesce(%s, database()) AND table_name = %s
"""
_OURS = "SELECT get_lock(sha2(concat_ws('.', 'assent', coalesce(%s, database()), %s), 256), %s)"
_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_TAKEN = {
    "longtext": {"varchar", "tinytext", "text", "mediumtext", "longtext"},
    "bigint": {"bigint"},
    "double": {"double"},
    "datetime(6)": {"datetime(6)", "timestamp(6)"},
}
"""Types of columns that take a type without loss: a shorter text refuses what is too long, a shorter time rounds."""
_DECIMAL = re.compile(r"decimal\(\d+,(\d+)\)")


class MysqlDatabase:
    """One connection to a server."""

    def __init__(self, name: str, url: Secret, password: Secret) -> None:
        """Touch nothing yet."""
        self._name, self._url, self._password = name, url, password
        self._connection: pymysql.Connection[Any]

    def connect(self) -> None:
        """Connect; only `begin_change` begins a transaction."""
        given = connect_arguments(self._url.get_secret_value())
        if password := self._password.get_secret_value():
            given["password"] = password.encode()
        with _failures(self._name):
            self._connection = pymysql.connect(
                **given,
                charset="utf8mb4",
                autocommit=True,
                client_flag=CLIENT.FOUND_ROWS,
                connect_timeout=_CONNECT_S,
                read_timeout=_WAIT_S,
                write_timeout=_WAIT_S,
                sql_mode=_MODE,
            )
        self.run(_SESSION)

    def columns(self, table: str) -> Mapping[str, TableColumn] | None:
        """Return the columns of a table, None when it is not there.

        Raises:
            SourceError: MISSING_COLUMN for a table that would be left half-written.
        """
        rows = self._ask(_COLUMNS, _named(table))
        if rows and [str(engine).lower() for (engine,) in self._ask(_ENGINE, _named(table))] != ["innodb"]:
            raise unfit(self._name, "its table is not of the engine InnoDB, which alone takes rows whole or not at all")
        return {name: TableColumn(kind, bool(required)) for name, kind, required in rows} or None

    def type_of(self, kind: pa.DataType, *, key: bool = False) -> str:
        """Return the type that holds an Arrow type whole; the keys are our own references, which are short."""
        if pa.types.is_integer(kind):
            return "bigint"
        if pa.types.is_decimal(kind):
            return f"decimal({kind.precision},{kind.scale})"
        if pa.types.is_floating(kind):
            return "double"
        if pa.types.is_timestamp(kind):
            return "datetime(6)"
        return "varchar(64) NOT NULL" if key else "longtext"

    def fits(self, kind: pa.DataType, type: str) -> bool:
        """Return whether a column takes a type."""
        if pa.types.is_decimal(kind):
            found = _DECIMAL.match(type)
            return found is not None and int(found[1]) >= kind.scale
        word = type if pa.types.is_timestamp(kind) else re.split(r"[( ]", type)[0]
        return word in _TAKEN[self.type_of(kind)]

    def run(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""
        with _failures(self._name), self._connection.cursor() as cursor:
            cursor.execute(statement)
            return max(int(cursor.rowcount), 0)

    def make_waiting(self, name: str, columns: str, keys: str) -> None:
        """Make an empty table of this connection's own; without the index each row would be looked for among all."""
        self.run(f"CREATE TEMPORARY TABLE {name} ({columns}, KEY ({keys})) {_TEXT}")

    def make_table(self, table: str, columns: str) -> None:
        """Make an empty table that stays. MySQL makes it at once, whatever becomes of the rows."""
        self.run(f"CREATE TABLE {table} ({columns}) {_TEXT}")
        self.run("START TRANSACTION")

    def time(self, at: datetime) -> str:
        """Return how a time is written in a statement."""
        return f"'{at:%Y-%m-%d %H:%M:%S.%f}'"

    def load(self, name: str, batch: pa.RecordBatch) -> None:
        """Append rows to such a table."""
        rows = driver_rows(map(_in_utc, batch.columns))
        marks = ", ".join(["%s"] * batch.num_columns)
        with _failures(self._name), self._connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # nosec B608

    def begin_change(self, table: str | None) -> None:
        """Keep other gateways out until the connection ends; others wait for the rows that are touched, readers not."""
        if table is not None and self._ask(_OURS, (*_named(table), _LOCK_S)) != [(1,)]:
            raise busy(self._name)
        self.run("START TRANSACTION")

    def commit(self) -> None:
        """Make all of it durable."""
        with _failures(self._name):
            self._connection.commit()

    def close(self) -> None:
        """Give up what was not committed, and the connection."""
        connection: pymysql.Connection[Any] | None = getattr(self, "_connection", None)
        if connection is not None and connection.open:
            with suppress(pymysql.MySQLError, OSError):  # the server rolls back what it has, whatever it says
                connection.close()

    def _ask(self, query: str, given: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with _failures(self._name), self._connection.cursor() as cursor:
            cursor.execute(query, given)
            return list(cursor.fetchall())


def _named(table: str) -> tuple[str | None, str]:
    schema, _, bare = table.rpartition(".")
    return schema or None, bare


def _in_utc(column: pa.Array) -> pa.Array:
    """Return times without their zone, which the session has."""
    return column.cast(pa.timestamp("us")) if pa.types.is_timestamp(column.type) else column


@contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except (pymysql.MySQLError, OSError) as error:
        raise _failure(name, error) from error


def _failure(name: str, error: Exception) -> AssentError:
    code = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else 0
    kinds: list[tuple[set[int], AssentError]] = [
        ({28, 1021, 1026, 1114}, full(name)),
        ({1044, 1142, 1143, 1227, 1290, 1792, 1836}, read_only(name)),
        ({1050, 1062, 1205, 1213}, busy(name)),
        ({1054, 1146}, unfit(name, "its table was changed meanwhile; look at it")),
        ({1049}, StateError("NOT_FOUND", f"sink {name}: its database is not there; make it")),
        ({1048, 1264, 1265, 1292, 1364, 1366, 1406, 1452, 3819, 4025}, bad_value(name)),
        ({1040, 1053, 1927, *range(2000, 3000)}, away(name)),
    ]
    found = next((failure for codes, failure in kinds if code in codes), None)
    if found is None and not code:
        return away(name)
    return found or StateError("NOT_FOUND", f"sink {name}: its database refuses ({code}); look at it, nothing changed")
