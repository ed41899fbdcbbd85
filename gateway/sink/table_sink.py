"""A database table as a sink: rows wait in a table of the connection's own, then change places in one transaction.

The statements are those that SQLite, PostgreSQL and MySQL share; what differs is the database's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from gateway.route.delivery import SinkMode, Withdrawn
from gateway.sink.failure import unfit
from gateway.sink.place import RUN, SUBJECT, WITHDRAWN_AT, Gone, emptied_columns, pairs_of, whole_runs

STAGE, GONE, RUNS = "assent_stage", "assent_gone", "assent_runs"
_PAIR = pa.schema([pa.field(RUN, pa.string()), pa.field(SUBJECT, pa.string())])
_RUN = pa.schema([pa.field(RUN, pa.string())])
_TOGETHER = 65_536


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table that is there.

    Attributes:
        type: as the database calls it.
        required: a row must say something in it, for the table does not.
    """

    type: str
    required: bool


def driver_rows(columns: Iterable[pa.Array]) -> list[tuple[object, ...]]:
    """Return rows as drivers take them: numbers as they are, everything else as text, so that nothing is rounded."""
    return list(zip(*(_plain(column).to_pylist() for column in columns), strict=True))


def _plain(column: pa.Array) -> pa.Array:
    whole = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    return column if whole else column.cast(pa.string())


class Database(Protocol):
    """One connection; blocking. Errors are those of `gateway.errors`."""

    def connect(self) -> None:
        """Connect and begin a transaction for rows that wait."""
        ...

    def columns(self, table: str) -> Mapping[str, TableColumn] | None:
        """Return the columns of a table, None when it is not there."""
        ...

    def type_of(self, kind: pa.DataType, *, key: bool = False) -> str:
        """Return the type that holds an Arrow type whole; of a key a type that an index takes."""
        ...

    def fits(self, kind: pa.DataType, type: str) -> bool:
        """Return whether a column's type takes an Arrow type."""
        ...

    def run(self, statement: str) -> int:
        """Run a statement; return how many rows it changed."""
        ...

    def make_waiting(self, name: str, columns: str, keys: str) -> None:
        """Make an empty table of this connection's own, in which rows are looked up by keys."""
        ...

    def make_table(self, table: str, columns: str) -> None:
        """Make an empty table that stays, within the change where the database can."""
        ...

    def time(self, at: datetime) -> str:
        """Return how a time is written in a statement, which is how times are loaded too."""
        ...

    def load(self, name: str, batch: pa.RecordBatch) -> None:
        """Append rows to such a table."""
        ...

    def begin_change(self, table: str | None) -> None:
        """Keep other writers of a table out until the commit; None: of one that is not there yet."""
        ...

    def commit(self) -> None:
        """Make all of it durable."""
        ...

    def close(self) -> None:
        """Give up what was not committed, and the connection."""
        ...


class TableSink:
    """One table; blocking."""

    def __init__(
        self, name: str, connect: Callable[[], Database], table: str, mode: SinkMode, withdrawn: Withdrawn
    ) -> None:
        """Touch nothing yet."""
        self.name, self.connect, self.table, self.mode = name, connect, table, mode
        self._withdrawn = withdrawn

    def writer(self, key: str, schema: pa.Schema) -> TableWriter:
        """Return a writer."""
        return TableWriter(self, key, schema)

    def take_out(self, gone: Gone, at: datetime) -> int:
        """Take rows out of the table, or make tombstones of them; return how many there were."""
        database = self.connect()
        try:
            database.connect()
            columns = database.columns(self.table)
            if columns is None or RUN not in columns:
                return 0
            for name, schema, rows in (
                (GONE, _PAIR, list(pairs_of(gone))),
                (RUNS, _RUN, [(r,) for r in whole_runs(gone)]),
            ):
                keys = schema.names
                database.make_waiting(name, _declared(database, schema, keys), ", ".join(map(quoted, keys)))
                for start in range(0, len(rows), _TOGETHER):
                    part = list(zip(*rows[start : start + _TOGETHER], strict=True))
                    database.load(name, pa.record_batch([pa.array(values) for values in part], schema=schema))
            database.begin_change(self.table)
            table = quoted(self.table)
            count = database.run(f"DELETE FROM {table} WHERE {_RUN_ID} IN (SELECT {_RUN_ID} FROM {RUNS})")  # nosec B608
            if SUBJECT in columns:
                keep = self._withdrawn is Withdrawn.TOMBSTONE and WITHDRAWN_AT in columns
                taken = _tombstones(database, table, columns, at) if keep else f"DELETE FROM {table}"  # nosec B608
                count += database.run(taken + _NAMED)
            database.commit()
        finally:
            database.close()
        return count


_RUN_ID, _SUBJECT_ID = f'"{RUN}"', f'"{SUBJECT}"'
_NAMED = f" WHERE ({_RUN_ID}, {_SUBJECT_ID}) IN (SELECT {_RUN_ID}, {_SUBJECT_ID} FROM {GONE})"  # nosec B608


class TableWriter:
    """Puts one result into a table."""

    def __init__(self, sink: TableSink, key: str, schema: pa.Schema) -> None:
        """Touch nothing yet."""
        self._sink, self._key, self._schema = sink, key, schema
        self._database = sink.connect()
        self._there = False

    def begin(self) -> None:
        """Connect, and check that rows fit the table.

        Raises:
            SourceError: MISSING_COLUMN when they do not.
        """
        self._database.connect()
        columns = self._database.columns(self._sink.table)
        self._there = columns is not None
        if columns is not None:
            self._check(columns)
        self._database.make_waiting(STAGE, self._declared(), quoted(self._key))

    def _check(self, columns: Mapping[str, TableColumn]) -> None:
        name = self._sink.name
        for field in self._schema:
            there, wanted = columns.get(field.name), self._database.type_of(field.type)
            if there is None:
                raise unfit(name, f"its table has no column {field.name}; add it with the type {wanted}")
            if not self._database.fits(field.type, there.type):
                raise unfit(name, f"column {field.name} of its table has the type {there.type} and needs {wanted}")
        for other in sorted(columns.keys() - set(self._schema.names)):
            if columns[other].required:
                raise unfit(name, f"column {other} of its table must not be null, and the result has no such column")

    def _declared(self) -> str:
        return _declared(self._database, self._schema, (self._key,))

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        self._database.load(STAGE, batch)

    def commit(self) -> None:
        """Let the rows take their places."""
        database, table, sink = self._database, quoted(self._sink.table), self._sink
        database.begin_change(sink.table if self._there else None)
        if not self._there:
            primary = f", PRIMARY KEY ({_SUBJECT_ID})" if self._key == SUBJECT else ""
            database.make_table(table, self._declared() + primary)
        if sink.mode is SinkMode.REPLACE:
            database.run(f"DELETE FROM {table}")  # nosec B608
        else:
            key = quoted(self._key)
            database.run(f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {STAGE})")  # nosec B608
        names = ", ".join(map(quoted, self._schema.names))
        database.run(f"INSERT INTO {table} ({names}) SELECT {names} FROM {STAGE}")  # nosec B608
        database.commit()

    def close(self) -> None:
        """Give up what was not committed."""
        self._database.close()


def quoted(name: str) -> str:
    """Write a name, perhaps with its schema, as an identifier of SQL."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def _declared(database: Database, schema: pa.Schema, keys: Sequence[str]) -> str:
    return ", ".join(f"{quoted(f.name)} {database.type_of(f.type, key=f.name in keys)}" for f in schema)


def _tombstones(database: Database, table: str, columns: Iterable[str], at: datetime) -> str:
    emptied = [f"{quoted(name)} = NULL" for name in emptied_columns(columns)]
    return f"UPDATE {table} SET {', '.join([*emptied, f'{quoted(WITHDRAWN_AT)} = {database.time(at)}'])}"  # nosec B608
