"""Numbers that grow without gaps: rows to lock, because a sequence keeps what a rollback took from it."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import bindparam, select, update

from gateway.errors import StateError
from gateway.store import schema
from gateway.store.connection import StoreConnection


class Counter(StrEnum):
    """The counters there are.

    REGISTRY grows with every change of the registry; CHANGES is the number of
    the last append of consent events; IDENTITY is the version of the links to
    other systems' ids; PENDING is the next pending id of the log; SIZE is the
    number of integrated entries; EXPORTS counts nothing and is what writers of
    the export counters lock; DECISIONS is the number of the last decision on
    record; MEMBERS is the next number of a member of cohorts, of which each
    erasure takes one, too. Writers of consents take CHANGES before they look
    at anybody, EXPORTS and DECISIONS are taken before anything else, MEMBERS
    before PENDING, which comes last, and SIZE only to sequence, so that nobody
    waits in a circle.
    """

    REGISTRY = "registry"
    CHANGES = "changes"
    IDENTITY = "identity"
    PENDING = "pending"
    SIZE = "size"
    EXPORTS = "exports"
    DECISIONS = "decisions"
    MEMBERS = "members"


# Made once: most transactions that write ask one of them.
_READ = select(schema.counters.c.value).where(schema.counters.c.name == bindparam("counter"))
_LOCK = _READ.with_for_update()
_SET = update(schema.counters).where(schema.counters.c.name == bindparam("counter")).values(value=bindparam("new"))
_TAKE = (
    update(schema.counters)
    .where(schema.counters.c.name == bindparam("counter"))
    .values(value=schema.counters.c.value + bindparam("count"))
    .returning(schema.counters.c.value)
)


async def read_counter(connection: StoreConnection, counter: Counter) -> int:
    """Return a counter's value in this transaction's view."""
    return _present(await connection.scalar(_READ, {"counter": counter.value}))


async def lock_counter(connection: StoreConnection, counter: Counter) -> int:
    """Return a counter's value and keep every other writer of it waiting until this transaction ends."""
    return _present(await connection.scalar(_LOCK, {"counter": counter.value}))


async def take_numbers(connection: StoreConnection, counter: Counter, count: int) -> range:
    """Return the next numbers of a counter; as `lock_counter` and `set_counter`, in one statement."""
    if connection.postgresql:
        value = await connection.first_value(taking(counter), [count])
    else:
        value = await connection.scalar(_TAKE, {"counter": counter.value, "count": count})
    stop = _present(value)
    return range(stop - count, stop)


async def set_counter(connection: StoreConnection, counter: Counter, value: int) -> None:
    """Store the new value of a counter that this transaction has locked."""
    await connection.execute(_SET, {"counter": counter.value, "new": value})


def taking(counter: Counter) -> str:
    """Write PostgreSQL's statement that takes %s numbers and returns where they end."""
    # The name is one of our own.
    return f"UPDATE counters SET value = value + %s::bigint WHERE name = '{counter.value}' RETURNING value"  # nosec B608


def _present(value: int | None) -> int:
    if value is None:
        raise StateError("LOG_INCONSISTENT", "the store lost one of its counters; restore a backup")
    return value
