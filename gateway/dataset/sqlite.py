"""Tables of SQLite through ADBC. Its columns hold values of any type, so each is read as text, absent ones as empty."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from adbc_driver_manager import Error
from adbc_driver_manager.dbapi import Connection as Driver
from adbc_driver_sqlite import dbapi

from gateway.dataset.database import Name

_DAMAGE = {
    "database disk image is malformed": "which is damaged or cut off; put a whole copy of the file in its place",
    "file is not a database": "which is no SQLite database, or an encrypted one; name another file or export it again",
    "database is locked": "which another program is writing; try again once it is done",
    "failed to open": "which cannot be reached; check that it is there, and our rights to it",
}


@dataclass(frozen=True, slots=True, repr=False)
class SQLite:
    """A database in a file, opened for reading only.

    Attributes:
        path: of the file.
    """

    path: Path

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        return (Error, pa.ArrowException, OSError)

    @contextmanager
    def connected(self) -> Generator[SQLiteConnection, None, None]:
        """Open the file."""
        with closing(dbapi.connect(f"{self.path.as_uri()}?mode=ro", autocommit=True)) as driver:
            yield SQLiteConnection(driver)

    def quoted(self, name: str) -> str:
        """Write a name in double quotes."""
        return _quoted(name)

    def as_text(self, column: str) -> str:
        """Write whole numbers without a point, whatever they are stored as, and nothing for NULL.

        The driver takes a column's type from its first rows, where nothing but NULLs would make it a number.
        """
        whole = f"CAST(CAST({column} AS INTEGER) AS TEXT)"
        is_whole = f"typeof({column}) = 'real' AND {column} = CAST({column} AS INTEGER)"
        return f"coalesce(CASE WHEN {is_whole} THEN {whole} ELSE CAST({column} AS TEXT) END, '')"

    def damage(self, error: Exception) -> str:
        """Return whether the file is whole: the driver tells it by SQLite's words alone, which hold no value."""
        said = str(error)
        for words, problem in _DAMAGE.items():
            if words in said:
                return f"stands in {self.path.name}, {problem}"
        return ""

    def code(self, error: Exception) -> str:
        """Return the driver's code."""
        code = getattr(error, "vendor_code", None)
        return f"SQLite {code}" if code else ""


@dataclass(frozen=True, slots=True, repr=False)
class SQLiteConnection:
    """A connection that asks one question after another."""

    driver: Driver

    def columns(self, table: Name) -> list[tuple[str, str]]:
        """Return columns as declared."""
        found = self._all(f"SELECT name, lower(type) FROM {_pragma('table_xinfo', table)} WHERE hidden <> 1")  # nosec B608
        return [(str(name), str(type_ or "any")) for name, type_ in found]

    def key(self, table: Name) -> list[str]:
        """Return the primary key, or the row's own number where there is one."""
        key = self._all(f"SELECT name FROM {_pragma('table_xinfo', table)} WHERE pk > 0 ORDER BY pk")  # nosec B608
        if key:
            return [str(name) for (name,) in key]
        master = f"{_quoted(table[0])}.sqlite_master" if len(table) > 1 else "sqlite_master"
        is_table = self._all(
            f"SELECT 1 FROM {master} WHERE type = 'table' AND lower(name) = lower({_literal(table[-1])})"  # nosec B608
        )
        return ["rowid"] if is_table else []

    def rows(self, query: str) -> Generator[pa.RecordBatch, None, None]:
        """Stream the answer."""
        with closing(self.driver.cursor()) as cursor:
            cursor.execute(query)
            yield from cursor.fetch_record_batch()

    def _all(self, query: str) -> list[tuple[object, ...]]:
        with closing(self.driver.cursor()) as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]


def _pragma(name: str, table: Name) -> str:
    schema = f", {_literal(table[0])}" if len(table) > 1 else ""
    return f"pragma_{name}({_literal(table[-1])}{schema})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
