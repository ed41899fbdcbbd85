"""Connections to the two databases, set so that a commit is durable and a read is one snapshot."""

from __future__ import annotations

import math
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.errors import RequestError

BUSY_SECONDS = 60  # how long a writer waits for another one before it gives up
READERS = 4  # SQLite connections for reading; each is a thread
POSTGRESQL_CONNECTIONS = 5
POSTGRESQL_OVERFLOW = 10
PING_AFTER_S = 0.1  # a connection of PostgreSQL that was in use more lately than this still stands
SQLITE_MINIMUM = (3, 38, 0)  # the first with JSON functions in every build

registry.register("sqlite.assent", "gateway.store.sqlite", "Dialect")

_DRIVERS = {
    "sqlite": "sqlite+assent",
    "sqlite+aiosqlite": "sqlite+assent",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}

# synchronous and secure_delete are settings of a connection, not of the file.
_SQLITE_WRITER = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # an erased payload is overwritten, not only unlinked
    "PRAGMA temp_store = MEMORY",  # nothing of a sort in /tmp
    # A batch of an import into a large store touches more than 100 MiB of pages, each only once if they stay.
    "PRAGMA cache_size = -131072",
    # The log is copied back beside the writer (`write_ahead`), who does it only for a log of 512 MiB, which then begins
    # anew in a small file.
    "PRAGMA wal_autocheckpoint = 131072",
    "PRAGMA journal_size_limit = 67108864",
)
_SQLITE_READER = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA query_only = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
)
_POSTGRESQL = (f"SET lock_timeout = '{BUSY_SECONDS}s'",)


@dataclass(frozen=True, slots=True)
class Engines:
    """Where transactions come from: `writer` for begin(), `reader` for read(); `copier` for SQLite's log alone."""

    writer: AsyncEngine
    reader: AsyncEngine
    copier: AsyncEngine | None = None

    @property
    def sqlite(self) -> bool:
        """Whether this is SQLite, with a file and a log of its own."""
        return self.writer.dialect.name == "sqlite"

    async def close(self) -> None:
        """Close all connections; SQLite then removes its log."""
        if self.copier is not None:
            await self.copier.dispose()
        await self.reader.dispose()
        await self.writer.dispose()


def connect(url: str) -> Engines:
    """Prepare engines; the first transaction opens the first connection.

    Args:
        url: sqlite:///relative/or//absolute.db, or postgresql://user@host/name.

    Raises:
        RequestError: BAD_FIELD for a URL that names no database we can use. The
            URL itself is never repeated: it may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _bad_url("is not a database URL") from error
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise _bad_url("names neither sqlite nor postgresql")
    parsed = parsed.set(drivername=driver)
    return _sqlite(parsed) if driver.startswith("sqlite") else _postgresql(parsed)


def _sqlite(url: URL) -> Engines:
    path = url.database or ""
    if path in ("", ":memory:") or path.startswith("file:"):
        raise _bad_url("needs a plain file for SQLite")
    if sqlite3.sqlite_version_info < SQLITE_MINIMUM:
        raise _bad_url("names sqlite, but the SQLite library here is older than 3.38")
    _create_private(Path(path))

    def engine(size: int, settings: tuple[str, ...]) -> AsyncEngine:
        made = create_async_engine(
            url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            hide_parameters=True,
            # The driver would otherwise begin by itself, and never IMMEDIATE.
            connect_args={"isolation_level": None},
        )
        _on_connect(made, settings)
        return made

    # One writer per process: writers queue in order here instead of polling for the file's lock.
    writer = engine(1, ("PRAGMA journal_mode = WAL", *_SQLITE_WRITER))
    reader = engine(READERS, _SQLITE_READER)

    @event.listens_for(writer.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(reader.sync_engine, "begin")
    def _begin_reading(connection: Connection) -> None:
        cast(Any, connection.connection.dbapi_connection).begin_reading()

    return Engines(writer=writer, reader=reader, copier=engine(1, _SQLITE_READER))


def _postgresql(url: URL) -> Engines:
    writer = create_async_engine(
        url,
        pool_size=POSTGRESQL_CONNECTIONS,
        max_overflow=POSTGRESQL_OVERFLOW,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
    )
    _on_connect(writer, _POSTGRESQL)
    _ping_rested(writer)
    reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Engines(writer=writer, reader=reader)


def _on_connect(engine: AsyncEngine, settings: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(setting)
        cursor.close()
        connection.commit()


def _ping_rested(engine: AsyncEngine) -> None:
    """Ask a connection whether it still stands before it is used, unless it was in use until just now."""
    dialect = engine.sync_engine.dialect

    @event.listens_for(engine.sync_engine, "checkin")
    def _rested(_connection: object, record: Any) -> None:
        record.info["rested_since"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def _ping(connection: Any, record: Any, _fairy: object) -> None:
        if time.monotonic() - record.info.get("rested_since", math.inf) > PING_AFTER_S:
            try:
                dialect.do_ping(connection)
            except dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error


def _create_private(path: Path) -> None:
    """Make the file, so that it and the logs that SQLite puts beside it are readable by their owner only."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _bad_url("names a file that cannot be opened for writing") from error


def _bad_url(problem: str) -> RequestError:
    return RequestError("BAD_FIELD", f"store.url {problem}; correct it in the settings")
