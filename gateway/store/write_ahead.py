"""SQLite's write-ahead log, copied back into the database beside the writer.

SQLite itself copies at the end of a commit, and every other writer waits. Of a large import that is as long as half of
each batch. Here a connection of its own copies while the next transaction runs; SQLite's own copying is left for what
this one did not reach, because it may begin the log anew only when all of it is copied.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Misuse
from gateway.store.connection import uninterrupted
from gateway.store.failure import DATABASE_ERRORS, gateway_error

COPIED_AT = 5000  # rows written since the last time
FEWEST = 20  # rows that a transaction counts for at least: its pages are more than its rows


class WriteAheadLog:
    """The log of one database.

    Args:
        writer: where writers come from.
        copier: for this alone; None where the database is not SQLite.
    """

    def __init__(self, writer: AsyncEngine, copier: AsyncEngine | None) -> None:
        self._writer = writer
        self._copier = copier
        self._rows = 0
        self._copying: asyncio.Task[None] | None = None
        self._alone = asyncio.Lock()

    def grew(self, rows: int) -> None:
        """Count what a transaction wrote, and begin to copy when it is time; nobody waits for that."""
        if self._copier is None:
            return
        self._rows += max(rows, FEWEST)
        if self._rows >= COPIED_AT and (self._copying is None or self._copying.done()):
            self._rows = 0
            self._copying = asyncio.create_task(self._copy(self._copier))

    async def _copy(self, copier: AsyncEngine) -> None:
        async with self._alone:
            await uninterrupted(_checkpoint(copier, "PASSIVE"))

    async def empty(self) -> bool:
        """Empty the log, which still holds the pages as they were before an erasure.

        Returns:
            False when a reader still needs it; the next commit tries again.
        """
        if self._copier is None:
            return True
        async with self._alone:
            return await uninterrupted(_checkpoint(self._writer, "TRUNCATE"))

    async def close(self) -> None:
        """Wait until nothing is copied any more."""
        if self._copying is not None:
            await asyncio.wait({self._copying})


async def _checkpoint(engine: AsyncEngine, mode: str) -> bool:
    """Copy the log back; return whether nobody was in the way."""
    try:
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:
                return False
            # Without waiting: writers queue behind this connection.
            (timeout,) = await (await driver.execute("PRAGMA busy_timeout")).fetchone()
            await driver.execute("PRAGMA busy_timeout = 0")
            try:
                busy, _, _ = await (await driver.execute(f"PRAGMA wal_checkpoint({mode})")).fetchone()
            finally:
                await driver.execute(f"PRAGMA busy_timeout = {int(timeout)}")
            return not busy
    except DATABASE_ERRORS as error:
        # What was committed is on disk; only its place waits for the next attempt.
        failure = gateway_error(error)
        if isinstance(failure, Misuse):
            raise failure from error
        return False
