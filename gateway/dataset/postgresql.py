"""Tables of PostgreSQL through ADBC: columns come as Arrow from COPY, as text."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyarrow as pa
from adbc_driver_manager import Error
from adbc_driver_manager.dbapi import Connection as Driver
from adbc_driver_postgresql import dbapi

from gateway.dataset.database import Name

_DEFAULTS = {"connect_timeout": "10", "client_encoding": "UTF8", "application_name": "assent"}
_COLUMNS = """
SELECT attname::text, pg_catalog.format_type(atttypid, atttypmod)::text FROM pg_catalog.pg_attribute
WHERE attrelid = pg_catalog.to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_KEY = """
SELECT a.attname::text FROM pg_catalog.pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisprimary ORDER BY k.place
"""


@dataclass(frozen=True, slots=True, repr=False)
class PostgreSQL:
    """A database of PostgreSQL.

    Attributes:
        url: as libpq takes it; may hold a password, so that it is never shown.
    """

    url: str

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        return (Error, pa.ArrowException, OSError)

    @contextmanager
    def connected(self) -> Generator[PostgreSQLConnection, None, None]:
        """Connect by the URL."""
        parts = urlsplit(self.url)
        query = urlencode(_DEFAULTS | dict(parse_qsl(parts.query, keep_blank_values=True)))
        with closing(dbapi.connect(urlunsplit(parts._replace(query=query)), autocommit=True)) as driver:
            yield PostgreSQLConnection(driver)

    def quoted(self, name: str) -> str:
        """Write a name in double quotes."""
        return _quoted(name)

    def as_text(self, column: str) -> str:
        """Cast as PostgreSQL writes values."""
        return f"{column}::text"

    def damage(self, error: Exception) -> str:
        """Return nothing: that is for whoever runs the server."""
        return ""

    def code(self, error: Exception) -> str:
        """Return the SQLSTATE."""
        return getattr(error, "sqlstate", None) or ""


@dataclass(frozen=True, slots=True, repr=False)
class PostgreSQLConnection:
    """A connection that asks one question after another."""

    driver: Driver

    def columns(self, table: Name) -> list[tuple[str, str]]:
        """Return columns by the catalogue."""
        return [(name, type_) for name, type_ in self._all(_COLUMNS, table)]

    def key(self, table: Name) -> list[str]:
        """Return the primary key."""
        return [name for (name,) in self._all(_KEY, table)]

    def rows(self, query: str) -> Generator[pa.RecordBatch, None, None]:
        """Stream the answer of COPY."""
        with closing(self.driver.cursor()) as cursor:
            cursor.execute(query)
            yield from cursor.fetch_record_batch()

    def _all(self, query: str, table: Name) -> list[tuple[str, ...]]:
        with closing(self.driver.cursor()) as cursor:
            cursor.execute(query, (".".join(map(_quoted, table)),))
            return [tuple(row) for row in cursor.fetchall()]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
