"""From what is declared to where the rows come from."""

from __future__ import annotations

from pathlib import Path

from gateway.dataset import place
from gateway.dataset.csv_bytes import Dialect
from gateway.dataset.database import Database
from gateway.dataset.declaration import PartDeclaration
from gateway.dataset.files import Files
from gateway.dataset.origin import Origin
from gateway.dataset.place import Place
from gateway.dataset.source import Source
from gateway.dataset.table import Table
from gateway.route import partition

_DELIMITERS = {"": ",", "tab": "\t", "ctrl-a": "\x01"}


def origin(name: str, part: str, declared: PartDeclaration, rows: int) -> Origin:
    """Return where the rows of a part come from; nothing is read yet.

    Args:
        name: of the data set.
        part: of the data set, "" where it has one.
        declared: what stands in the settings.
        rows: most rows of a batch.

    Raises:
        RequestError: BAD_FIELD for what the settings could not check.
        SourceError: BAD_ROW for a file system that cannot be opened.
    """
    predicates = tuple(partition.parse(text) for text in declared.partitions)
    dialect = Dialect(declared.encoding, _DELIMITERS.get(declared.delimiter, declared.delimiter))
    if declared.table:
        return _table(name, part, declared)
    if declared.path is not None:
        source = Source(name, declared.path, part)
        where = Place(None, str(declared.path))
    else:
        url = declared.address()
        where = place.remote(Source(name, Path(url.partition("?")[0]), part), url)
        source = Source(name, Path(where.path), part, disk=where.disk)
    return Files(source, where, declared.format, rows, dialect=dialect, predicates=predicates)


def _table(name: str, part: str, declared: PartDeclaration) -> Origin:
    # Drivers are loaded where they are used: most gateways use one of them, or none.
    source = Source(name, Path(declared.table), part, shown=declared.table)
    database: Database
    if declared.path is not None:
        from gateway.dataset.sqlite import SQLite

        database = SQLite(declared.path)
    elif declared.format == "postgresql":
        from gateway.dataset.postgresql import PostgreSQL

        database = PostgreSQL(declared.address())
    else:
        from gateway.dataset.mysql import MySQL

        database = MySQL(declared.address())
    return Table(source, database, declared.table, tuple(declared.order_by))
