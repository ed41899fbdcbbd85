"""What a sink is to its port: something that is written as a whole, and out of which rows are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from gateway.route.delivery import SinkMode, Withdrawn

SUBJECT, RUN, WITHDRAWN_AT = "subject", "run", "withdrawn_at"
"""Columns that say whose a row is, which run it comes from, and since when it is a tombstone."""

Gone = Mapping[str, Sequence[str] | None]
"""Run -> subjects whose rows of that run must go; None: all its rows."""


class Secret(Protocol):
    """A value without a repr."""

    def get_secret_value(self) -> str:
        """Return the value."""
        ...


class SinkDeclaration(Protocol):
    """What `[sinks.NAME]` says; the settings' table has this shape."""

    @property
    def format(self) -> str:
        """Either "parquet", "csv", "sqlite", "postgresql" or "mysql"."""
        ...

    @property
    def path(self) -> Path | None:
        """The file, absolute; None for a remote database."""
        ...

    @property
    def url(self) -> Secret:
        """The remote database."""
        ...

    @property
    def password(self) -> Secret:
        """Of its user; may be empty."""
        ...

    @property
    def table(self) -> str:
        """The table, perhaps with its schema."""
        ...

    @property
    def mode(self) -> SinkMode:
        """How a result is put there."""
        ...

    @property
    def withdrawn(self) -> Withdrawn:
        """What becomes of rows that consent does not cover any more."""
        ...


class SinkWriter(Protocol):
    """Puts one result into a sink; blocking. Nothing is seen of it before `commit`."""

    def begin(self) -> None:
        """Open what is needed, and check that rows of the schema fit."""
        ...

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        ...

    def commit(self) -> None:
        """Put all rows in their place at once, durably."""
        ...

    def close(self) -> None:
        """Give up what was not committed; again is fine."""
        ...


class Place(Protocol):
    """One sink; blocking."""

    def writer(self, key: str, schema: pa.Schema) -> SinkWriter:
        """Return a writer; nothing is touched before it begins."""
        ...

    def take_out(self, gone: Gone, at: datetime) -> int:
        """Take rows out at once; return how many there were."""
        ...


def pairs_of(gone: Gone) -> Iterator[tuple[str, str]]:
    """Yield the (run, subject) that must go."""
    for run, subjects in gone.items():
        for subject in subjects or ():
            yield run, subject


def whole_runs(gone: Gone) -> list[str]:
    """Return the runs all of whose rows must go."""
    return [run for run, subjects in gone.items() if subjects is None]


def emptied_columns(names: Iterable[str]) -> list[str]:
    """Return the columns that a tombstone says nothing in."""
    return [name for name in names if name not in (SUBJECT, RUN, WITHDRAWN_AT)]
