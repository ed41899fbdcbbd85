"""Tables behind the MySQL protocol through PyMySQL, row by row from a cursor of the server's, as text.

Written for MySQL and MariaDB; StarRocks and Doris speak the same protocol.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pymysql
from pymysql.converters import conversions
from pymysql.cursors import SSCursor

from gateway.dataset.database import Name
from gateway.route.mysql_url import connect_arguments

_CONNECT_S, _READ_S = 10, 600
_FIRST, _MOST = 64, 8192  # rows that are fetched at a time: more of them while they are short
_SHORT = 4 << 20  # bytes
# Parameters are written as Python has them; values are left as the server writes them.
_CONVERSIONS: dict[Any, Any] = {key: write for key, write in conversions.items() if not isinstance(key, int)}
_COLUMNS = """
SELECT column_name, column_type FROM information_schema.columns
WHERE table_schema = coalesce(%s, database()) AND table_name = %s ORDER BY ordinal_position
"""
_KEY = """
SELECT column_name FROM information_schema.key_column_usage WHERE constraint_name = 'PRIMARY'
AND table_schema = coalesce(%s, database()) AND table_name = %s ORDER BY ordinal_position
"""


@dataclass(frozen=True, slots=True, repr=False)
class MySQL:
    """A database behind the MySQL protocol.

    Attributes:
        url: mysql://user:password@host:port/database; may hold a password, so that it is never shown.
    """

    url: str

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        return (pymysql.MySQLError, pa.ArrowException, OSError)

    @contextmanager
    def connected(self) -> Generator[MySQLConnection, None, None]:
        """Connect by the URL.

        Raises:
            RequestError: BAD_FIELD for an option that is not known.
        """
        driver = pymysql.connect(
            **connect_arguments(self.url),
            charset="utf8mb4",
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            conv=_CONVERSIONS,
        )
        try:
            yield MySQLConnection(driver)
        finally:
            # What was not read is not waited for.
            if driver.open:
                driver.close()

    def quoted(self, name: str) -> str:
        """Write a name in backticks."""
        return "`" + name.replace("`", "``") + "`"

    def as_text(self, column: str) -> str:
        """Leave it: the protocol sends text."""
        return column

    def damage(self, error: Exception) -> str:
        """Return nothing: that is for whoever runs the server."""
        return ""

    def code(self, error: Exception) -> str:
        """Return the server's or the client's number."""
        number = error.args[0] if error.args else None
        return f"MySQL {number}" if isinstance(number, int) and number else ""


@dataclass(frozen=True, slots=True, repr=False)
class MySQLConnection:
    """A connection that asks one question after another."""

    driver: pymysql.Connection[Any]

    def columns(self, table: Name) -> list[tuple[str, str]]:
        """Return columns by the schema of schemas."""
        return [(name, type_) for name, type_ in self._all(_COLUMNS, table)]

    def key(self, table: Name) -> list[str]:
        """Return the primary key."""
        return [name for (name,) in self._all(_KEY, table)]

    def rows(self, query: str) -> Generator[pa.RecordBatch, None, None]:
        """Fetch the answer in pieces."""
        cursor = self.driver.cursor(SSCursor)
        try:
            cursor.execute(query)
            names = [column[0] for column in cursor.description]
            count = _FIRST
            while rows := cursor.fetchmany(count):
                columns = [_text(column) for column in zip(*rows, strict=True)]
                batch = pa.RecordBatch.from_arrays(columns, names=names)
                yield batch
                count = min(2 * count, _MOST) if batch.nbytes < _SHORT else max(count // 2, 1)
        finally:
            # Closing either would read on to the last row; the connection is closed instead.
            left: Any = getattr(cursor, "_result", None)
            if left is not None:
                left.unbuffered_active = False
            cursor.connection = None  # type: ignore[assignment]  # documented: a cursor without one is closed

    def _all(self, query: str, table: Name) -> list[tuple[str, ...]]:
        with closing(self.driver.cursor()) as cursor:
            cursor.execute(query, (table[0] if len(table) > 1 else None, table[-1]))
            return [tuple(row) for row in cursor.fetchall()]


def _text(values: tuple[Any, ...]) -> pa.StringArray:
    """Return text, and bytes as the text that they may be: whoever reads it checks that."""
    raw = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2], raw.buffers()[0], raw.null_count)
