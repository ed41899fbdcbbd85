"""Opening a database: bring its schema up to this release, then check what commits rely on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from gateway.errors import RequestError, StateError
from gateway.store.connection import StoreConnection, uninterrupted
from gateway.store.counters import Counter
from gateway.store.engine import Engines, connect
from gateway.store.failure import DATABASE_ERRORS, gateway_errors
from gateway.store.salts import LOG_ITSELF, salts_of
from gateway.store.schema import counters
from gateway.store.transaction import SqlStore

BUSY_S = (0.5, 1.0, 2.0)
_MIGRATIONS = Path(__file__).parent / "migrations"
# Two processes that open one database at once must not both create its tables. SQLite's writers are alone anyway.
_UPGRADE_LOCK = text("SELECT pg_advisory_xact_lock(7293486150283)")


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def open_store(url: str, *, now: Callable[[], datetime] = _utc_now) -> SqlStore:
    """Open a database and bring it up to this release's schema.

    Args:
        url: sqlite:///relative or sqlite:////absolute, or postgresql://user@host/name.
        now: the current time (UTC), for rows that say when they last changed.

    Returns:
        The store; close it when done.

    Raises:
        RequestError: BAD_FIELD for a URL that cannot be used.
        StateError: STORE_UNAVAILABLE when the server cannot be reached; REVISION_CONFLICT when a later
            release has written the database; DISK_FULL.
    """
    engines = connect(url)
    try:
        await uninterrupted(_upgrade(engines))
    except BaseException:
        await engines.close()
        raise
    return SqlStore(engines, now)


async def migrate(url: str) -> None:
    """Bring a database up to this release's schema and close it again; raises as `open_store`."""
    await (await open_store(url)).close()


async def _upgrade(engines: Engines) -> None:
    """Bring the schema up to date; another process that does the same just now is waited for."""
    for pause_s in (*BUSY_S, None):
        try:
            await _upgraded(engines)
            return
        except StateError as error:
            busy = error.reason == "REVISION_CONFLICT" and isinstance(error.__cause__, DATABASE_ERRORS)
            if pause_s is None or not busy:
                raise
        await asyncio.sleep(pause_s)


async def _upgraded(engines: Engines) -> None:
    with gateway_errors():
        async with engines.writer.connect() as connection, connection.begin():
            if engines.sqlite:
                if (await connection.execute(text("PRAGMA journal_mode"))).scalar() != "wal":
                    raise RequestError(
                        "BAD_FIELD", "store.url lies on a file system without SQLite's write-ahead log; move the file"
                    )
            else:
                await connection.execute(_UPGRADE_LOCK)
            await connection.run_sync(_upgrade_schema)
            store = StoreConnection(connection, writable=True, now=_utc_now)
            starts = [{"name": counter.value, "value": 0} for counter in Counter]
            await store.insert_rows(counters, starts, skip_known=True)
            await salts_of(store, [LOG_ITSELF])


def _upgrade_schema(connection: Connection) -> None:
    versioned = connection.dialect.has_table(connection, "alembic_version")
    if versioned and connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == _newest():
        return
    # A second to load, and most openings need nothing of it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        known = ", ".join(ScriptDirectory.from_config(config).get_heads())
        raise StateError(
            "REVISION_CONFLICT",
            f"a later release has written this database (this one knows schema {known}); start that release instead",
        ) from error


def _newest() -> str:
    """Return the number of the last migration."""
    return max(path.name[1:5] for path in (_MIGRATIONS / "versions").glob("v*.py"))
