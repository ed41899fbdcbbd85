"""A database table of consent events, read row by row: SQLite or PostgreSQL, with the columns of `event_row`."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway.cli.event_row import event_of
from gateway.cli.events import EventRow
from gateway.errors import RequestError, SourceError

ROWS = 5000  # fetched at a time

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


class TableRows:
    """How far the rows of a table are settled, in the order of its primary key.

    A number alone would say nothing of a table that grew before it. So the place of an import holds a digest of that
    row's key too, and who goes on from there looks whether it is the same row still.

    Attributes:
        row: number of the last row that is settled.
    """

    def __init__(self, url: str, name: str) -> None:
        """Begin at the first row.

        Args:
            url: as of `read_table`.
            name: of the table.
        """
        self.row, self._mark = 0, ""
        self._url, self._name = url, name
        self._passed: deque[tuple[int, str]] = deque()

    def described(self) -> dict[str, object]:
        """Return what tells this table from another, without its address."""
        address = _address(self._url)
        where = f"{address.get_backend_name()} {address.host} {address.port} {address.database}"
        return {"table": self._name, "database": _digest(where)}

    def go_on(self, row: int, mark: str) -> None:
        """Begin behind a row instead."""
        self.row, self._mark = row, mark

    def settle(self, row: int) -> str:
        """Return the mark of a row that was read, and forget those before it."""
        while self._passed and self._passed[0][0] <= row:
            self.row, self._mark = self._passed.popleft()
        return self._mark

    def passed(self, row: int, key: Sequence[object]) -> None:
        """Remember the key of a row until it is settled."""
        self._passed.append((row, _digest("\0".join(map(str, key)))))

    def check(self, key: Sequence[object] | None) -> None:
        """Compare the key of the row that reading begins with; None where there is no such row.

        Raises:
            RequestError: BAD_FIELD.
        """
        if key is None or _digest("\0".join(map(str, key))) != self._mark:
            raise RequestError(
                "BAD_FIELD",
                f"row {self.row} of table {self._name} is another than when the import was broken off; delete the place"
                " to begin anew: what was imported before is not imported twice",
            )


def read_table(url: str, name: str, stand: TableRows | None = None) -> Iterator[EventRow]:
    """Yield (row number, event) in the order of the table's primary key; without one, as the database gives them.

    Args:
        url: "sqlite:///FILE" or "postgresql://USER:PASSWORD@HOST/DATABASE"; it is never shown.
        name: of the table or view, "SCHEMA.NAME" where it lies in another schema.
        stand: behind which row to begin, and what is told of every row's key; None reads all, and tells nobody.

    Raises:
        RequestError: BAD_FIELD for another kind of database, a table that is not there, one without a primary key
            where reading is to go on behind a row, or with another row there.
        SourceError: BAD_ROW when the database breaks off.
    """
    from sqlalchemy import create_engine, event, exc  # half a second to load: only for those who need it

    row = 0 if stand is None else stand.row
    engine = create_engine(_address(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _any_text)
    try:
        with engine.connect().execution_options(yield_per=ROWS) as connection:
            query, key = _query(connection, name)
            if stand is not None and not key:
                raise RequestError("BAD_FIELD", f"table {name} has no primary key, and so no order: leave --place out")
            with connection.execute(query.offset(row - 1) if row else query) as answer:
                found_rows = iter(answer.mappings())
                if stand is not None and row:
                    first = next(found_rows, None)
                    stand.check(None if first is None else [first[one] for one in key])
                for found in found_rows:
                    row += 1
                    if stand is not None:
                        stand.passed(row, [found[one] for one in key])
                    yield row, event_of(dict(found))
    except exc.NoSuchTableError:
        raise RequestError("BAD_FIELD", f"there is no table {name} in this database") from None
    except exc.SQLAlchemyError:
        # The library's own message quotes addresses and values.
        what = f"table {name} cannot be read after row {row}"
        raise SourceError("BAD_ROW", f"{what}; check the address, the password and the right to read it") from None
    finally:
        engine.dispose()


def _address(url: str) -> Any:
    from sqlalchemy import URL, exc, make_url

    try:
        address: URL = make_url(url)
    except exc.ArgumentError:
        raise RequestError("BAD_FIELD", "--database must be a URL, such as sqlite:///events.db") from None
    driver = _DRIVERS.get(address.get_backend_name())
    if driver is None:
        raise RequestError("BAD_FIELD", "--database must begin with sqlite:/// or postgresql://")
    if driver == "sqlite":
        # SQLite would make the file.
        file = Path(address.database or "")
        if not file.is_file() or not os.access(file, os.R_OK):
            raise RequestError("BAD_FIELD", "--database names no SQLite file that can be read")
    return address.set(drivername=driver)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _query(connection: Any, name: str) -> tuple[Any, list[str]]:
    """Return the query of all rows in the order of the key, and the columns of that."""
    from sqlalchemy import MetaData, Table, column, select

    schema, _, bare = name.rpartition(".")
    table = Table(bare, MetaData(), schema=schema or None, autoload_with=connection)
    # Untyped: what the driver reads is told to the gateway, and not what a declared type makes of it.
    columns: list[Any] = [column(found.name) for found in table.columns]
    key = [found.name for found in table.primary_key.columns]
    return select(*columns).select_from(table).order_by(*[column(name) for name in key]), key


def _any_text(connection: Any, _: object) -> None:
    """Let text that is not UTF-8 through as lone surrogates: the client names its row and field."""
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
