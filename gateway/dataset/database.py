"""What every kind of database answers to `table.Table`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

Name = tuple[str, ...]
"""A table: its name, its schema before it where that is declared."""


class Connection(Protocol):
    """An open connection; reads only."""

    def columns(self, table: Name) -> list[tuple[str, str]]:
        """Return the columns with the database's words for their types; none where there is no such table."""
        ...

    def key(self, table: Name) -> list[str]:
        """Return columns by which the table orders its rows, each of them once; none where it has no such key."""
        ...

    def rows(self, query: str) -> Generator[pa.RecordBatch, None, None]:
        """Run a query whose columns are text, batch by batch, as the rows come; all of one moment."""
        ...


class Database(Protocol):
    """A database, its ways of writing names, and its errors."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""
        ...

    def connected(self) -> AbstractContextManager[Connection]:
        """Connect; closed at the end, whatever was left unread."""
        ...

    def quoted(self, name: str) -> str:
        """Write a name."""
        ...

    def as_text(self, column: str) -> str:
        """Write the text of a column that is quoted already."""
        ...

    def damage(self, error: Exception) -> str:
        """Return what an error says of the database's own state, "" where it says nothing of it."""
        ...

    def code(self, error: Exception) -> str:
        """Return the code of an error, "" without one; never its message, which may hold a value or a password."""
        ...
