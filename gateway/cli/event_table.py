"""A database table of consent events, read row by row: SQLite or PostgreSQL, with the columns of `event_row`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.cli.event_row import event_of
from gateway.cli.events import EventRow
from gateway.errors import RequestError, SourceError

ROWS = 5000  # fetched at a time

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def read_table(url: str, name: str) -> Iterator[EventRow]:
    """Yield (row number, event) in the order of the table's primary key; without one, as the database gives them.

    Args:
        url: "sqlite:///FILE" or "postgresql://USER:PASSWORD@HOST/DATABASE"; it is never shown.
        name: of the table or view, "SCHEMA.NAME" where it lies in another schema.

    Raises:
        RequestError: BAD_FIELD for another kind of database, or a table that is not there.
        SourceError: BAD_ROW when the database breaks off.
    """
    from sqlalchemy import create_engine, event, exc  # half a second to load: only for those who need it

    row = 0
    engine = create_engine(_address(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _any_text)
    try:
        with engine.connect().execution_options(yield_per=ROWS) as connection:
            for found in connection.execute(_query(connection, name)).mappings():
                row += 1
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


def _query(connection: Any, name: str) -> Any:
    from sqlalchemy import MetaData, Table, column, select

    schema, _, bare = name.rpartition(".")
    table = Table(bare, MetaData(), schema=schema or None, autoload_with=connection)
    # Untyped: what the driver reads is told to the gateway, and not what a declared type makes of it.
    columns: list[Any] = [column(found.name) for found in table.columns]
    return select(*columns).select_from(table).order_by(*[column(key.name) for key in table.primary_key.columns])


def _any_text(connection: Any, _: object) -> None:
    """Let text that is not UTF-8 through as lone surrogates: the client names its row and field."""
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
