"""Databases without rows, migrated once per process: to migrate one takes a fifth of a second."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from gateway.store import migrate
from tests.compiled_once import compile_once

compile_once()

# The log's own salt, which opening makes anew: no two databases share one.
FORGET_SALTS = "DELETE FROM subject_salts"


def migrate_apart(url: str) -> None:
    """Migrate a database from anywhere, also from within a running event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(migrate(url))).result()


@cache
def empty_sqlite() -> bytes:
    """The file of an empty SQLite store."""
    with tempfile.TemporaryDirectory(prefix="as-empty-") as folder:
        path = Path(folder, "empty.db")
        migrate_apart(f"sqlite:///{path}")
        with sqlite3.connect(path) as connection:
            connection.execute(FORGET_SALTS)
        connection.close()
        return path.read_bytes()
