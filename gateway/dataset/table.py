"""Rows from a table or view of a database: all columns as text, in the order of a key, all of one moment."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing, contextmanager

import pyarrow as pa

from gateway.dataset.column_digest import ColumnDigest
from gateway.dataset.database import Connection, Database, Name
from gateway.dataset.source import Source
from gateway.dataset.text import checked, whole_decimals


class Table:
    """An Origin of a table. A pass is one query, which the database answers from one moment."""

    def __init__(self, source: Source, database: Database, table: str, order_by: tuple[str, ...]) -> None:
        """Connect to nothing yet.

        Args:
            source: for messages.
            database: where the table is.
            table: its name, maybe with its schema before a point.
            order_by: columns that give the rows their order; none for the key, or all columns where there is no key.
        """
        self._source, self._database, self._order_by = source, database, order_by
        self._table: Name = tuple(table.split("."))
        self._state: dict[str, str] = {}

    @property
    def source(self) -> Source:
        """Names the table."""
        return self._source

    @property
    def state(self) -> Mapping[str, str]:
        """A digest of each column that was read, in the order of the rows."""
        return self._state

    def encoding(self) -> str:
        """Return nothing: databases tell text as text."""
        return ""

    def size(self) -> None:
        """Return nothing: counting is reading."""

    def header(self) -> list[tuple[str, str]]:
        """Return the columns.

        Raises:
            SourceError: BAD_ROW when the table is not there or the database cannot be asked.
        """
        with self._connected() as connection:
            return self._columns(connection)

    def batches(self, wanted: tuple[str, ...]) -> Generator[pa.RecordBatch, None, None]:
        """Read columns as text.

        Raises:
            SourceError: MISSING_COLUMN, BAD_ENCODING, BAD_ROW; SOURCE_CHANGED for a table that went meanwhile.
        """
        self._state, before = {}, 0
        digests = {name: ColumnDigest() for name in wanted}
        with self._connected() as connection:
            types = dict(self._columns(connection))
            columns = list(types)
            self._source.check_columns(columns, (*wanted, *self._order_by))
            decimals = [name for name in wanted if types[name].startswith(("numeric", "decimal"))]
            try:
                query = self._query(wanted, self._order_by or connection.key(self._table) or columns)
                with closing(connection.rows(query)) as rows:
                    for batch in rows:
                        read = _without_zeros(checked(self._source, batch, wanted, before), decimals)
                        for name, digest in digests.items():
                            digest.add(read.column(name))
                        before += read.num_rows
                        yield read
            except self._database.errors as error:
                self._refuse_end(error, before)
        self._state = {name: digest.hex() for name, digest in digests.items()}

    def _query(self, wanted: tuple[str, ...], order: list[str] | tuple[str, ...]) -> str:
        quoted = self._database.quoted
        columns = ", ".join(f"{self._database.as_text(f's.{quoted(name)}')} AS {quoted(name)}" for name in wanted)
        table = ".".join(map(quoted, self._table))
        # Every name is quoted; the order is of the columns themselves, which an index may serve, not of their text.
        keys = ", ".join(f"s.{quoted(name)}" for name in order)
        return f"SELECT {columns} FROM {table} AS s ORDER BY {keys}"  # nosec B608

    def _columns(self, connection: Connection) -> list[tuple[str, str]]:
        try:
            columns = connection.columns(self._table)
        except self._database.errors as error:
            code = self._code(error)
            self._refuse_damage(error)
            self._source.refuse("BAD_ROW", f"cannot be looked up{code}; check the table's name and our rights to it")
        if not columns:
            self._source.refuse(
                "BAD_ROW", "is no table or view there, or not one that we may read; check its name and our rights to it"
            )
        self._source.check_names([name for name, _ in columns])
        return columns

    @contextmanager
    def _connected(self) -> Generator[Connection, None, None]:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._database.connected())
            except self._database.errors as error:
                self._refuse_damage(error)
                self._source.refuse(
                    "BAD_ROW",
                    f"lies in a database that cannot be reached{self._code(error)}; check its URL, the account and "
                    "whether it runs",
                )
            yield connection

    def _refuse_end(self, error: Exception, before: int) -> None:
        """Say why reading ended: whether the table is still there is asked once more."""
        self._refuse_damage(error, f"could not be read on behind row {before}: it ")
        code = self._code(error)
        try:
            with self._database.connected() as connection:
                gone = not connection.columns(self._table)
        except self._database.errors:
            self._source.refuse(
                "BAD_ROW",
                f"could not be read on behind row {before}{code}, and its database does not answer; "
                "try again once it does",
            )
        if gone:
            self._source.refuse(
                "SOURCE_CHANGED",
                f"went behind row {before}: the table is not there any more; try again once it is written",
            )
        self._source.refuse(
            "BAD_ROW",
            f"could not be read on behind row {before}{code}; check our rights and the database's log, "
            "or declare order_by",
        )

    def _refuse_damage(self, error: Exception, before: str = "") -> None:
        damage = self._database.damage(error)
        if damage:
            self._source.refuse("BAD_ROW", before + damage)

    def _code(self, error: Exception) -> str:
        code = self._database.code(error)
        return f" ({code})" if code else ""


def _without_zeros(read: pa.RecordBatch, decimals: list[str]) -> pa.RecordBatch:
    """Write whole decimals as other sources do: without the zeros of the column's scale."""
    for name in decimals:
        at = read.schema.get_field_index(name)
        read = read.set_column(at, read.schema.field(at), whole_decimals(read.column(at)))
    return read
