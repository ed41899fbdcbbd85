"""Statements compiled once per process: every gateway of a test has engines of its own, which would compile them again.

A compiled statement depends on its dialect's class alone, as long as dialects are not configured; SQLAlchemy, which
cannot know that ours are not, asks for the same object.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache

from gateway.store import engine
from gateway.store.sqlite import Dialect

_STATEMENTS = 4000
_compiled: Any = LRUCache(_STATEMENTS)
_create = engine.create_async_engine


def _create_async_engine(*args: Any, **options: Any) -> AsyncEngine:
    made = _create(*args, **options)
    if type(made.dialect) is Dialect:
        made.sync_engine._compiled_cache = _compiled
    return made


def compile_once() -> None:
    """From now on, every engine of our SQLite dialect shares what the others compiled."""
    Dialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign, assignment]
    Dialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign, assignment]
    engine.create_async_engine = _create_async_engine  # type: ignore[assignment]
